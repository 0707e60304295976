"""The audit trail as one file, for a spreadsheet or a program: all that a search finds, oldest page last."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from market_maker.api.context import DeskOf
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import PeriodOf
from market_maker.api.problems import documented
from market_maker.api.trail import AuditRecord, FilterOf, audit_record
from market_maker.repositories.audit import AuditEntry

router = APIRouter(route_class=DeskRoute, tags=["history"])

ROWS_A_PAGE: Final = 500
_COLUMNS: Final = tuple(AuditRecord.model_fields)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""

_MEDIA: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
_TEXT: Final = {"schema": {"type": "string"}}


@router.get(
    "/v1/mm/audit/export",
    response_class=StreamingResponse,
    responses={
        HTTPStatus.OK: {"content": dict.fromkeys(_MEDIA.values(), _TEXT), "description": "The rows."},
        **documented(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
async def export_audit(
    desk: DeskOf,
    period: PeriodOf,
    wanted: FilterOf,
    form: Annotated[
        Literal["csv", "jsonl"], Query(alias="format", description="`jsonl` is one JSON object a line.")
    ] = "csv",
) -> StreamingResponse:
    """Every row that the same search at /v1/mm/audit would list over all of its pages, newest first.

    An answer that breaks off before its end is not whole: the database went away. In CSV, a cell that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    rows = await desk.audited(wanted, None, ROWS_A_PAGE, period)
    write: Callable[[Iterable[AuditEntry]], str] = _csv if form == "csv" else _jsonl

    async def pages() -> AsyncIterator[str]:
        found = rows
        if form == "csv":
            yield ",".join(_COLUMNS) + "\r\n"
        while found:
            yield write(row for _, row in found)
            found = await desk.audited(wanted, found[-1][0], ROWS_A_PAGE, period)

    named = {"Content-Disposition": f'attachment; filename="audit.{form}"'}
    return StreamingResponse(pages(), headers=named, media_type=_MEDIA[form])


def _jsonl(entries: Iterable[AuditEntry]) -> str:
    return "".join(audit_record(entry).model_dump_json() + "\n" for entry in entries)


def _csv(entries: Iterable[AuditEntry]) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    for entry in entries:
        rows.writerow([_cell(value) for value in audit_record(entry).model_dump(mode="json").values()])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text
