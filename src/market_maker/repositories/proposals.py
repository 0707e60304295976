"""`mm_proposals`: changes of configurations that wait for a second person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import proposals as sql
from market_maker.repositories.paging import ID_MAX, page_limit
from market_maker.repositories.text import storable, to_json


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal; what was decided is None while nobody has."""

    id: int
    symbol: str
    replaces: int
    changes: Sequence[Mapping[str, object]]
    loosens: Sequence[str]
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    approved: bool | None = None
    decision_reason: str | None = None
    superseded: bool = False
    """Whether the symbol has a later version than the one that it changes; only told, never kept."""


class ProposalRepository:
    """The proposals of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def add(self, row: ProposalRow) -> int:
        """Keep a new one and give its id; the one in the row counts for nothing. Changes must be JSON."""
        made = await sql.insert_proposal(
            self._db,
            symbol=row.symbol,
            replaces=row.replaces,
            changes=to_json([dict(change) for change in row.changes]),
            loosens=list(row.loosens),
            author=storable(row.author),
            reason=storable(row.reason),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        assert made is not None, "INSERT ... RETURNING gives a row or an error"  # noqa: S101 - invariant
        return made

    async def get(self, proposal_id: int) -> ProposalRow | None:
        """One proposal."""
        rows = await self.list(None, None, proposal_id + 1, 1)
        return rows[0] if rows and rows[0].id == proposal_id else None

    async def list(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ProposalRow]:
        """Proposals with an id under `before`, newest first; with `open_at`, those that wait then."""
        rows = await sql.list_proposals(
            self._db,
            symbol=symbol,
            open_at=open_at,
            before_id=ID_MAX if before is None else before,
            row_limit=page_limit(limit),
        )
        return [_row(row) for row in rows]

    async def decide(self, proposal_id: int, at: datetime, by: str, reason: str, *, approved: bool) -> bool:
        """Note how it was decided; false when it has been decided before."""
        changed = await sql.decide_proposal(
            self._db,
            id=proposal_id,
            decided_at=at,
            decided_by=storable(by),
            decision="APPROVED" if approved else "REJECTED",
            decision_reason=storable(reason),
        )
        return changed == 1


def _row(row: sql.ListProposalsRow) -> ProposalRow:
    return ProposalRow(
        row.id,
        row.symbol,
        row.replaces,
        json.loads(row.changes),
        [name for name in row.loosens if name is not None],
        row.author,
        row.reason,
        row.created_at,
        row.expires_at,
        row.decided_at,
        row.decided_by,
        None if row.decision is None else row.decision == "APPROVED",
        row.decision_reason,
        row.superseded,
    )
