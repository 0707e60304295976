"""What the exchange lists, and what of it is configured here."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from market_maker.api.answers import Answer, InstrumentStatusView
from market_maker.api.context import DeskOf
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented

router = APIRouter(route_class=DeskRoute, tags=["configuration"])


class Listed(InstrumentStatusView):
    """One instrument of the exchange."""

    symbol: str
    configured: bool = Field(description="Whether there is a configuration for it.")


class Unusable(Answer):
    """One instrument that nothing can be quoted on."""

    symbol: str
    configured: bool = Field(description="Whether there is a configuration for it.")
    reason: str = Field(description="What is wrong with it, and how it should be.")


class Listing(Answer):
    """What the exchange lists, sorted by symbol."""

    items: list[Listed]
    unusable: list[Unusable] = Field(description="What it lists besides, and why it cannot be used.")


@router.get("/v1/mm/instruments", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def list_instruments(desk: DeskOf) -> Listing:
    """Every instrument that the Metadata Service offers now: what can be configured, and what is."""
    configured = {config.symbol for config in await desk.configs()}
    offer = await desk.instruments()
    return Listing(
        items=[
            Listed.of(one, configured=one.symbol in configured)
            for one in sorted(offer.instruments, key=lambda one: one.symbol)
        ],
        unusable=[
            Unusable(symbol=one.symbol, configured=one.symbol in configured, reason=str(one))
            for one in sorted(offer.unusable, key=lambda one: one.symbol)
        ],
    )
