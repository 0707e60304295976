"""Status: the whole fleet, one symbol, and why its quotes are what they are."""

from http import HTTPStatus

from fastapi import APIRouter

from market_maker.api import answers, fleet_answers, rendering
from market_maker.api.context import DeskOf, FleetOf, SymbolInPath, running
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented
from market_maker.api.quotes import Quotes, quotes

router = APIRouter(route_class=DeskRoute, tags=["status"])

_ONE = documented(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get("/v1/mm/status")
async def system_status(fleet: FleetOf) -> fleet_answers.SystemStatus:
    """All symbols at a glance, whichever instance runs them, totals, and which kill switches are latched.

    Symbols of other instances are shown as these published them, about once a second. `latency_us` and
    `outbox_pending` are those of the instance that answers.
    """
    return await fleet.status()


@router.get("/v1/mm-configs/{symbol}/status", responses=_ONE)
async def symbol_status(symbol: SymbolInPath, desk: DeskOf, fleet: FleetOf) -> answers.SymbolStatus:
    """One consistent picture of a symbol: state, book, position, P&L, orders, counters."""
    return rendering.symbol_status(await running(desk, symbol), fleet.owner(symbol), desk.to_wall)


@router.get("/v1/mm-configs/{symbol}/quotes", responses=_ONE)
async def symbol_quotes(symbol: SymbolInPath, desk: DeskOf) -> Quotes:
    """Why this price, and why no quote: the way of each level from the mid to its verdict."""
    return quotes(await running(desk, symbol), desk.to_wall)
