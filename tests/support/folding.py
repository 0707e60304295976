"""What stored rows make, computed once more: a position from its fills, presence from orders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from market_maker.core.commands import PositionRow
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.presence import Presence
from market_maker.core.obligations import PresenceSpan, Programme, Resting
from market_maker.core.side import Side
from market_maker.repositories.executor import Executor
from market_maker.repositories.wall_time import microseconds

ORDER_LIVES = """
SELECT
    orders.client_order_id, orders.side, orders.price, orders.quantity, orders.rested_at, orders.ended_at,
    coalesce(array_agg(fills.counted_at ORDER BY fills.id) FILTER (WHERE fills.id IS NOT NULL), '{}')
        ::timestamptz[] AS counted_ats,
    coalesce(array_agg(fills.quantity ORDER BY fills.id) FILTER (WHERE fills.id IS NOT NULL), '{}')
        ::numeric[] AS filled
FROM mm_orders AS orders
LEFT JOIN mm_fills AS fills
    ON fills.symbol = orders.symbol AND fills.order_id = orders.order_id AND fills.counted_at IS NOT NULL
WHERE orders.symbol = $1 AND orders.rested_at < $2::timestamptz
    AND (orders.ended_at IS NULL OR orders.ended_at > $3::timestamptz)
GROUP BY orders.client_order_id
ORDER BY orders.rested_at, orders.client_order_id
"""
"""Orders that rested in a period, with what was filled of each and when."""


@dataclass(frozen=True, slots=True)
class OrderLife:
    """One stored order: when it rested, and what was left of it since when."""

    client_order_id: str
    left: tuple[tuple[int, Resting | None], ...]
    """(since when, what rests of it), oldest first; None: nothing any more."""


class Amounts(Protocol):
    """What a fill moves."""

    @property
    def side(self) -> Side: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def fee(self) -> Decimal: ...
    @property
    def mid(self) -> Decimal | None: ...


def fold(fills: Iterable[Amounts]) -> PositionRow:
    """The position that a history of fills makes, oldest first."""
    inventory = Inventory()
    for fill in fills:
        inventory.apply(fill.side, fill.price, fill.quantity, fill.fee, fill.mid)
    return inventory.to_row()


def recomputed(
    programmes: tuple[Programme, ...], stretches: Iterable[tuple[int, int]], lives: Iterable[OrderLife]
) -> list[PresenceSpan]:
    """The records of stretches of time in which the symbol quoted, from its stored orders."""
    changes = sorted(
        ((at_us, life.client_order_id, resting) for life in lives for at_us, resting in life.left),
        key=lambda change: change[0],
    )
    found: list[PresenceSpan] = []
    for from_us, until_us in stretches:
        presence = Presence(programmes)
        before = [(name, resting) for at_us, name, resting in changes if at_us <= from_us]
        presence.orders(dict(before), from_us)
        found += presence.quotes(active=True, now_us=from_us)
        for at_us, name, resting in changes:
            if from_us < at_us < until_us:
                found += presence.orders({name: resting}, at_us)
        found += presence.quotes(active=False, now_us=until_us)
    return found


async def stored_lives(db: Executor, symbol: str, since: datetime, until: datetime) -> list[OrderLife]:
    """The orders that rested in a period, as they are stored: what presence is recomputed from."""
    return [_life(row) for row in await db.fetch(ORDER_LIVES, symbol, until, since)]


def _life(row: Mapping[str, Any]) -> OrderLife:
    side, price, rested_at, ended_at = Side(row["side"]), row["price"], row["rested_at"], row["ended_at"]
    filled = list(zip(row["counted_ats"], row["filled"], strict=True))
    left = row["quantity"] - sum((quantity for at, quantity in filled if at <= rested_at), Decimal(0))
    found: list[tuple[int, Resting | None]] = [(microseconds(rested_at), Resting(side, price, left))]
    for at, quantity in filled:
        if at > rested_at and (ended_at is None or at < ended_at):
            left -= quantity
            found.append((microseconds(at), Resting(side, price, left)))
    if ended_at is not None:
        found.append((microseconds(ended_at), None))
    return OrderLife(row["client_order_id"], tuple(found))


async def stored_spans(db: Executor, symbol: str) -> list[PresenceSpan]:
    """The stretches of a symbol as they are stored, oldest first."""
    rows = await db.fetch("SELECT * FROM mm_presence WHERE symbol = $1 ORDER BY from_at", symbol)
    return [
        PresenceSpan(
            row["programme"],
            row["tier"],
            microseconds(row["from_at"]),
            microseconds(row["until_at"]),
            row["present_us"],
            row["minutes"],
            row["samples"],
        )
        for row in rows
    ]
