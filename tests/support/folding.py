"""What stored rows make, computed once more: a position from its fills, presence from orders."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from market_maker.core.commands import PositionRow
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.presence import OrderLife, Presence
from market_maker.core.obligations import PresenceSpan, Programme
from market_maker.core.side import Side
from market_maker.repositories.executor import Executor
from market_maker.repositories.wall_time import microseconds


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
