"""An in-memory Desk: the state table and the configuration rules, without engines or servers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from lab.desk_records import NOW_NS, START, instrument, view_of
from market_maker.actors.changes import ChangeFeed
from market_maker.api.ports import (
    ActiveSymbolError,
    Changes,
    Check,
    CheckStatus,
    DuplicateConfigError,
    Figures,
    MetadataDownError,
    NotConfiguredError,
    NotListedError,
    ServiceHealth,
    StoredState,
    SupersededError,
)
from market_maker.clients.metadata import MetadataInvalidError, Offer
from market_maker.core.commands import Problem, Reply
from market_maker.core.config import SymbolConfig
from market_maker.core.obligations import Programme, ProgrammeDay, Tier
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State, next_state
from market_maker.core.view import (
    DepthLevel,
    KillView,
    PreviewView,
    SymbolView,
)
from market_maker.repositories.audit import AuditEntry, AuditFilter
from market_maker.repositories.drills import Drill
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.fills import FillRecord
from market_maker.repositories.journal_batch import RISK_TOPIC
from market_maker.repositories.markouts import MarkoutSum
from market_maker.repositories.orders import OrderRecord
from market_maker.repositories.outbox import OutboxEvent
from market_maker.repositories.paging import ALWAYS, Period
from market_maker.repositories.pnl import Earned
from market_maker.repositories.versions import Version

COMPONENTS = ("postgres", "kafka", "redis", "order_service", "metadata", "schema_registry")


@dataclass
class FakeDesk:
    """Set its fields to bring about what a test needs."""

    unusable: list[MetadataInvalidError] = field(default_factory=list)
    listed: set[str] = field(default_factory=lambda: {"BTC-USDT", "ETH-USDT", "SOL-USDT"})
    views: dict[str, SymbolView] = field(default_factory=dict)
    fill_rows: dict[str, list[FillRecord]] = field(default_factory=dict)
    earned_rows: dict[tuple[str, str], list[Earned]] = field(default_factory=dict)
    stood: dict[str, Decimal] = field(default_factory=dict)
    """What results had come to at midnight."""
    promised: list[tuple[Programme, Tier, int]] = field(default_factory=list)
    markout_rows: dict[tuple[str, str], list[MarkoutSum]] = field(default_factory=dict)
    order_rows: dict[str, list[OrderRecord]] = field(default_factory=dict)
    event_rows: dict[str, list[OutboxEvent]] = field(default_factory=dict)
    changed_by: list[tuple[str, str]] = field(default_factory=list)
    trail: list[AuditEntry] = field(default_factory=list)
    controls: list[tuple[Sequence[str] | None, Cause, str, str, bool]] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    checks: dict[str, CheckStatus] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, CheckStatus.OK))
    live: bool = True
    database_up: bool = True
    metadata_up: bool = True
    silent: set[str] = field(default_factory=set)
    shadow_mode: bool = False
    feed: ChangeFeed = field(default_factory=ChangeFeed)
    others: "list[FakeDesk]" = field(default_factory=list)
    """The desks of the other instances, on the same database."""
    ownerless: dict[str, SymbolConfig] = field(default_factory=dict)
    """Configured symbols that nobody runs; all desks of a fleet share it."""
    known: list[str] | None = None
    """The symbols that it had read from the database before something changed there."""
    stopped: list[str] = field(default_factory=list)
    """Symbols that shall not continue by themselves."""
    positions: dict[str, Decimal] = field(default_factory=dict)
    """Stored positions of symbols that nobody runs."""
    stored: dict[str, StoredState] = field(default_factory=dict)
    bids: Sequence[DepthLevel] = (DepthLevel(Decimal("100.00"), Decimal(3), Decimal(1)),)
    asks: Sequence[DepthLevel] = (DepthLevel(Decimal("100.10"), Decimal(2), Decimal(0)),)
    drill_rows: list[Drill] = field(default_factory=list)
    version_rows: dict[str, list[Version]] = field(default_factory=dict)
    """Configurations that a symbol has had, oldest first."""

    def symbols(self) -> Sequence[str]:
        if self.known is not None:
            return self.known
        return sorted({*self.views, *self.ownerless, *(name for desk in self.others for name in desk.views)})

    def runs(self, symbol: str) -> bool:
        return symbol in self.views

    def view(self, symbol: str) -> SymbolView | None:
        return self.views.get(symbol)

    def depth(self, symbol: str, levels: int) -> tuple[Sequence[DepthLevel], Sequence[DepthLevel]]:
        assert symbol in self.views
        return self.bids[:levels], self.asks[:levels]

    def preview(self, symbol: str, config: SymbolConfig) -> PreviewView:
        view = self.views[symbol]
        assert view.instrument is not None
        return PreviewView(
            at_ns=view.at_ns,
            config=config,
            instrument=view.instrument,
            quote=None,
            no_quote_reason="no_reference_mid",
            kill=None,
            cancelled=view.orders,
            placed=((Side.BUY, 0),),
            kept=0,
        )

    def to_wall(self, at_ns: int) -> datetime:
        return START + timedelta(microseconds=at_ns // 1_000)

    async def control(
        self, symbols: Sequence[str] | None, cause: Cause, actor: str, reason: str, rebase_pnl: bool = False
    ) -> Mapping[str, Reply]:
        self.controls.append((symbols, cause, actor, reason, rebase_pnl))
        meant = sorted(self.views) if symbols is None else symbols
        return {
            symbol: self._control(symbol, cause, actor, reason)
            for symbol in meant
            if symbol not in self.silent
        }

    def _control(self, symbol: str, cause: Cause, actor: str, reason: str) -> Reply:
        view = self.views[symbol]
        to = next_state(view.state, cause)
        problems = view.enable_problems if cause in (Cause.ENABLE, Cause.RESUME) else ()
        if cause is Cause.RESUME and not view.config.enabled:
            problems += (Problem("NOT_ENABLED", "enabled is false: use enable"),)
        if to is None:
            problems += (Problem("WRONG_STATE", f"{cause.value} does nothing in {view.state.value}"),)
        if to is None or problems:
            return Reply(0, view.state, problems)
        why = KillReason.DRILL if cause is Cause.DRILL else KillReason.MANUAL
        kill = KillView(why, reason, "", NOW_NS) if to is State.HALTED else None
        enabled = view.config.enabled or cause is Cause.ENABLE
        self.change(
            symbol,
            state=to,
            state_reason=reason,
            state_actor=actor,
            kill=kill,
            config=replace(view.config, enabled=enabled),
        )
        return Reply(0, to)

    def change(self, symbol: str, **changes: object) -> None:
        """Change a symbol's picture and tell the streams."""
        self.views[symbol] = replace(self.views[symbol], **changes)  # type: ignore[arg-type]  # names of SymbolView
        self.feed.publish(symbol)

    async def durable(self, symbols: Collection[str]) -> frozenset[str]:
        return frozenset(symbols) if self.database_up else frozenset()

    async def configs(self) -> Sequence[SymbolConfig]:
        self._need_database()
        return [self._rows()[symbol] for symbol in self.symbols()]

    async def config(self, symbol: str) -> SymbolConfig | None:
        self._need_database()
        return self._rows().get(symbol)

    async def stored_states(self, symbols: Sequence[str]) -> Mapping[str, StoredState]:
        self._need_database()
        return {symbol: self.stored.get(symbol, StoredState()) for symbol in symbols}

    async def stored_position(self, symbol: str) -> Decimal:
        self._need_database()
        return self.positions.get(symbol, Decimal(0))

    async def stay_paused(self, symbols: Sequence[str]) -> None:
        self._need_database()
        self.stopped += symbols

    def _rows(self) -> dict[str, SymbolConfig]:
        desks = [self, *self.others]
        running = {name: view.config for desk in desks for name, view in desk.views.items()}
        return {**self.ownerless, **running}

    async def versions(self, symbol: str, before: int | None, limit: int) -> Sequence[Version]:
        self._need_database()
        rows = self._versions_of(symbol)
        return [row for row in reversed(rows) if before is None or row.version < before][:limit]

    async def begin_drill(self, drill: Drill) -> int:
        self._need_database()
        self.drill_rows.append(replace(drill, id=len(self.drill_rows) + 1))
        return len(self.drill_rows)

    async def finish_drill(self, drill_id: int, halted_us: int, proven_zero_us: int | None) -> None:
        self._need_database()
        row = self.drill_rows[drill_id - 1]
        self.drill_rows[drill_id - 1] = replace(row, halted_us=halted_us, proven_zero_us=proven_zero_us)

    async def drills(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[Drill]:
        self._need_database()
        return [
            row
            for row in reversed(self.drill_rows)
            if symbol in (None, row.symbol)
            and (before is None or row.id < before)
            and within(period, row.triggered_at)
        ][:limit]

    def _versions_of(self, symbol: str) -> list[Version]:
        """The versions of a symbol, oldest first; what it began with is its first."""
        if symbol not in self.version_rows:
            began = self._rows().get(symbol)
            first = Version(symbol, 1, START, "setup", "as it began", began)
            self.version_rows[symbol] = [] if began is None else [first]
        return self.version_rows[symbol]

    def _note_version(self, symbol: str, config: SymbolConfig | None, actor: str, reason: str) -> None:
        rows = self._versions_of(symbol)
        if config is None or not rows or rows[-1].config != config:
            at = START + timedelta(minutes=len(rows))
            rows.append(Version(symbol, len(rows) + 1, at, actor, reason, config))

    async def require_creatable(self, symbol: str) -> None:
        if symbol in self.views:
            raise DuplicateConfigError(f"{symbol} is configured already: use PUT to change it")
        if not self.metadata_up:
            raise MetadataDownError("the Metadata Service does not answer: try again later")
        if symbol not in self.listed:
            raise NotListedError(f"the Metadata Service does not know {symbol}: check the symbol")
        self._need_database()

    async def create_config(self, config: SymbolConfig, actor: str, reason: str) -> None:
        await self.require_creatable(config.symbol)
        self._note_version(config.symbol, config, actor, reason)
        self.views[config.symbol] = view_of(config)
        self.changed_by.append((config.symbol, actor))
        self.feed.publish(config.symbol)

    async def update_config(
        self, config: SymbolConfig, actor: str, reason: str, replaces: int | None = None
    ) -> None:
        self._need_database()
        present = len(self._versions_of(config.symbol))
        if replaces not in (None, present):
            raise SupersededError(
                f"version {replaces} of {config.symbol} is not the present one, which is {present}"
            )
        self._note_version(config.symbol, config, actor, reason)
        if config.symbol in self.ownerless:
            self.ownerless[config.symbol] = config
            return
        if config.symbol not in self.views:
            raise NotConfiguredError(f"{config.symbol} is not configured")
        self.change(config.symbol, config=config)
        self.changed_by.append((config.symbol, actor))
        if not config.enabled:
            self._control(config.symbol, Cause.DISABLED, actor, "enabled set to false")

    async def delete_config(self, symbol: str, actor: str, reason: str) -> None:
        self._need_database()
        if self.runs(symbol) and self.views[symbol].state is State.ACTIVE:
            raise ActiveSymbolError(f"{symbol} is ACTIVE: pause it first")
        self._note_version(symbol, None, actor, reason)
        if symbol in self.ownerless:
            del self.ownerless[symbol]
            return
        del self.views[symbol]
        self.changed_by.append((symbol, actor))
        self.feed.publish(symbol)

    async def fills(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[FillRecord]:
        self._need_database()
        return [
            row
            for row in self.fill_rows.get(symbol, [])
            if (before is None or row.id < before) and within(period, row.executed_at)
        ][:limit]

    async def earned(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[Earned]:
        self._need_database()
        return [one for one in self.earned_rows.get((symbol, by), []) if since <= one.since < until]

    async def results_at(self, at: datetime) -> Mapping[str, Decimal]:
        self._need_database()
        return self.stood if at.time() == time() else {}

    async def obligations(self, at: datetime) -> Sequence[ProgrammeDay]:
        self._need_database()
        day_us = round(at.timestamp()) * 1_000_000
        return [
            ProgrammeDay.of(programme, tier, present, day_us, day_us + 12 * 3_600 * 1_000_000)
            for programme, tier, present in self.promised
        ]

    async def markouts(self, symbol: str, since: datetime, until: datetime, by: str) -> Sequence[MarkoutSum]:
        self._need_database()
        return [one for one in self.markout_rows.get((symbol, by), []) if since <= one.since < until]

    async def orders(
        self, symbol: str, before: str | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OrderRecord]:
        self._need_database()
        return [
            row
            for row in self.order_rows.get(symbol, [])
            if (before is None or row.client_order_id < before) and within(period, row.created_at)
        ][:limit]

    async def events(
        self, symbol: str, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        self._need_database()
        return [
            row
            for row in self.event_rows.get(symbol, [])
            if (before is None or row.id < before) and within(period, row.created_at)
        ][:limit]

    async def incidents(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        self._need_database()
        rows = [row for rows in self.event_rows.values() for row in rows if row.topic == RISK_TOPIC]
        return [
            row
            for row in sorted(rows, key=lambda row: -row.id)
            if symbol in (None, row.symbol)
            and (before is None or row.id < before)
            and within(period, row.created_at)
        ][:limit]

    async def instruments(self) -> Offer:
        if not self.metadata_up:
            raise MetadataDownError("the Metadata Service does not answer: try again later")
        return Offer([instrument(symbol) for symbol in self.listed], self.unusable)

    async def audited(
        self, wanted: AuditFilter, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[tuple[int, AuditEntry]]:
        self._need_database()
        fields = ("symbol", "actor", "route")
        return [
            (row_id, row)
            for row_id, row in reversed(list(enumerate(self.trail)))
            if (before is None or row_id < before)
            and all(getattr(wanted, name) in (None, getattr(row, name)) for name in fields)
            and (wanted.changed is None or _changed(row, wanted.changed))
            and (wanted.text is None or wanted.text.lower() in str(row).lower())
            and within(period, row.at)
        ][:limit]

    def figures(self) -> Figures:
        return Figures({"quote_p50": 12.5, "quote_p99": None}, outbox_pending=3)

    def health(self) -> ServiceHealth:
        return ServiceHealth(
            self.live,
            tuple(Check(name, status, self.details.get(name, "")) for name, status in self.checks.items()),
        )

    def subscribe(self) -> Changes:
        return self.feed.subscribe()

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._need_database()
        known = {one.entry_id for one in self.trail}
        self.trail += [one for one in entries if one.entry_id not in known]

    def _need_database(self) -> None:
        if not self.database_up:
            raise DatabaseError("PostgreSQL does not answer: try again later")


def _changed(row: AuditEntry, name: str) -> bool:
    return (row.before or {}).get(name) != (row.after or {}).get(name)


def within(period: Period, at: datetime) -> bool:
    return (period.since is None or at >= period.since) and (period.until is None or at < period.until)
