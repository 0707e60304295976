"""The line ln rate = ln A - k depth through counted rates, by weighted least squares."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from market_maker.core.pricing.models.decimals import MODEL, TWO, exp, ln

FIT_MIN = Decimal("0.8")
"""A line that explains less of the variance of ln rate is no basis for a price."""
_SECOND_US = Decimal(1_000_000)
_PLACES = Decimal("1e-9")


class Line(NamedTuple):
    """A in 1/s, k in 1/tick, and R squared."""

    a: Decimal
    k: Decimal
    fit: Decimal


def fitted(points: Sequence[tuple[int, int, int]]) -> Line:
    """The line through (depth in half ticks, orders, microseconds); at least two different depths.

    Rounded to nine places, so that figures read as they are used.
    """
    c = MODEL
    total = x_sum = y_sum = xx_sum = xy_sum = yy_sum = Decimal(0)
    for half_ticks, orders, time_us in points:
        weight, x = Decimal(orders), Decimal(half_ticks) / TWO
        y = ln(c.divide(c.multiply(weight, _SECOND_US), Decimal(time_us)))
        wx, wy = c.multiply(weight, x), c.multiply(weight, y)
        total, x_sum, y_sum = c.add(total, weight), c.add(x_sum, wx), c.add(y_sum, wy)
        xx_sum, xy_sum = c.add(xx_sum, c.multiply(wx, x)), c.add(xy_sum, c.multiply(wx, y))
        yy_sum = c.add(yy_sum, c.multiply(wy, y))
    x_mean, y_mean = c.divide(x_sum, total), c.divide(y_sum, total)
    xx = c.subtract(xx_sum, c.multiply(x_sum, x_mean))
    xy = c.subtract(xy_sum, c.multiply(x_sum, y_mean))
    yy = c.subtract(yy_sum, c.multiply(y_sum, y_mean))
    slope = c.divide(xy, xx)
    a = exp(c.subtract(y_mean, c.multiply(slope, x_mean)))
    explained = c.divide(c.multiply(xy, xy), c.multiply(xx, yy)) if yy > 0 else Decimal(0)
    return Line(_rounded(a), _rounded(c.minus(slope)), _rounded(explained))


def _rounded(value: Decimal) -> Decimal:
    return MODEL.quantize(value, _PLACES)
