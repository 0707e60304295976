"""Which changes wait for a second person, who that may be, and what they wait as."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, Protocol

from market_maker.api.problems import ProblemError
from market_maker.api.security import Principal, Role
from market_maker.core.config import SymbolConfig
from market_maker.core.loosening import RULES, loosened, raised_limits
from market_maker.repositories.proposals import ConfigProposal, Decision

ENABLING_WAITS: Final = (
    "enabling a symbol waits for a second person: send PUT with enabled=true, which makes a proposal, and"
    " enable it when that is approved"
)


class Proposals(Protocol):
    """Where proposals are kept. All methods raise DatabaseError."""

    async def add(self, proposal: ConfigProposal) -> int:
        """Keep a new one and give its id; the one that it has now counts for nothing."""

    async def get(self, proposal_id: int) -> ConfigProposal | None:
        """One proposal."""

    async def page(
        self, symbol: str | None, open_at: datetime | None, before: int | None, limit: int
    ) -> Sequence[ConfigProposal]:
        """Proposals with an id under `before`, newest first; with `open_at`, those that are pending then."""

    async def decide(self, proposal_id: int, decision: Decision) -> bool:
        """Note how it was decided; false when it has been decided before."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What the settings ask for."""

    proposals: Proposals | None
    """Where changes wait that need a second person; None: none does."""
    expires_after: timedelta = field(default=timedelta(days=1))
    limit_owner: Role = Role.OPERATE
    """Who alone may raise a limit."""

    def waits_for(self, before: SymbolConfig, after: SymbolConfig) -> tuple[str, ...]:
        """The fields for which the change waits for a second person; empty: it does not."""
        return loosened(before, after) if self.is_needed else ()

    @property
    def is_needed(self) -> bool:
        """Whether any change waits."""
        return self.proposals is not None

    @property
    def kept(self) -> Proposals:
        """Where proposals are; 404 where none are made."""
        if self.proposals is None:
            detail = "changes wait for nobody here: CHANGES_NEED_APPROVAL is false"
            raise ProblemError(HTTPStatus.NOT_FOUND, "NO_PROPOSALS", detail)
        return self.proposals

    def role_for(self, loosens: Sequence[str]) -> Role:
        """Who may approve."""
        limits = {name for name, rule in RULES.items() if rule.is_limit}
        return self.limit_owner if limits & set(loosens) else Role.OPERATE

    def require_owner(self, principal: Principal, before: SymbolConfig, after: SymbolConfig) -> None:
        """403 when a limit is raised by somebody who does not own it."""
        raised = raised_limits(before, after)
        if raised and not principal.may(self.limit_owner):
            detail = (
                f"raising {', '.join(raised)} needs the role {self.limit_owner.value}, which the token of"
                f" {principal.actor} does not carry"
            )
            raise ProblemError(HTTPStatus.FORBIDDEN, "LIMIT_OWNER", detail)


def now() -> datetime:
    """UTC wall time."""
    return datetime.now(UTC)
