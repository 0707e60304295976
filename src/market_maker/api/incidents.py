"""Kill switches that fired, of all symbols, from what was published of them."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import Limit, NextCursor, PeriodOf, RowCursor, page, row_id
from market_maker.api.problems import documented
from market_maker.api.trail import Exactly
from market_maker.repositories.outbox import OutboxEvent

router = APIRouter(route_class=DeskRoute, tags=["history"])


class Incident(Answer):
    """One kill switch that fired; a drill is one too."""

    event_id: str
    symbol: str
    occurred_at: Timestamp
    reason: str = Field(
        description="As the kill switch names it; of another version, perhaps an unknown one."
    )
    measured: str
    threshold: str = Field(description="What was allowed; empty where the reason knows no limit.")
    position: DecimalText = Field(description="At that moment, base currency, signed.")
    pnl_usdt: DecimalText
    open_orders: int = Field(description="Open, or not known to be over, at that moment.")


class IncidentPage(Answer):
    """Incidents, newest first."""

    items: list[Incident]
    next_cursor: NextCursor


@router.get("/v1/mm/incidents", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def list_incidents(
    desk: DeskOf, period: PeriodOf, symbol: Exactly = None, limit: Limit = 100, cursor: RowCursor = None
) -> IncidentPage:
    """Every kill switch that fired, of all symbols and instances, as far back as events are kept."""
    rows = await desk.incidents(symbol, row_id(cursor), limit + 1, period)
    shown, next_cursor = page(rows, limit, lambda row: row.id)
    return IncidentPage(items=[_incident(row) for row in shown], next_cursor=next_cursor)


def _incident(row: OutboxEvent) -> Incident:
    told: dict[str, Any] = row.payload
    return Incident(
        event_id=str(row.event_id),
        symbol=row.symbol,
        occurred_at=row.created_at,
        pnl_usdt=told["pnl"],
        **{name: told[name] for name in ("reason", "measured", "threshold", "position", "open_orders")},
    )
