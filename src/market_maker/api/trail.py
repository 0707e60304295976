"""The audit trail, newest first, page by page: who asked for what, and what came of it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field, JsonValue

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf
from market_maker.api.decimals import Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import Limit, NextCursor, PeriodOf, RowCursor, page, row_id
from market_maker.api.problems import documented
from market_maker.api.validation import FIELD_PATTERN, NO_NUL_PATTERN
from market_maker.repositories.audit import AuditEntry, AuditFilter

router = APIRouter(route_class=DeskRoute, tags=["history"])

Exactly = Annotated[
    str | None,
    Query(min_length=1, max_length=200, pattern=NO_NUL_PATTERN, description="Only rows with exactly this."),
]


class AuditRecord(Answer):
    """One mutating call, as one symbol took it."""

    entry_id: str
    at: Timestamp
    actor: str
    roles: list[str] = Field(description="What the token carried; all roles while access control is off.")
    route: str = Field(description="Method and path template.")
    symbol: str | None = Field(description="Null when it concerned none or an unknown one.")
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None
    why: str


class AuditPage(Answer):
    """Entries of the audit trail, newest first."""

    items: list[AuditRecord]
    next_cursor: NextCursor


async def _filter(
    symbol: Exactly = None,
    actor: Exactly = None,
    route: Exactly = None,
    changed: Annotated[
        str | None,
        Query(pattern=FIELD_PATTERN, description="Only rows in which this field differs before and after."),
    ] = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern=NO_NUL_PATTERN,
            description="Only rows in which this stands somewhere, in small letters or capitals.",
        ),
    ] = None,
) -> AuditFilter:
    """`route` is method and path template, as in `PUT /v1/mm-configs/{symbol}`."""
    return AuditFilter(symbol, actor, route, changed, text)


FilterOf = Annotated[AuditFilter, Depends(_filter)]


@router.get("/v1/mm/audit", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def list_audit(
    desk: DeskOf, period: PeriodOf, wanted: FilterOf, limit: Limit = 100, cursor: RowCursor = None
) -> AuditPage:
    """Every call that changed something, or was denied to a known sender, of all symbols and instances.

    `route` is method and path template, as in `PUT /v1/mm-configs/{symbol}`.
    """
    rows = await desk.audited(wanted, row_id(cursor), limit + 1, period)
    shown, next_cursor = page(rows, limit, lambda row: row[0])
    return AuditPage(items=[audit_record(entry) for _, entry in shown], next_cursor=next_cursor)


def audit_record(entry: AuditEntry) -> AuditRecord:
    """A row of the trail, as the answers show it."""
    return AuditRecord.of(entry, entry_id=str(entry.entry_id), roles=list(entry.roles))
