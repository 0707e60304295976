"""How market maker programmes stand: presence on one day, and what may still be absent."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import documented
from market_maker.core.instrument import EXACT
from market_maker.core.obligations import Measure, ProgrammeDay

router = APIRouter(route_class=DeskRoute, tags=["results"])

_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SHARE_STEP = Decimal("0.0001")


def _day(value: object) -> date:
    """A day as RFC 3339 writes it. PydanticCustomError with a sentence."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if _FIRST <= day <= _LAST:
                return day
    raise PydanticCustomError("day", f"must be a day from {_FIRST} to {_LAST}, e.g. 2026-01-31")


_Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^(2[0-9]{3}-)"}),
]


class Obligation(Answer):
    """One tier of a programme for one symbol; counts are microseconds, minutes or samples (`measure`)."""

    programme: str
    symbol: str
    tier: str
    max_spread_bps: DecimalText
    min_size: DecimalText = Field(description="On each side.")
    size_currency: str = Field(description="`base` or `quote`.")
    min_share_pct: DecimalText
    measure: Measure
    since: Timestamp = Field(description="The day's window.")
    until: Timestamp
    present: int
    elapsed: int = Field(description="Of the window so far.")
    total: int = Field(description="Of the whole window.")
    share_pct: DecimalText | None = Field(description="`present` of `elapsed`; null before the window.")
    slack: int = Field(description="How much may still be absent; negative: the day cannot be made any more.")
    met: bool | None = Field(description="Null while the day is open.")


class Obligations(Answer):
    """All programmes on one UTC day."""

    day: date = Field(description="From 2000 to 2999.")
    items: list[Obligation]


@router.get("/v1/mm/obligations", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def obligations(
    desk: DeskOf,
    day: Annotated[_Day | None, Query(description="UTC day; leave out for today.")] = None,
) -> Obligations:
    """Presence by what the exchange acknowledged; time in which we were down or not ACTIVE was absent."""
    wanted = day or datetime.now(UTC).date()
    standings = await desk.obligations(datetime.combine(wanted, time(), UTC))
    return Obligations(day=wanted, items=[_obligation(standing) for standing in standings])


def _obligation(standing: ProgrammeDay) -> Obligation:
    programme, tier = standing.programme, standing.tier
    share = None
    if standing.elapsed:
        percent = EXACT.divide(Decimal(100 * standing.present), Decimal(standing.elapsed))
        share = percent.quantize(_SHARE_STEP)
    return Obligation.of(
        standing,
        programme=programme.name,
        symbol=programme.symbol,
        tier=tier.name,
        max_spread_bps=tier.max_spread_bps,
        min_size=tier.min_size,
        size_currency="base" if tier.in_base else "quote",
        min_share_pct=tier.min_share_pct,
        measure=programme.measure,
        since=datetime.fromtimestamp(standing.from_us / 1_000_000, UTC),
        until=datetime.fromtimestamp(standing.until_us / 1_000_000, UTC),
        share_pct=share,
        met=standing.is_met,
    )
