"""`mm_orders`: every order of ours in its last known state. It is written by the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market_maker.core.commands import OrderStatus
from market_maker.core.side import Side
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import orders as sql
from market_maker.repositories.generated.models import StoredOrder
from market_maker.repositories.paging import ALWAYS, TEXT_MAX, Period, page_limit
from market_maker.repositories.rows import record_of


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order; price in quote currency, quantities in base currency."""

    client_order_id: str
    order_id: str | None
    symbol: str
    side: Side
    level: int
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    reason: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Rested:
    """An order while it rested at the exchange, as far as was heard."""

    side: Side
    price: Decimal
    rested_at: datetime
    ended_at: datetime | None
    """None: it has not ended."""


class OrderRepository:
    """Orders of all symbols; a final one stays as history."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def open(self, symbol: str | None = None) -> Sequence[OrderRecord]:
        """Orders that are not final, unknown ones included, of one symbol or of all; oldest first."""
        return [_record(row) for row in await sql.list_open_orders(self._db, symbol=symbol)]

    async def list(
        self, symbol: str, before: str | None = None, limit: int = 100, period: Period = ALWAYS
    ) -> Sequence[OrderRecord]:
        """Orders that were made in the period, with a client order id under `before`, newest first."""
        rows = await sql.list_orders(
            self._db,
            symbol=symbol,
            before_client_order_id=TEXT_MAX if before is None else before,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [_record(row) for row in rows]

    async def rested(self, symbol: str, since: datetime, until: datetime) -> Sequence[Rested]:
        """The orders that rested in a period; of those that have ended not what was made a day before it."""
        rows = await sql.list_rested(self._db, symbol=symbol, since=since, until=until)
        return [
            Rested(Side(row.side), row.price, row.rested_at, row.ended_at)
            for row in rows
            if row.rested_at is not None
        ]


def _record(row: StoredOrder) -> OrderRecord:
    return record_of(OrderRecord, row, side=Side(row.side), status=OrderStatus(row.status))
