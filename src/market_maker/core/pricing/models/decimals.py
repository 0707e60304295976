"""Decimal arithmetic of the models: the same digits on every machine.

Decimal's ln, exp and square root are correctly rounded to the context's precision, unlike those of a C
library, whose last bit depends on who wrote it. Powers are made of ln and exp with more digits, then
rounded.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

MODEL = Context(prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])
"""Every operation of a model. Nothing raises: what is out of range becomes infinite or not a number, which is
no usable proposal."""
_WIDE = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])

ONE = Decimal(1)
TWO = Decimal(2)
_EXPONENT_MAX = 2_000_000
"""e to more than this is out of range, and would take long to find out."""


def ln(value: Decimal) -> Decimal:
    """The natural logarithm."""
    return MODEL.ln(value)


def exp(value: Decimal) -> Decimal:
    """E to the power of `value`."""
    if value.is_finite() and abs(value) > _EXPONENT_MAX:
        return Decimal("Infinity") if value > 0 else Decimal(0)
    return MODEL.exp(value)


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """A positive base to any power."""
    wide = _WIDE.multiply(exponent, _WIDE.ln(base))
    if wide.is_finite() and abs(wide) > _EXPONENT_MAX:
        return Decimal("Infinity") if wide > 0 else Decimal(0)
    return MODEL.plus(_WIDE.exp(wide))


def floor_int(value: Decimal) -> int:
    """The next whole number below a finite value."""
    return int(value.to_integral_value(ROUND_FLOOR))


def ceil_int(value: Decimal) -> int:
    """The next whole number above a finite value."""
    return int(value.to_integral_value(ROUND_CEILING))
