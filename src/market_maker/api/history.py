"""History of a symbol, newest first, page by page: orders, fills, events."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends
from pydantic import Field, JsonValue

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf, SymbolInPath, require_recorded
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import IdCursor, Limit, NextCursor, PeriodOf, RowCursor, page, row_id
from market_maker.api.ports import Desk
from market_maker.api.problems import documented
from market_maker.core.commands import OrderStatus
from market_maker.core.instrument import EXACT
from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.core.results import Markout
from market_maker.core.side import Side
from market_maker.repositories.fills import FillRecord
from market_maker.repositories.markouts import StoredMid
from market_maker.repositories.orders import OrderRecord
from market_maker.repositories.outbox import OutboxEvent
from market_maker.repositories.paging import Period

router = APIRouter(route_class=DeskRoute, tags=["history"])

_Row = TypeVar("_Row")
_Before = TypeVar("_Before", int, str)

_DUE_MAX = timedelta(minutes=2)
"""A markout that is not there after the longest horizon and a while was never measured."""

_RESPONSES = documented(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


class FillMarkout(Answer):
    """What the price did after a fill: `side * (mid - price)`, the mid being that of a while later."""

    horizon_ms: int
    mid: DecimalText | None
    usdt: DecimalText | None
    bps: DecimalText | None = Field(description="Of the fill's price, to four digits.")
    missing: str | None = Field(
        description="Why there is none: `HALTED`, `LATE`, `NO_MID`, `OVERFLOW`, `RESTART`, `STALE`,"
        " `UNCERTAIN`, `NOT_MEASURED` (no engine counted the fill, or an earlier version did), or `DUE`: its"
        " time has not come."
    )


class FillItem(Answer):
    """One fill of ours; its identity is (`trade_id`, `side`)."""

    trade_id: str
    side: Side = Field(description="Our side.")
    price: DecimalText
    quantity: DecimalText
    notional_usdt: DecimalText
    fee: DecimalText = Field(description="Quote currency; negative is a rebate.")
    order_id: str
    client_order_id: str | None = Field(description="Null when this service did not place the order.")
    is_maker: bool
    sequence: int
    executed_at: Timestamp
    level: int | None = Field(description="The level that its order served; null when it is not known.")
    mid: DecimalText | None = Field(
        description="The price that valued the position when it was counted; null: there was none."
    )
    spread_usdt: DecimalText = Field(description="What it captured; 0 without a mid.")
    markouts: list[FillMarkout] = Field(description="One for each horizon, short ones first.")


class FillPage(Answer):
    """Fills, newest first."""

    items: list[FillItem]
    next_cursor: NextCursor


class OrderItem(Answer):
    """One order of ours, as recorded last."""

    client_order_id: str
    order_id: str | None
    side: Side
    level: int
    price: DecimalText
    quantity: DecimalText
    filled_quantity: DecimalText
    status: OrderStatus
    reason: str
    created_at: Timestamp
    updated_at: Timestamp


class OrderPage(Answer):
    """Orders, newest first."""

    items: list[OrderItem]
    next_cursor: NextCursor


class EventItem(Answer):
    """One published event."""

    event_id: str
    event_type: str
    occurred_at: Timestamp
    sent_at: Timestamp | None = Field(description="When the broker acknowledged it; null while it waits.")
    data: dict[str, JsonValue] = Field(description="The event's data, as its Avro schema names it.")


class EventPage(Answer):
    """Events, newest first."""

    items: list[EventItem]
    next_cursor: NextCursor


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a symbol's history, as it was asked for."""

    symbol: str
    desk: Desk
    period: Period
    limit: int

    async def page(
        self,
        read: Callable[[str, _Before | None, int, Period], Awaitable[Sequence[_Row]]],
        before: _Before | None,
        key: Callable[[_Row], object],
    ) -> tuple[Sequence[_Row], str | None]:
        """The rows before a key, and the cursor of the page that follows."""
        await require_recorded(self.desk, self.symbol)
        return page(await read(self.symbol, before, self.limit + 1, self.period), self.limit, key)


async def _wanted(symbol: SymbolInPath, desk: DeskOf, period: PeriodOf, limit: Limit = 100) -> Wanted:
    return Wanted(symbol, desk, period, limit)


_WantedOf = Annotated[Wanted, Depends(_wanted)]


@router.get("/v1/mm-configs/{symbol}/fills", responses=_RESPONSES)
async def list_fills(wanted: _WantedOf, cursor: RowCursor = None) -> FillPage:
    """Every fill of the symbol, by when it was executed."""
    rows, next_cursor = await wanted.page(wanted.desk.fills, row_id(cursor), lambda row: row.id)
    return FillPage(items=[_fill(row) for row in rows], next_cursor=next_cursor)


@router.get("/v1/mm-configs/{symbol}/orders", responses=_RESPONSES)
async def list_orders(wanted: _WantedOf, cursor: IdCursor = None) -> OrderPage:
    """Every order of the symbol, live or not, by when it was made."""
    rows, next_cursor = await wanted.page(wanted.desk.orders, _order_id(cursor), _order_cursor)
    return OrderPage(items=[OrderItem.of(row) for row in rows], next_cursor=next_cursor)


@router.get("/v1/mm-configs/{symbol}/events", responses=_RESPONSES)
async def list_events(wanted: _WantedOf, cursor: RowCursor = None) -> EventPage:
    """State changes and risk events of the symbol."""
    rows, next_cursor = await wanted.page(wanted.desk.events, row_id(cursor), lambda row: row.id)
    return EventPage(items=[_event(row) for row in rows], next_cursor=next_cursor)


def _order_id(cursor: str | None) -> str | None:
    """The id in a cursor; a cursor that is none of ours still gives some text to compare with."""
    return None if cursor is None else bytes.fromhex(cursor).decode(errors="replace").replace("\x00", "")


def _order_cursor(row: OrderRecord) -> str:
    return row.client_order_id.encode().hex()


def _fill(row: FillRecord) -> FillItem:
    notional = EXACT.multiply(row.price, row.quantity)
    return FillItem.of(row, notional_usdt=notional, spread_usdt=_captured(row), markouts=_markouts(row))


def _captured(row: FillRecord) -> Decimal:
    if row.mid is None:
        return Decimal(0)
    captured = EXACT.multiply(row.quantity, EXACT.subtract(row.mid, row.price))
    return captured if row.side is Side.BUY else EXACT.minus(captured)


def _markouts(row: FillRecord) -> list[FillMarkout]:
    """All horizons; one that is not there is still due, or was never measured."""
    there = {one.horizon_ms: one for one in row.markouts}
    is_due = datetime.now(UTC) - row.executed_at < _DUE_MAX
    found = []
    for horizon_ms in HORIZONS_MS:
        stored = there.get(horizon_ms) or StoredMid(horizon_ms, None, "DUE" if is_due else "NOT_MEASURED")
        made = Markout(row.trade_id, row.side, row.level, row.price, row.quantity, horizon_ms, stored.mid)
        found.append(FillMarkout.of(made, missing=stored.missing))
    return found


def _event(row: OutboxEvent) -> EventItem:
    return EventItem.of(
        row,
        event_id=str(row.event_id),
        event_type=row.topic,
        occurred_at=row.created_at,
        data=row.payload,
    )
