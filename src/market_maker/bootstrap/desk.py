"""The service as the admin API sees it: carries requests to the engines, the repositories and Metadata."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from market_maker.actors.changes import Subscription
from market_maker.actors.trading import Trading
from market_maker.api import ports
from market_maker.bootstrap.markets import Markets
from market_maker.clients import metadata
from market_maker.core.commands import Problem, Reply
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.obligations import ProgrammeDay
from market_maker.core.states import Cause, State
from market_maker.core.view import DepthLevel, PreviewView, SymbolView
from market_maker.ownership.shell import Ownership
from market_maker.repositories.audit import AuditEntry, AuditFilter, AuditRepository
from market_maker.repositories.configs import ConfigRepository, Written
from market_maker.repositories.drills import Drill, DrillRepository
from market_maker.repositories.errors import DatabaseError, DuplicateError, VersionConflictError
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRecord, FillRepository
from market_maker.repositories.journal_batch import RISK_TOPIC
from market_maker.repositories.markouts import MarkoutRepository, MarkoutSum
from market_maker.repositories.orders import OrderRecord, OrderRepository
from market_maker.repositories.outbox import OutboxEvent, OutboxRepository
from market_maker.repositories.owners import OwnerRepository
from market_maker.repositories.paging import ALWAYS, Period
from market_maker.repositories.pnl import Earned, PnlRepository
from market_maker.repositories.positions import PositionRepository
from market_maker.repositories.states import StateRepository
from market_maker.repositories.versions import Version, VersionRepository

REPLY_S_MAX: Final = 2.0
"""An engine answers within a step; one that has not by then is shown as not having answered."""
KILL_DURABLE_S_MAX: Final = 0.25
"""A kill is answered once it would outlive this process, unless the database takes longer than that."""


class ServiceDesk:
    """Implements the API's Desk port."""

    def __init__(
        self,
        trading: Trading,
        markets: Markets,
        database: Database,
        health: Callable[[], ports.ServiceHealth],
        figures: Callable[[], ports.Figures],
        ownership: Ownership,
        carry_out_kills: Callable[[Sequence[str]], Awaitable[None]],
        standings: Callable[[datetime], Awaitable[Sequence[ProgrammeDay]]],
        *,
        shadow_mode: bool,
    ) -> None:
        """`carry_out_kills` kills where another instance has left the order for it in the database.

        `standings` tells how programmes stood on a day.
        """
        self._supervisor = trading.supervisor
        self._markets = markets
        self._controls = trading.controls
        self._changes = trading.changes
        self._configs = ConfigRepository(database)
        self._versions = VersionRepository(database)
        self._drills = DrillRepository(database)
        self._fills = FillRepository(database)
        self._markouts = MarkoutRepository(database)
        self._pnl = PnlRepository(database)
        self._orders = OrderRepository(database)
        self._outbox = OutboxRepository(database)
        self._states = StateRepository(database)
        self._owners = OwnerRepository(database)
        self._positions = PositionRepository(database)
        self._audit = AuditRepository(database)
        self._health = health
        self._figures = figures
        self._ownership = ownership
        self._carry_out_kills = carry_out_kills
        self._standings = standings
        self._shadow_mode = shadow_mode
        self._wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns()

    @property
    def shadow_mode(self) -> bool:
        """Whether quotes are computed but no order leaves."""
        return self._shadow_mode

    def symbols(self) -> Sequence[str]:
        """Every configured symbol of the fleet, sorted."""
        return sorted(self._markets.symbols)

    def runs(self, symbol: str) -> bool:
        """Whether the symbol is this instance's."""
        worker = self._supervisor.worker(symbol)
        return worker is not None and worker.tenure.is_held

    def view(self, symbol: str) -> SymbolView | None:
        """One consistent picture of a symbol."""
        worker = self._supervisor.worker(symbol)
        return worker.engine.view() if worker is not None and worker.tenure.is_held else None

    def depth(self, symbol: str, levels: int) -> tuple[Sequence[DepthLevel], Sequence[DepthLevel]]:
        """The best bids and asks of a symbol that runs here."""
        return self._engine(symbol).depth(levels)

    def preview(self, symbol: str, config: SymbolConfig) -> PreviewView:
        """What another configuration would do to a symbol that runs here."""
        return self._engine(symbol).preview(config)

    def _engine(self, symbol: str) -> SymbolEngine:
        worker = self._supervisor.worker(symbol)
        if worker is None:
            raise ports.NotConfiguredError(f"{symbol} does not run here any more")
        return worker.engine

    def to_wall(self, at_ns: int) -> datetime:
        """UTC wall time of a monotonic time of this process."""
        microseconds = (at_ns + self._wall_minus_monotonic_ns) // 1_000
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)

    def figures(self) -> ports.Figures:
        """Latencies and backlogs of the process."""
        return self._figures()

    async def control(
        self, symbols: Sequence[str] | None, cause: Cause, actor: str, reason: str, rebase_pnl: bool = False
    ) -> Mapping[str, Reply]:
        """Ask symbols that run here for a transition and collect their replies."""
        waiting: dict[str, asyncio.Future[Reply]] = {}
        ours = [worker.name for worker in self._supervisor if worker.tenure.is_held]
        meant = ours if symbols is None else symbols
        if cause is Cause.RESET:  # a kill that was asked for before it should not come after it
            with suppress(DatabaseError):
                await self._carry_out_kills(meant)
        for symbol in meant:
            self._ownership.operator_spoke(symbol)
            request_id, future = self._controls.open()
            waiting[symbol] = future
            self._supervisor.ask(symbol, request_id, cause, actor, reason, rebase_pnl=rebase_pnl)
        if waiting:
            await asyncio.wait(waiting.values(), timeout=REPLY_S_MAX)
        replies = {symbol: future.result() for symbol, future in waiting.items() if future.done()}
        for future in waiting.values():
            future.cancel()
        if cause is Cause.ENABLE:
            accepted = [symbol for symbol, r in replies.items() if not r.problems]
            replies |= await self._note_enabled(accepted, Written(actor, reason))
        return replies

    async def durable(self, symbols: Collection[str]) -> frozenset[str]:
        """Which of these symbols a crash would now find as they stand."""
        return await self._supervisor.durable(symbols, KILL_DURABLE_S_MAX)

    async def configs(self) -> Sequence[SymbolConfig]:
        """All configurations, sorted by symbol."""
        return [record.config for record in await self._configs.list()]

    async def config(self, symbol: str) -> SymbolConfig | None:
        """One configuration."""
        record = await self._configs.get(symbol)
        return record.config if record is not None else None

    async def stored_states(self, symbols: Sequence[str]) -> Mapping[str, ports.StoredState]:
        """The states of these symbols as PostgreSQL holds them; PAUSED where none was ever stored."""
        records = await self._states.load_all()
        return {
            symbol: ports.StoredState(record.state, record.reason, record.since)
            if (record := records.get(symbol)) is not None
            else ports.StoredState()
            for symbol in symbols
        }

    async def stored_position(self, symbol: str) -> Decimal:
        """The position that its fills make, as stored."""
        stored = await self._positions.get(symbol)
        return Decimal(0) if stored is None else stored.position

    async def stay_paused(self, symbols: Sequence[str]) -> None:
        """Symbols that nobody owns start PAUSED at whoever takes them."""
        await self._owners.forget_resume(symbols)

    async def require_creatable(self, symbol: str) -> None:
        """Raise unless the exchange lists the symbol and it is not configured."""
        await self._require_listed(symbol)
        if await self.config(symbol) is not None:
            raise _duplicate(symbol)

    async def create_config(self, config: SymbolConfig, actor: str, reason: str) -> None:
        """Store a configuration and start its symbol, PAUSED."""
        await self._require_listed(config.symbol)
        try:
            record = await self._configs.insert(config, Written(actor, reason))
        except DuplicateError as error:
            raise _duplicate(config.symbol) from error
        self._markets.changed(record)
        with suppress(TimeoutError):  # it goes on without us
            async with asyncio.timeout(REPLY_S_MAX):
                await self._ownership.take(config.symbol)

    async def update_config(
        self, config: SymbolConfig, actor: str, reason: str, replaces: int | None = None
    ) -> None:
        """Replace a configuration and tell the engine."""
        try:
            record = await self._configs.update(config, Written(actor, reason, replaces))
        except VersionConflictError as error:
            raise ports.SupersededError(f"{error}: look at what has changed, and ask again") from error
        if record is None:
            raise ports.NotConfiguredError(f"{config.symbol} is not configured")
        self._markets.changed(record)

    async def versions(self, symbol: str, before: int | None, limit: int) -> Sequence[Version]:
        """Configurations that the symbol has had, newest first."""
        if "\0" in symbol:
            return []  # PostgreSQL holds no such text
        return await self._versions.list(symbol, before, limit)

    async def begin_drill(self, drill: Drill) -> int:
        """Note that a kill switch is tried."""
        return await self._drills.begin(drill)

    async def finish_drill(self, drill_id: int, halted_us: int, proven_zero_us: int | None) -> None:
        """Note what was measured."""
        await self._drills.finish(drill_id, halted_us, proven_zero_us)

    async def drills(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[Drill]:
        """Drills, newest first."""
        return await self._drills.list(symbol, before, limit, period)

    async def delete_config(self, symbol: str, actor: str, reason: str) -> None:
        """Remove a configuration whose symbol is not ACTIVE and has nothing in the market."""
        self._ownership.removing(symbol, is_under_way=True)
        try:
            self._require_idle(symbol)
            if not await self._configs.delete(symbol, Written(actor, reason)):
                raise ports.NotConfiguredError(f"{symbol} is not configured")
        except (ports.DeskError, DatabaseError):
            self._ownership.removing(symbol, is_under_way=False)
            raise
        self._markets.removed(symbol)
        await self._ownership.removed(symbol)

    def _require_idle(self, symbol: str) -> None:
        """Raise ActiveSymbolError or NotProvenZeroError unless nothing of the symbol is in the market."""
        worker = self._supervisor.worker(symbol)
        if worker is None:
            return
        if worker.engine.symbol.state is State.ACTIVE:
            raise ports.ActiveSymbolError(f"{symbol} is ACTIVE: pause it first")
        if not worker.engine.is_clear:
            raise ports.NotProvenZeroError(f"{symbol} may still have open orders: wait until zero is proven")

    async def instruments(self) -> metadata.Offer:
        """What the Metadata Service offers."""
        try:
            return await self._markets.instruments()
        except metadata.MetadataError as error:
            raise ports.MetadataDownError(str(error)) from error

    async def fills(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[FillRecord]:
        """Fills, newest first."""
        rows = await self._fills.list(symbol, before, limit, period)
        markouts = await self._markouts.of_fills(symbol, [(row.trade_id, row.side) for row in rows])
        return [replace(row, markouts=markouts[row.trade_id, row.side]) for row in rows]

    async def earned(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[Earned]:
        """What the result came from, oldest first."""
        return await self._pnl.earned(symbol, since, until, by)

    async def results_at(self, at: datetime) -> Mapping[str, Decimal]:
        """What results had come to, by symbol."""
        return await self._pnl.stood_at(at)

    async def obligations(self, at: datetime) -> Sequence[ProgrammeDay]:
        """How every programme stands."""
        return await self._standings(at)

    async def markouts(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[MarkoutSum]:
        """Sums of markouts, oldest first."""
        return await self._markouts.sums(symbol, since, until, by)

    async def orders(
        self, symbol: str, before: str | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OrderRecord]:
        """Orders, newest first."""
        return await self._orders.list(symbol, before, limit, period)

    async def events(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        """State changes and kill switches, newest first."""
        return await self._outbox.list(symbol, before, limit, period)

    async def incidents(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        """Kill switches that fired, newest first."""
        return await self._outbox.of_topic(RISK_TOPIC, symbol, before, limit, period)

    def health(self) -> ports.ServiceHealth:
        """The last measured state of the surroundings."""
        return self._health()

    def subscribe(self) -> Subscription:
        """A subscription to status changes."""
        return self._changes.subscribe()

    async def audited(
        self, wanted: AuditFilter, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[tuple[int, AuditEntry]]:
        """Entries of the audit trail, newest first."""
        return await self._audit.list(wanted, before, limit, period)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Append to the audit trail."""
        await self._audit.append(entries)

    async def _require_listed(self, symbol: str) -> None:
        try:
            await self._markets.instrument(symbol)
        except metadata.UnknownSymbolError as error:
            raise ports.NotListedError(str(error)) from error
        except metadata.MetadataError as error:
            raise ports.MetadataDownError(str(error)) from error

    async def _note_enabled(self, symbols: Sequence[str], by: Written) -> dict[str, Reply]:
        """Make `enabled` durable for symbols whose engine accepted; the replies of those where that failed.

        Those are paused again: nobody leaves a symbol ACTIVE behind an answer that says it failed.
        """
        left, reason = list(symbols), "no answer in time"
        with suppress(TimeoutError):
            async with asyncio.timeout(REPLY_S_MAX):
                try:
                    while left:
                        await self._configs.set_enabled(left[0], enabled=True, by=by)
                        del left[0]
                except DatabaseError as error:
                    reason = str(error)
        if not left:
            return {}
        problem = Problem("DATABASE_UNAVAILABLE", f"paused again, because enabled was not stored: {reason}")
        paused = await self.control(left, Cause.PAUSE, "system", problem.detail)
        return {symbol: replace(reply, problems=(problem,)) for symbol, reply in paused.items()}


def _duplicate(symbol: str) -> ports.DuplicateConfigError:
    return ports.DuplicateConfigError(f"{symbol} is already configured")
