"""What the exchange lists, and what of it is configured here."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from market_maker.api import present
from market_maker.api.answers import Answer, InstrumentStatusView
from market_maker.api.context import DeskOf
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented

router = APIRouter(route_class=DeskRoute, tags=["configuration"])


class Listed(InstrumentStatusView):
    """One instrument of the exchange."""

    symbol: str
    configured: bool = Field(description="Whether there is a configuration for it.")


class Listing(Answer):
    """What the exchange lists, sorted by symbol."""

    items: list[Listed]


@router.get("/v1/mm/instruments", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def list_instruments(desk: DeskOf) -> Listing:
    """Every instrument that the Metadata Service offers now: what can be configured, and what is."""
    configured = {config.symbol for config in await desk.configs()}
    listed = sorted(await desk.instruments(), key=lambda one: one.symbol)
    return Listing(
        items=[
            Listed(symbol=one.symbol, configured=one.symbol in configured, **dict(present.instrument(one)))
            for one in listed
        ]
    )
