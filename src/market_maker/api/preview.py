"""What a changed configuration would do now, asked of the live book before it is saved."""

from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from market_maker.api import answers, rendering
from market_maker.api.answers import Answer
from market_maker.api.configs import consistent, modelled, require_same_symbol
from market_maker.api.confirmation import unconfirmed
from market_maker.api.context import DeskOf, SymbolInPath, running
from market_maker.api.decimals import Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import BODY_PROBLEMS, ProblemError, documented
from market_maker.api.quotes import QuoteSteps, previewed
from market_maker.api.requests import ConfigUpdate
from market_maker.api.validation import FieldError
from market_maker.api.why import sentence_of
from market_maker.core.side import Side

router = APIRouter(route_class=DeskRoute, tags=["configuration"])

_S = HTTPStatus


class PlacedLevel(Answer):
    """A level for which an order would be placed."""

    side: Side
    level: int


class Preview(Answer):
    """What the configuration would do, were the symbol ACTIVE with it."""

    symbol: str
    at: Timestamp
    config: answers.Config = Field(description="The whole configuration, as it would stand.")
    quote: QuoteSteps | None = Field(description="The quotes that it would give now; null: none.")
    why_not: str = Field(description="Why there would be none; empty when there are.")
    would_halt: answers.KillStatus | None = Field(description="The kill that it would bring about at once.")
    needs_confirm: list[FieldError] = Field(description="What `confirm` would be needed for.")
    cancelled: list[answers.LiveOrder] = Field(description="Orders that would go.")
    placed: list[PlacedLevel] = Field(description="Levels that would get a new order, as the rate allows.")
    kept: int = Field(description="Orders that would stay.")


@router.post(
    "/v1/mm-configs/{symbol}/preview",
    responses=documented(*BODY_PROBLEMS, _S.NOT_FOUND, _S.SERVICE_UNAVAILABLE),
)
async def preview(symbol: SymbolInPath, body: ConfigUpdate, desk: DeskOf) -> Preview:
    """The quotes, cancels and orders that a change would give against the live book. Nothing is changed.

    The body is that of `PUT`; fields left out keep their value.
    """
    require_same_symbol(symbol, body)
    view = await running(desk, symbol)
    wanted = consistent(replace(view.config, **{**modelled(view.config, body.settings), "symbol": symbol}))
    try:
        seen = desk.preview(symbol, wanted)
    except ValueError as error:
        raise ProblemError(_S.UNPROCESSABLE_ENTITY, "VALIDATION_FAILED", str(error)) from None
    return Preview(
        symbol=symbol,
        at=desk.to_wall(seen.at_ns),
        config=rendering.config(seen.config),
        quote=previewed(seen),
        why_not=sentence_of(seen.no_quote_reason) if seen.no_quote_reason else "",
        would_halt=None if seen.kill is None else rendering.kill(seen.kill, desk.to_wall),
        needs_confirm=unconfirmed(view.config, wanted, view.pnl),
        cancelled=[rendering.order(order, desk.to_wall) for order in seen.cancelled],
        placed=[PlacedLevel(side=side, level=level) for side, level in seen.placed],
        kept=seen.kept,
    )
