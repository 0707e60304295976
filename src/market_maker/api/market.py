"""The market of a symbol and what it was like lately: the book with our part of it, and series for charts."""

from http import HTTPStatus
from math import isnan
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf, SymbolInPath, running
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented
from market_maker.api.samples import COLUMNS, SPANS, Samples

router = APIRouter(route_class=DeskRoute, tags=["status"])

_ONE = documented(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


class BookLevel(Answer):
    """One price of the book; quantities in base currency."""

    price: DecimalText
    others: DecimalText = Field(description="What is not ours: the most that can stand before us.")
    ours: DecimalText = Field(description="What our resting orders should add to it.")


class Depth(Answer):
    """The book as last applied, best price first."""

    symbol: str
    at: Timestamp
    valid: bool
    reason: str = Field(description="Why it is not valid; empty when it is.")
    sequence: int
    age_ms: int | None = Field(description="Age of its data when it was read.")
    bids: list[BookLevel]
    asks: list[BookLevel]


class Series(Answer):
    """Points of a symbol, oldest first, each as it was at its time."""

    symbol: str
    span: str
    step_s: float = Field(description="About how far apart two points are.")
    times: list[float] = Field(description="Seconds since 1970, UTC.")
    columns: dict[str, list[float | None]] = Field(
        description=f"By name, a value for each time: {', '.join(COLUMNS)}; null: not known then. Prices,"
        " bps and amounts in quote currency, as binary floating point: for charts, not for books."
    )


@router.get("/v1/mm-configs/{symbol}/depth", responses=_ONE)
async def depth(
    symbol: SymbolInPath,
    desk: DeskOf,
    levels: Annotated[int, Query(ge=1, le=100, description="Prices a side.")] = 20,
) -> Depth:
    """The book's best prices with others' quantities and ours apart."""
    view = await running(desk, symbol)
    bids, asks = desk.depth(symbol, levels)
    data_ns = view.book.data_ns
    return Depth(
        symbol=symbol,
        at=desk.to_wall(view.at_ns),
        valid=view.book.valid,
        reason=view.book.invalid_reason,
        sequence=view.book.sequence,
        age_ms=None if data_ns is None else max(0, view.at_ns - data_ns) // 1_000_000,
        bids=[BookLevel.of(level) for level in bids],
        asks=[BookLevel.of(level) for level in asks],
    )


@router.get("/v1/mm-configs/{symbol}/series", responses=_ONE)
async def series(
    request: Request,
    symbol: SymbolInPath,
    desk: DeskOf,
    span: Annotated[Literal["5m", "1h", "1d"], Query(description="How far back.")] = "5m",
) -> Series:
    """Prices, spread, inventory and P&L lately: at most 360 points, since this instance took the symbol.

    A price that is too old, or that a halted symbol saw last, is not known; nor is what is reckoned with it.
    """
    view = await running(desk, symbol)
    samples: Samples = request.app.state.samples
    times, *columns = samples.columns(symbol, span, desk.to_wall(view.at_ns).timestamp())
    return Series(
        symbol=symbol,
        span=span,
        step_s=SPANS[span][0],
        times=times,
        columns={
            name: [None if isnan(value) else value for value in values]
            for name, values in zip(COLUMNS, columns, strict=True)
        },
    )
