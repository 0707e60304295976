"""Proposals as the admin API sees them, in PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from market_maker.api.approval import ConfigProposal, Decision
from market_maker.api.ports import DatabaseDownError
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database
from market_maker.repositories.proposals import ProposalRepository, ProposalRow


class StoredProposals:
    """Implements the API's port `Proposals`."""

    def __init__(self, database: Database) -> None:
        self._rows = ProposalRepository(database)

    async def add(self, proposal: ConfigProposal) -> int:
        """Keep a new one and give its id."""
        row = ProposalRow(
            0,
            proposal.symbol,
            proposal.replaces,
            proposal.changes,
            proposal.loosens,
            proposal.author,
            proposal.reason,
            proposal.created_at,
            proposal.expires_at,
        )
        with _database():
            return await self._rows.add(row)

    async def get(self, proposal_id: int) -> ConfigProposal | None:
        """One proposal."""
        with _database():
            row = await self._rows.get(proposal_id)
        return None if row is None else _proposal(row)

    async def page(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ConfigProposal]:
        """Proposals, newest first."""
        with _database():
            return [_proposal(row) for row in await self._rows.list(symbol, open_at, before, limit)]

    async def decide(self, proposal_id: int, decision: Decision) -> bool:
        """Note how it was decided; false when it has been decided before."""
        with _database():
            return await self._rows.decide(
                proposal_id, decision.at, decision.by, decision.reason, approved=decision.approved
            )


@contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise DatabaseDownError(str(error)) from error


def _proposal(row: ProposalRow) -> ConfigProposal:
    decision = None
    if row.decided_at is not None:
        decision = Decision(
            row.decided_at, row.decided_by or "", row.approved is True, row.decision_reason or ""
        )
    return ConfigProposal(
        row.id,
        row.symbol,
        row.replaces,
        row.changes,
        row.loosens,
        row.author,
        row.reason,
        row.created_at,
        row.expires_at,
        decision,
        row.superseded,
    )
