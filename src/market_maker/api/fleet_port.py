"""What the routes of this instance ask of the rest of the fleet, as a port and its records.

The package `fleet` implements it; nothing here knows how instances reach each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response

from market_maker.api.answers import Audit, ControlResult, SymbolSummary
from market_maker.api.fleet_answers import FleetGlance, SystemStatus, WithoutPicture
from market_maker.api.forwarded import Origin
from market_maker.api.security import Principal
from market_maker.core.states import Cause
from market_maker.repositories.audit import AuditEntry

_PATHS = {
    Cause.ENABLE: "/v1/mm/enable",
    Cause.PAUSE: "/v1/mm/pause",
    Cause.RESUME: "/v1/mm/resume",
    Cause.KILL: "/v1/mm/emergency/kill",
    Cause.FLATTEN: "/v1/mm/emergency/flatten",
    Cause.RESET: "/v1/mm/reset",
}


@dataclass(frozen=True, slots=True)
class Emergency:
    """What an operator wants of several symbols."""

    cause: Cause
    named: Sequence[str] | None
    """None: every symbol."""
    reason: str
    rebase_pnl: bool = False
    wait_s: int = 0
    """How long starting may wait for what only needs time."""

    @property
    def path(self) -> str:
        """Where it is asked for."""
        return _PATHS[self.cause]

    @property
    def route(self) -> str:
        """As the audit trail names it."""
        return f"POST {self.path}"


@dataclass(frozen=True, slots=True)
class TakenElsewhere:
    """How the symbols that do not run here took an emergency request."""

    results: Mapping[str, ControlResult]
    audit: Audit = "recorded"
    rows: Sequence[AuditEntry] = ()
    """For the audit trail: kills that no owner has answered for; else the owner has recorded it."""


@dataclass(frozen=True, slots=True)
class ShownElsewhere:
    """What the other instances show of their symbols."""

    shown: Mapping[str, SymbolSummary]
    """By symbol, the best of all pictures of it."""
    without_owner: Mapping[str, WithoutPicture]
    """By symbol: configured, and shown by nobody."""


class FleetPort(Protocol):
    """The whole fleet, this instance included. Methods that are not async answer from memory at once."""

    def owner(self, symbol: str) -> str | None:
        """The id of the instance that owns a symbol; None: nobody does, or it is not known."""

    def is_anothers(self, symbol: str) -> bool:
        """Whether another instance owns the symbol, as far as is known."""

    async def answer_of_owner(
        self, request: Request, route: tuple[str, str], body: bytes, wait_s: int = 0
    ) -> Response | None:
        """The answer of the instance that owns the request's symbol; None: this one is to answer.

        `wait_s` is how long the request itself allows the owner to wait.
        """

    async def take(
        self, emergency: Emergency, away: Sequence[str], principal: Principal, origin: Origin
    ) -> TakenElsewhere:
        """Carry it out for the symbols `away`, and for what other instances run besides if all are meant."""

    def own(self, symbol: str) -> SymbolSummary | None:
        """A symbol that runs here; None for any other."""

    async def elsewhere(self) -> ShownElsewhere:
        """What the other instances show; nothing of them while Redis is away."""

    def is_elsewhere(self, symbol: str, elsewhere: ShownElsewhere) -> bool:
        """Whether another instance's picture of the symbol is the one to show."""

    def glance(self) -> FleetGlance:
        """What stands around the symbols."""

    async def status(self) -> SystemStatus:
        """The whole fleet now."""
