"""What the admin API needs from the rest of the service: one port, its records and its errors.

The composition root gives the real Desk; tests give an in-memory one. Nothing here knows of HTTP.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol

from market_maker.clients.metadata import Offer
from market_maker.core.commands import Reply
from market_maker.core.config import SymbolConfig
from market_maker.core.obligations import ProgrammeDay
from market_maker.core.states import Cause, State
from market_maker.core.view import DepthLevel, PreviewView, SymbolView
from market_maker.repositories.audit import AuditEntry, AuditFilter
from market_maker.repositories.drills import Drill
from market_maker.repositories.fills import FillRecord
from market_maker.repositories.markouts import MarkoutSum
from market_maker.repositories.orders import OrderRecord
from market_maker.repositories.outbox import OutboxEvent
from market_maker.repositories.paging import ALWAYS, Period
from market_maker.repositories.pnl import Earned
from market_maker.repositories.versions import Version


class DeskError(Exception):
    """A request that the service refuses; the message is a sentence for the operator."""


class NotConfiguredError(DeskError):
    """No configuration has this symbol."""


class SupersededError(DeskError):
    """The configuration has been changed by somebody else since it was looked at."""


class DuplicateConfigError(DeskError):
    """A configuration with this symbol exists."""


class NotListedError(DeskError):
    """The Metadata Service does not know this symbol."""


class ActiveSymbolError(DeskError):
    """The symbol is ACTIVE."""


class NotProvenZeroError(DeskError):
    """Not all of the symbol's orders are proven gone."""


class MetadataDownError(DeskError):
    """The Metadata Service does not answer; trying again later may work."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A symbol's state as PostgreSQL holds it; PAUSED since None where none was ever stored."""

    state: State = State.PAUSED
    reason: str = ""
    since: datetime | None = None


class CheckStatus(Enum):
    """How a component stands; only FAILED makes the service not ready."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One component: postgres, kafka, redis, order_service, metadata, schema_registry, auth (if used)."""

    name: str
    status: CheckStatus
    detail: str = ""
    """Never a secret: these are shown without a token."""


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """What the process says of itself and of what it depends on."""

    live: bool = True
    checks: tuple[Check, ...] = field(default=())

    @property
    def ready(self) -> bool:
        """Whether operators may rely on it: alive, and no component failed."""
        return self.live and all(check.status is not CheckStatus.FAILED for check in self.checks)

    @property
    def status(self) -> CheckStatus:
        """The worst of all checks."""
        if not self.ready:
            return CheckStatus.FAILED
        if any(check.status is CheckStatus.DEGRADED for check in self.checks):
            return CheckStatus.DEGRADED
        return CheckStatus.OK


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the whole process since its start."""

    latency_us: Mapping[str, float | None]
    """Percentiles in microseconds by name, such as `quote_p50`; None while nothing was measured."""
    outbox_pending: int
    """Events that the broker has not acknowledged yet."""


class Changes(Protocol):
    """A subscription to status changes; what changed while nobody asked coalesces."""

    async def next(self, timeout_s: float) -> frozenset[str] | None:
        """Symbols changed since the last call; empty when the time passed, None when closed."""

    def close(self) -> None:
        """End the subscription; a waiting `next` returns None."""


class Desk(Protocol):
    """The service as the admin API sees it. Methods that are not async answer from memory at once."""

    @property
    def shadow_mode(self) -> bool:
        """Whether quotes are computed but no order leaves."""

    def symbols(self) -> Sequence[str]:
        """Every configured symbol of the fleet, sorted, as far as this instance knows yet."""

    def runs(self, symbol: str) -> bool:
        """Whether this instance runs the symbol: `view` makes a picture, which costs more than this."""

    def view(self, symbol: str) -> SymbolView | None:
        """One consistent picture of a symbol; None when this instance does not run it."""

    def depth(self, symbol: str, levels: int) -> tuple[Sequence[DepthLevel], Sequence[DepthLevel]]:
        """The best bids and asks of a symbol that runs here, best first."""

    def preview(self, symbol: str, config: SymbolConfig) -> PreviewView:
        """What another configuration would do to a symbol that runs here.

        Raises ValueError, naming the field, when it cannot be quoted.
        """

    def to_wall(self, at_ns: int) -> datetime:
        """UTC wall time of a monotonic time of this process."""

    async def control(
        self, symbols: Sequence[str] | None, cause: Cause, actor: str, reason: str, rebase_pnl: bool = False
    ) -> Mapping[str, Reply]:
        """Ask symbols that run here (None: all of them) for a transition; without problems it is accepted.

        A symbol that did not answer in time is missing from the result. KILL and FLATTEN must not
        wait for the database, Kafka or Redis.
        """

    async def configs(self) -> Sequence[SymbolConfig]:
        """All configurations, sorted by symbol. Raises DatabaseError."""

    async def config(self, symbol: str) -> SymbolConfig | None:
        """One configuration, or None. Raises DatabaseError."""

    async def stored_states(self, symbols: Sequence[str]) -> Mapping[str, StoredState]:
        """The states of these symbols as PostgreSQL holds them, of each one. Raises DatabaseError."""

    async def stored_position(self, symbol: str) -> Decimal:
        """The position that its fills make, signed base currency. Raises DatabaseError."""

    async def stay_paused(self, symbols: Sequence[str]) -> None:
        """Symbols that nobody runs shall not continue by themselves when an instance takes them.

        Raises DatabaseError.
        """

    async def require_creatable(self, symbol: str) -> None:
        """Raise what `create_config` would raise for the symbol, and change nothing."""

    async def create_config(self, config: SymbolConfig, actor: str, reason: str) -> None:
        """Store a new configuration; the symbol starts PAUSED.

        Raises DuplicateConfigError, NotListedError, MetadataDownError, DatabaseError.
        """

    async def update_config(
        self, config: SymbolConfig, actor: str, reason: str, replaces: int | None = None
    ) -> None:
        """Replace a configuration; `enabled` going false pauses an ACTIVE symbol.

        Of a symbol that does not run here only the row changes: its owner, if any, reads it each second.
        `replaces` is the version that must be the present one.
        Raises NotConfiguredError, SupersededError, DatabaseError.
        """

    async def versions(self, symbol: str, before: int | None, limit: int) -> Sequence[Version]:
        """Configurations that the symbol has had, those under `before`, newest first.

        Raises DatabaseError.
        """

    async def durable(self, symbols: Collection[str]) -> frozenset[str]:
        """Which of these, which run here, a crash would find as they stand. Waits a moment for the rest."""

    async def begin_drill(self, drill: Drill) -> int:
        """Note that a kill switch is tried, and give the drill's id. Raises DatabaseError."""

    async def finish_drill(self, drill_id: int, halted_us: int, proven_zero_us: int | None) -> None:
        """Note what was measured. Raises DatabaseError."""

    async def drills(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[Drill]:
        """Drills with an id under `before`, newest first. Raises DatabaseError."""

    async def delete_config(self, symbol: str, actor: str, reason: str) -> None:
        """Remove a configuration.

        Raises NotConfiguredError, ActiveSymbolError, NotProvenZeroError, DatabaseError.
        """

    async def instruments(self) -> Offer:
        """Every instrument that the Metadata Service offers. Raises MetadataDownError."""

    async def fills(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[FillRecord]:
        """Fills of the period with an id under `before`, newest first, with their markouts.

        Raises DatabaseError.
        """

    async def earned(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[Earned]:
        """What the result came from in each minute, hour or day of a period. Raises DatabaseError."""

    async def results_at(self, at: datetime) -> Mapping[str, Decimal]:
        """What results had come to at a time, of every symbol that had one by then. DatabaseError."""

    async def markouts(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[MarkoutSum]:
        """Markouts of the fills of a period by hour or day, side, level and horizon. DatabaseError."""

    async def obligations(self, at: datetime) -> Sequence[ProgrammeDay]:
        """How every programme stood, or stands, on the UTC day of a time. Raises DatabaseError."""

    async def orders(
        self, symbol: str, before: str | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OrderRecord]:
        """Orders of the period, `client_order_id` under `before`, newest first. Raises DatabaseError."""

    async def events(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        """Events of the period with an id under `before`, newest first. Raises DatabaseError."""

    async def incidents(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        """Kill switches that fired, of one symbol or of all, newest first. Raises DatabaseError."""

    def figures(self) -> Figures:
        """Latencies and backlogs of the process."""

    def health(self) -> ServiceHealth:
        """The last measured state of the process and its surroundings."""

    def subscribe(self) -> Changes:
        """A subscription to status changes of all symbols."""

    async def audited(
        self, wanted: AuditFilter, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[tuple[int, AuditEntry]]:
        """Entries of the audit trail with their row ids, those under `before`, newest first.

        Raises DatabaseError.
        """

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Append to the audit trail; an entry already there is skipped. Raises DatabaseError."""
