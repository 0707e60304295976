"""What stored orders say of a period: their lifetimes, the spread between them, when both sides stood.

An order stands while it rests, as presence counts it: from when the exchange was heard to acknowledge it to
when its end was heard, whenever it was made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from market_maker.core.instrument import EXACT
from market_maker.core.side import Side
from market_maker.repositories.orders import OrderRecord, Rested
from market_maker.repositories.wall_time import microseconds
from tradex_backtest.report.figures import OrderFigures

BPS: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class InnermostOrders:
    """From `at_us` on the innermost orders are these; None: none on that side."""

    at_us: int
    bid: Decimal | None
    ask: Decimal | None

    @property
    def spread_bps(self) -> Decimal | None:
        """Between them; None unless both sides stand."""
        if self.bid is None or self.ask is None:
            return None
        middle = EXACT.divide(EXACT.add(self.bid, self.ask), Decimal(2))
        return EXACT.divide(EXACT.multiply(EXACT.subtract(self.ask, self.bid), BPS), middle)


def order_figures(orders: Sequence[OrderRecord]) -> OrderFigures:
    """Counts and lifetimes."""
    lived = (
        (order.updated_at - order.created_at).total_seconds() * 1000
        for order in orders
        if order.status.is_final and order.order_id is not None
    )
    return OrderFigures(
        placed=len(orders),
        cancelled=sum(order.status.value == "cancelled" for order in orders),
        with_fills=sum(bool(order.filled_quantity) for order in orders),
        lifetimes_ms=tuple(sorted(lived)),
    )


def standings(orders: Iterable[Rested], until: datetime) -> list[InnermostOrders]:
    """Each change of the innermost orders, oldest first."""
    end_us = microseconds(until)
    changes: list[tuple[int, bool, int, Rested]] = []
    for number, order in enumerate(orders):
        began_us = microseconds(order.rested_at)
        ended_us = end_us if order.ended_at is None else microseconds(order.ended_at)
        changes.append((began_us, False, number, order))
        changes.append((max(began_us, ended_us), True, number, order))
    live: dict[int, Rested] = {}
    found: list[InnermostOrders] = []
    for at_us, ends, number, order in sorted(changes, key=lambda change: change[:3]):
        if ends:
            del live[number]
        else:
            live[number] = order
        bids = [one.price for one in live.values() if one.side is Side.BUY]
        asks = [one.price for one in live.values() if one.side is Side.SELL]
        found.append(InnermostOrders(at_us, max(bids, default=None), min(asks, default=None)))
    return found


def two_sided_us(told: Sequence[InnermostOrders], began_us: int, ended_us: int) -> int:
    """How long both sides stood within a span."""
    total = 0
    for index, standing in enumerate(told):
        next_us = told[index + 1].at_us if index + 1 < len(told) else ended_us
        if standing.bid is not None and standing.ask is not None:
            total += max(0, min(next_us, ended_us) - max(standing.at_us, began_us))
    return total
