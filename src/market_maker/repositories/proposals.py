"""`mm_proposals`: changes of configurations that wait for a second person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import proposals as sql
from market_maker.repositories.paging import ID_MAX, page_limit
from market_maker.repositories.rows import record_of
from market_maker.repositories.text import storable, to_json


class ProposalState(Enum):
    """What has become of a proposal."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    """The configuration has changed since it was made."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a proposal was decided."""

    at: datetime
    by: str
    approved: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigProposal:
    """A change of a configuration that waits for a second person, or has waited."""

    id: int
    symbol: str
    replaces: int
    """The version that it changes."""
    changes: Sequence[Mapping[str, object]]
    """The fields that it changes: `field`, `before`, `after`, as the answers show them."""
    loosens: Sequence[str]
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime
    decision: Decision | None = None
    is_superseded: bool = False
    """Whether the symbol's present version is a later one than `replaces`; only told, never kept."""

    def state(self, now: datetime) -> ProposalState:
        """What has become of it by now."""
        if self.decision is not None:
            return ProposalState.APPROVED if self.decision.approved else ProposalState.REJECTED
        if self.is_superseded:
            return ProposalState.SUPERSEDED
        return ProposalState.PENDING if now < self.expires_at else ProposalState.EXPIRED


class ProposalRepository:
    """The proposals of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def add(self, row: ConfigProposal) -> int:
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

    async def get(self, proposal_id: int) -> ConfigProposal | None:
        """One proposal."""
        rows = await self.page(None, None, proposal_id + 1, 1)
        return rows[0] if rows and rows[0].id == proposal_id else None

    async def page(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ConfigProposal]:
        """Proposals with an id under `before`, newest first; with `open_at`, those that wait then."""
        rows = await sql.list_proposals(
            self._db,
            symbol=symbol,
            open_at=open_at,
            before_id=ID_MAX if before is None else before,
            row_limit=page_limit(limit),
        )
        return [_row(row) for row in rows]

    async def decide(self, proposal_id: int, decision: Decision) -> bool:
        """Note how it was decided; false when it has been decided before."""
        changed = await sql.decide_proposal(
            self._db,
            id=proposal_id,
            decided_at=decision.at,
            decided_by=storable(decision.by),
            decision="APPROVED" if decision.approved else "REJECTED",
            decision_reason=storable(decision.reason),
        )
        return changed == 1


def _row(row: sql.ListProposalsRow) -> ConfigProposal:
    decision = None
    if row.decided_at is not None:
        approved = row.decision == "APPROVED"
        decision = Decision(row.decided_at, row.decided_by or "", approved, row.decision_reason or "")
    return record_of(
        ConfigProposal,
        row,
        changes=json.loads(row.changes),
        loosens=[name for name in row.loosens if name is not None],
        decision=decision,
        is_superseded=row.superseded,
    )
