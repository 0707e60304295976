"""Several people at the admin API: a token says who somebody is and what he may, and proposals are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus

from lab.api import Answer, Api
from market_maker.api.problems import ProblemError
from market_maker.api.security import Principal, Role
from market_maker.repositories.proposals import ConfigProposal, Decision, ProposalState


class ByName:
    """A token is a name and its roles, such as `alice mm:operate`."""

    required = True

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "TOKEN_MISSING", "send a token")
        name, *roles = authorization.split()
        return Principal(name, frozenset(map(Role, roles)))


@dataclass
class KeptProposals:
    """Proposals in memory."""

    rows: list[ConfigProposal] = field(default_factory=list)

    async def add(self, proposal: ConfigProposal) -> int:
        self.rows.append(replace(proposal, id=len(self.rows) + 1))
        return len(self.rows)

    async def get(self, proposal_id: int) -> ConfigProposal | None:
        return self.rows[proposal_id - 1] if proposal_id <= len(self.rows) else None

    async def page(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ConfigProposal]:
        return [
            row
            for row in reversed(self.rows)
            if symbol in (None, row.symbol)
            and (before is None or row.id < before)
            and (open_at is None or row.state(open_at) is ProposalState.PENDING)
        ][:limit]

    async def decide(self, proposal_id: int, decision: Decision) -> bool:
        row = self.rows[proposal_id - 1]
        if row.decision is not None:
            return False
        self.rows[proposal_id - 1] = replace(row, decision=decision)
        return True


@dataclass
class Person:
    """Somebody with a token."""

    api: Api
    token: str

    async def ask(self, method: str, target: str, body: object = None) -> Answer:
        """Send a request."""
        return await self.api.call(method, target, body=body, headers={"Authorization": self.token})
