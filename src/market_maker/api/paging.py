"""Paged history: how a page is asked for, cut, and followed by the next."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from market_maker.api.validation import ID_CURSOR_PATTERN, ROW_CURSOR_PATTERN
from market_maker.repositories.paging import Period

_CURSOR = "`next_cursor` of the page before; leave out for the newest rows."
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Limit = Annotated[int, Query(ge=1, le=500, description="Rows on a page.")]
RowCursor = Annotated[str | None, Query(pattern=ROW_CURSOR_PATTERN, description=_CURSOR)]
IdCursor = Annotated[str | None, Query(pattern=ID_CURSOR_PATTERN, description=_CURSOR)]
NextCursor = Annotated[str | None, Field(description="`cursor` of the next page; null when there is none.")]


def _time(value: object) -> datetime:
    """An RFC 3339 time; the zone is part of it. PydanticCustomError with a sentence."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper().replace(":60", ":59", 1)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("time", "must be a time with its zone, e.g. 2026-01-31T09:00:00Z")


_Time = Annotated[datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]


async def _period(
    since: Annotated[_Time | None, Query(description="Nothing older than this.")] = None,
    until: Annotated[_Time | None, Query(description="Only what is older than this.")] = None,
) -> Period:
    return Period(since, until)


PeriodOf = Annotated[Period, Depends(_period)]

_Row = TypeVar("_Row")


def row_id(cursor: str | None) -> int | None:
    """The id that a RowCursor names; None for the first page."""
    return None if cursor is None else int(cursor)


def page(rows: Sequence[_Row], limit: int, key: Callable[[_Row], Any]) -> tuple[Sequence[_Row], str | None]:
    """The rows to show and the next cursor. One row more than the limit was asked for."""
    shown = rows[:limit]
    return shown, str(key(shown[-1])) if len(rows) > limit else None
