"""Proposals as the admin API sees them, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from market_maker.api.ports import database_asked
from market_maker.repositories.executor import Database
from market_maker.repositories.proposals import ConfigProposal, Decision, ProposalRepository


class StoredProposals:
    """Implements the API's port `Proposals`."""

    def __init__(self, database: Database) -> None:
        self._rows = ProposalRepository(database)

    async def add(self, proposal: ConfigProposal) -> int:
        """Keep a new one and give its id."""
        with database_asked():
            return await self._rows.add(proposal)

    async def get(self, proposal_id: int) -> ConfigProposal | None:
        """One proposal."""
        with database_asked():
            return await self._rows.get(proposal_id)

    async def page(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ConfigProposal]:
        """Proposals, newest first."""
        with database_asked():
            return await self._rows.list(symbol, open_at, before, limit)

    async def decide(self, proposal_id: int, decision: Decision) -> bool:
        """Note how it was decided; false when it has been decided before."""
        with database_asked():
            return await self._rows.decide(proposal_id, decision)
