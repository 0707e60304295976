"""Status: the whole service, one symbol, and why its quotes are what they are."""

from http import HTTPStatus

from fastapi import APIRouter

from market_maker.api import answers, present
from market_maker.api.context import DeskOf, SymbolInPath, known
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented
from market_maker.api.quotes import Quotes, quotes

router = APIRouter(route_class=DeskRoute, tags=["status"])


@router.get("/v1/mm/status")
async def system_status(desk: DeskOf) -> answers.SystemStatus:
    """All symbols at a glance, totals, and which kill switches are latched."""
    views = [view for symbol in desk.symbols() if (view := desk.view(symbol)) is not None]
    return present.system_status(views, desk.to_wall, desk.figures(), desk.shadow_mode)


@router.get("/v1/mm-configs/{symbol}/status", responses=documented(HTTPStatus.NOT_FOUND))
async def symbol_status(symbol: SymbolInPath, desk: DeskOf) -> answers.SymbolStatus:
    """One consistent picture of a symbol: state, book, position, P&L, orders, counters."""
    return present.symbol_status(known(desk, symbol), desk.to_wall)


@router.get("/v1/mm-configs/{symbol}/quotes", responses=documented(HTTPStatus.NOT_FOUND))
async def symbol_quotes(symbol: SymbolInPath, desk: DeskOf) -> Quotes:
    """Why this price, and why no quote: the way of each level from the mid to its verdict."""
    return quotes(known(desk, symbol), desk.to_wall)
