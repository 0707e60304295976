"""Wanted against live: which resting orders stay, which go, which are missing. Pure.

Orders are matched to levels by price. An order fits a level while it is not too far outside its price (too
passive), not too far inside it (too aggressive), and its rest is at least half of the level's size. As many
orders as possible stay; among as many, those that have queued longest; among these, those that stand
nearest to their levels. No order is matched across another, so that an inner level never ends outside an
outer one.

What does not fit goes at once where it could cost something: it is too aggressive for the innermost level,
beyond a limit, or more than there are levels. What is left only stands in the wrong place, and waits until
a level that is missing has been sent for.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from market_maker.core.commands import RESTING, OrderStatus
from market_maker.core.orders.order_tracker import Order
from market_maker.core.pricing.quoting import QuoteLevel
from market_maker.core.side import Side

BPS = 10_000

_AGE = 1 << 40
"""More than all distances of a side in ticks."""
_MATCH = 1 << 112
"""More than the ages of all orders of a side in nanoseconds, times `_AGE`."""

_BUY, _PENDING_CANCEL = Side.BUY, OrderStatus.PENDING_CANCEL
_PRICE = attrgetter("price_ticks")

Pair = tuple[Order, QuoteLevel]


class Tolerance(NamedTuple):
    """How far an order may stand from its level's price."""

    passive_num: int
    passive_den: int
    """The share of the level's price that it may stand outside of it: the price threshold."""
    inward_ticks: int
    """What it may stand inside of it, where the threshold is not less: a quarter of the half spread."""

    @classmethod
    def of(cls, threshold_bps: tuple[int, int], inward_ticks: int) -> "Tolerance":
        """From the price threshold in bps, as numerator and denominator."""
        numerator, denominator = threshold_bps
        return cls(numerator, denominator * BPS, inward_ticks)

    def too_aggressive(self, order: Order, level: QuoteLevel) -> bool:
        """Whether the order gives away more of the edge than it may."""
        inward = order.side.sign * (order.price_ticks - level.price_ticks)
        return inward > self.inward_ticks or inward * self.passive_den > level.price_ticks * self.passive_num

    def fits(self, order: Order, level: QuoteLevel) -> bool:
        """Whether the order may stay for the level."""
        price = level.price_ticks
        distance = price - order.price_ticks
        if distance and (distance < 0) is (order.side is _BUY) and abs(distance) > self.inward_ticks:
            return False
        within = abs(distance) * self.passive_den <= price * self.passive_num
        return within and 2 * order.open_lots >= level.lots


class SidePlan(NamedTuple):
    """What to do on one side; everything inner first."""

    cancel: tuple[Order, ...]
    """They go at once."""
    kept: tuple[Pair, ...]
    """They stay, each for its level."""
    missing: tuple[QuoteLevel, ...]
    """Levels that no order serves."""
    waiting: tuple[Order, ...]
    """They stand in the wrong place, one at most for each missing level, and stay until that was sent for."""


def plan_side(
    side: Side,
    wanted: Sequence[QuoteLevel],
    full: Sequence[QuoteLevel],
    live: Sequence[Order],
    tolerance: Tolerance,
    excess: Sequence[Order] = (),
) -> SidePlan:
    """Compare the live orders of a side with its levels.

    `full` are outer levels for which the position limit leaves no new order room: one that rests there
    already may stay. Orders in `excess` are beyond a limit and go. An order on its way in (pending new) holds
    the level nearest to it and is judged once it is acknowledged; one on its way out holds nothing, and is
    cancelled again when its cancel came to nothing.
    """
    cancel: list[Order] = []
    coming: list[Order] = []
    resting: list[Order] = []
    for order in live:
        if order.status is _PENDING_CANCEL:
            if not order.cancel_outstanding and not order.query_outstanding:
                cancel.append(order)
        elif order.status not in RESTING:
            coming.append(order)
        elif order in excess:
            cancel.append(order)
        else:
            resting.append(order)
    inner_first(side, resting)
    if not coming and len(resting) == len(wanted) and all(map(tolerance.fits, resting, wanted)):
        return SidePlan(tuple(cancel), tuple(zip(resting, wanted, strict=True)), (), ())
    free, held = list(wanted), []
    for order in coming:
        if free:
            held.append(min(free, key=lambda level: abs(level.price_ticks - order.price_ticks)))
            free.remove(held[-1])
    kept = match(resting, free, tolerance)
    taken = {level.level for _, level in kept}
    missing = [level for level in free if level.level not in taken]
    waiting: list[Order] = []
    for order in _without(resting, kept):
        levels = wanted or full
        at_once = bool(levels) and tolerance.too_aggressive(order, levels[0])
        (cancel if at_once else waiting).append(order)
    surplus = waiting[len(missing) :]
    parked = match(surplus, full, tolerance)
    cancel += _without(surplus, parked)
    inner_first(side, cancel)
    return SidePlan(
        tuple(cancel),
        (*_relabelled(side, kept, coming, held), *parked),
        tuple(missing),
        tuple(waiting[: len(missing)]),
    )


def match(orders: Sequence[Order], levels: Sequence[QuoteLevel], tolerance: Tolerance) -> list[Pair]:
    """The best matching in which both orders and levels, given inner first, keep their sequence."""
    if not orders or not levels:
        return []
    if len(orders) == len(levels) == 1:
        pair = orders[0], levels[0]
        return [pair] if tolerance.fits(*pair) else []
    best = [[0] * (len(levels) + 1)]
    for order in orders:
        above, row = best[-1], [0]
        for column, level in enumerate(levels):
            worth = max(row[column], above[column + 1])
            if tolerance.fits(order, level):
                distance = abs(order.price_ticks - level.price_ticks)
                worth = max(worth, above[column] + _MATCH - order.sent_ns * _AGE - distance)
            row.append(worth)
        best.append(row)
    return _pairs(best, orders, levels)


def _pairs(best: list[list[int]], orders: Sequence[Order], levels: Sequence[QuoteLevel]) -> list[Pair]:
    """The way back through the table of `match`."""
    pairs: list[Pair] = []
    row, column = len(orders), len(levels)
    while row and column:
        if best[row][column] == best[row - 1][column]:
            row -= 1
        elif best[row][column] == best[row][column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((orders[row], levels[column]))
    pairs.reverse()
    return pairs


def inner_first(side: Side, orders: list[Order]) -> None:
    """Sort the orders of a side by price, the most aggressive first."""
    if len(orders) > 1:
        orders.sort(key=_PRICE, reverse=side is _BUY)


def _relabelled(
    side: Side, kept: Sequence[Pair], coming: Sequence[Order], held: Sequence[QuoteLevel]
) -> list[Pair]:
    """All orders that serve a level, with those on their way in: the innermost order has the innermost."""
    if not kept and not held:
        return []
    orders = [order for order, _ in kept] + list(coming[: len(held)])
    inner_first(side, orders)
    levels = sorted([*(level for _, level in kept), *held], key=lambda level: level.level)
    return list(zip(orders, levels, strict=True))


def _without(orders: Sequence[Order], pairs: Sequence[Pair]) -> Sequence[Order]:
    if not pairs:
        return orders
    matched = {order.client_order_id for order, _ in pairs}
    return [order for order in orders if order.client_order_id not in matched]
