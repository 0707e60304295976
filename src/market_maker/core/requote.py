"""Wanted against live: which resting orders stay, which go, which are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from market_maker.core.commands import OrderStatus
from market_maker.core.events import Side
from market_maker.core.orders import Order
from market_maker.core.quoting import QuoteLevel

BPS = 10_000


@dataclass(frozen=True, slots=True)
class SidePlan:
    """What to do on one side: orders to cancel, and levels to place, inner ones first."""

    cancel: tuple[Order, ...]
    place: tuple[QuoteLevel, ...]


def plan_side(
    side: Side,
    wanted: Sequence[QuoteLevel],
    live: Sequence[Order],
    threshold: tuple[int, int],
    barrier: int | None,
) -> SidePlan:
    """Match the live orders of a side with its wanted levels, inner level first.

    An order stays when its price is within the threshold (`threshold` bps as numerator and
    denominator) of a level's price, its rest is at least half of the level's size, and it does not
    stand in the way of the other side: `barrier` is the innermost price that the other side wants.
    An order on its way in (pending new) holds its level and is judged once it is acknowledged;
    one on its way out holds nothing.
    """
    unmatched = list(wanted)
    cancel: list[Order] = []
    for order in sorted(live, key=lambda order: -side.sign * order.price_ticks):
        if order.status is OrderStatus.PENDING_CANCEL:
            continue
        index = _match(order, unmatched, threshold)
        if index is not None and not _in_the_way(order, barrier):
            del unmatched[index]
        elif order.status is OrderStatus.PENDING_NEW:
            _hold_level(order, unmatched)
        else:
            cancel.append(order)
    return SidePlan(tuple(cancel), tuple(unmatched))


def _match(order: Order, wanted: list[QuoteLevel], threshold: tuple[int, int]) -> int | None:
    """Index of the first wanted level that the order still serves."""
    numerator, denominator = threshold
    for index, level in enumerate(wanted):
        distance = abs(order.price_ticks - level.price_ticks) * BPS * denominator
        if distance <= level.price_ticks * numerator and 2 * order.open_lots >= level.lots:
            return index
    return None


def _in_the_way(order: Order, barrier: int | None) -> bool:
    return barrier is not None and order.side.sign * (order.price_ticks - barrier) >= 0


def _hold_level(order: Order, wanted: list[QuoteLevel]) -> None:
    """Do not place the level for which this order is still on its way."""
    for index, level in enumerate(wanted):
        if level.level == order.level:
            del wanted[index]
            return
