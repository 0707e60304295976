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
    excess: Sequence[Order] = (),
) -> SidePlan:
    """Compare the live orders of a side with the levels that they were placed for.

    An order stays when its price is within the threshold (`threshold` bps as numerator and
    denominator) of its level's price, its rest is at least half of the level's size, and it does not
    stand in the way of the other side: `barrier` is the innermost price that the other side wants.
    Orders in `excess` are beyond a limit and go. An order on its way in (pending new) holds its level and
    is judged once it is acknowledged; one on its way out holds nothing, and is cancelled again when its
    cancel came to nothing.
    """
    missing = {level.level: level for level in wanted}
    cancel: list[Order] = []
    for order in sorted(live, key=lambda order: -side.sign * order.price_ticks):
        if order.status is OrderStatus.PENDING_CANCEL:
            if not order.cancel_outstanding and not order.query_outstanding:
                cancel.append(order)
        elif order.status is OrderStatus.PENDING_NEW:
            missing.pop(order.level, None)
        elif order in excess:
            cancel.append(order)
        elif _serves(order, missing.get(order.level), threshold) and not _in_the_way(order, barrier):
            del missing[order.level]
        else:
            cancel.append(order)
    return SidePlan(tuple(cancel), tuple(missing.values()))


def _serves(order: Order, target: QuoteLevel | None, threshold: tuple[int, int]) -> bool:
    if target is None:
        return False
    numerator, denominator = threshold
    distance = abs(order.price_ticks - target.price_ticks) * BPS * denominator
    return distance <= target.price_ticks * numerator and 2 * order.open_lots >= target.lots


def _in_the_way(order: Order, barrier: int | None) -> bool:
    return barrier is not None and order.side.sign * (order.price_ticks - barrier) >= 0
