"""What a symbol earned and what its fills were worth a while later, by minute, hour or day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from market_maker.api.answers import Answer, PnlParts
from market_maker.api.context import DeskOf, SymbolInPath, require_recorded
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import PeriodOf
from market_maker.api.problems import ProblemError, documented, of_fields
from market_maker.api.rendering import pnl_parts
from market_maker.api.validation import FieldError
from market_maker.core.results import bps_of
from market_maker.core.side import Side
from market_maker.repositories.markouts import MarkoutSum
from market_maker.repositories.paging import Period

router = APIRouter(route_class=DeskRoute, tags=["results"])


class By(Enum):
    """How long each period is that results are added up over."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


_SHOWN = {By.MINUTE: timedelta(hours=1), By.HOUR: timedelta(days=1), By.DAY: timedelta(days=31)}
"""How much is shown when no `since` is given."""
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_SHOWN_MAX = {By.MINUTE: timedelta(days=1), By.HOUR: timedelta(days=31), By.DAY: timedelta(days=366)}
_STEP = {By.MINUTE: timedelta(minutes=1), By.HOUR: timedelta(hours=1), By.DAY: timedelta(days=1)}


class PeriodResult(Answer):
    """The result of one minute, hour or day, UTC."""

    since: Timestamp
    parts: PnlParts
    position: DecimalText = Field(description="At its end, base currency, signed.")


class PeriodMarkouts(Answer):
    """The markouts of one side and level at one horizon, of the fills of one minute, hour or day."""

    since: Timestamp
    side: Side
    level: int | None = Field(description="Null: the orders were not known.")
    horizon_ms: int
    measured: int = Field(description="Fills whose markout is in the sums.")
    missing: int = Field(description="Fills that have none.")
    usdt: DecimalText = Field(description="Together.")
    notional_usdt: DecimalText = Field(description="What the measured fills were worth.")
    bps: DecimalText | None = Field(description="Of what the measured fills were worth; null without any.")


class Results(Answer):
    """Results and markouts of a period, oldest first; what saw no change is left out."""

    symbol: str
    since: Timestamp
    until: Timestamp
    results: list[PeriodResult] = Field(
        description="To the last full minute. What came while no process ran counts when one runs again."
    )
    markouts: list[PeriodMarkouts]


@router.get(
    "/v1/mm-configs/{symbol}/results",
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def results(
    symbol: SymbolInPath,
    desk: DeskOf,
    period: PeriodOf,
    by: Annotated[By, Query(description="Sums by UTC minute, hour or day.")] = By.HOUR,
) -> Results:
    """Spread capture, inventory and fees by minute, hour or day, and markouts by side and level.

    Without `since` the last hour by minute, the last day by hour, or the last 31 days by day. A period may
    have a day by minute, 31 days by hour, and 366 by day; a longer one is refused.
    """
    _require_order(period)
    await require_recorded(desk, symbol)
    since, until = _period(period, by)
    earned = await desk.earned(symbol, since, until, by.value)
    markouts = await desk.markouts(symbol, since, until, by.value)
    return Results(
        symbol=symbol,
        since=since,
        until=until,
        results=[PeriodResult.of(one, parts=pnl_parts(one.parts)) for one in earned],
        markouts=[_markouts(one) for one in markouts],
    )


class DayStartOf(Answer):
    """What one symbol's result had come to when the day began."""

    symbol: str
    result_usdt: DecimalText = Field(
        description="Realized and unrealized since its first fill, the baseline not in it; quote currency."
    )


class DayStart(Answer):
    """What results had come to when the day began."""

    since: Timestamp = Field(description="When it began, UTC.")
    items: list[DayStartOf] = Field(description="Every configured symbol.")


@router.get("/v1/mm/day-start", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def day_start(desk: DeskOf) -> DayStart:
    """What each symbol's result had come to when the present UTC day began.

    Today's result is `pnl.total` + `pnl.baseline` of its status, less this. It is that of the last full
    minute on record, so what came while no process ran around midnight counts as today's.
    """
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stood = await desk.results_at(since)
    items = [
        DayStartOf(symbol=config.symbol, result_usdt=stood.get(config.symbol, Decimal(0)))
        for config in await desk.configs()
    ]
    return DayStart(since=since, items=items)


def _require_order(period: Period) -> None:
    if period.since is None or period.until is None or period.since <= period.until:
        return
    raise _refused(("since", "must not be later than `until`"), ("until", "must not be earlier than `since`"))


def _period(period: Period, by: By) -> tuple[datetime, datetime]:
    """From the beginning of a minute, hour or day on; 422 for more than is answered at once."""
    until = max(period.until or datetime.now(UTC), _FIRST)
    since = period.since or until - _SHOWN[by]
    minute = since.minute if by is By.MINUTE else 0
    hour = 0 if by is By.DAY else since.hour
    since = since.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # A whole period of exactly so long may begin within a step.
    if until - since > _SHOWN_MAX[by] + _STEP[by]:
        coarser = {By.MINUTE: ", or by=hour", By.HOUR: ", or by=day", By.DAY: ""}[by]
        days = _SHOWN_MAX[by].days
        most = "a day" if days == 1 else f"{days} days"
        detail = f"must be at most {most} before `until` with by={by.value}: take a later since{coarser}"
        raise _refused(("since", f"{detail}, or ask for the period in parts"))
    return since, until


def _refused(*fields: tuple[str, str]) -> ProblemError:
    return of_fields([FieldError(location="query", field=name, detail=detail) for name, detail in fields])


def _markouts(one: MarkoutSum) -> PeriodMarkouts:
    bps = bps_of(one.usdt, one.notional) if one.notional else None
    return PeriodMarkouts.of(one, notional_usdt=one.notional, bps=bps)
