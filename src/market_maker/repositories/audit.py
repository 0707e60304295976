"""`mm_audit`: every mutating call of the API. The database itself refuses to change or remove a row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import audit as sql
from market_maker.repositories.generated.models import StoredAudit
from market_maker.repositories.paging import ALWAYS, ID_MAX, Period, page_limit
from market_maker.repositories.rows import record_of
from market_maker.repositories.text import storable, to_json

Json = object
"""Any value that JSON can hold."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which symbol, before, after and why."""

    entry_id: UUID
    """Chosen once by the caller: writing an entry again changes nothing."""
    at: datetime
    actor: str
    roles: tuple[str, ...]
    """What the actor's token carried."""
    route: str
    """Method and path template."""
    symbol: str | None
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    why: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; None: all."""

    symbol: str | None = None
    actor: str | None = None
    route: str | None = None
    changed: str | None = None
    """A field whose value differs before and after."""
    text: str | None = None
    """Stands somewhere in the entry, in small letters or capitals."""


EVERYTHING = AuditFilter()


class AuditRepository:
    """The audit trail."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def append(self, entries: Sequence[AuditEntry]) -> int:
        """Add entries in their order and give how many are new. Values must be JSON already."""
        return await sql.insert_audit(
            self._db,
            entry_ids=[entry.entry_id for entry in entries],
            ats=[entry.at for entry in entries],
            actors=[storable(entry.actor) for entry in entries],
            roles=[to_json(entry.roles) for entry in entries],
            routes=[storable(entry.route) for entry in entries],
            symbols=[entry.symbol for entry in entries],
            befores=[None if entry.before is None else to_json(entry.before) for entry in entries],
            afters=[None if entry.after is None else to_json(entry.after) for entry in entries],
            whys=[storable(entry.why) for entry in entries],
        )

    async def list(
        self,
        wanted: AuditFilter = EVERYTHING,
        before_id: int | None = None,
        limit: int = 100,
        period: Period = ALWAYS,
    ) -> Sequence[tuple[int, AuditEntry]]:
        """(row id, entry) of those wanted of the period, with a row id under `before_id`, newest first."""
        rows = await sql.list_audit(
            self._db,
            **asdict(wanted),
            before_id=ID_MAX if before_id is None else before_id,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [(row.id, _entry(row)) for row in rows]


def _entry(row: StoredAudit) -> AuditEntry:
    before, after = (None if one is None else json.loads(one) for one in (row.before, row.after))
    return record_of(AuditEntry, row, roles=tuple(json.loads(row.roles)), before=before, after=after)
