"""Recorded engines: a conversation that holds every type of event, and its records on disk."""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.conversation import CONFIG, INSTRUMENT, LIMITS, MS, START_NS
from tests.support.playbook import Playbook
from tests.support.said import Said

from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.core import events as ev
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import ExchangeStatus, RequestOutcome
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State
from market_maker.replay.beginning import Beginning
from market_maker.replay.recorder import Recorder

PLENTY = 1_000_000_000


class Overheard(Playbook):
    """A playbook that keeps what it told its engine."""

    def when(self, event: ev.Event) -> Said:
        self.__dict__.setdefault("events", []).append(event)
        return super().when(event)

    @property
    def events(self) -> list[ev.Event]:
        heard: list[ev.Event] = self.__dict__["events"]
        return heard


def conversation(limits: EngineLimits = LIMITS) -> list[ev.Event]:
    """A symbol's day: quotes, fills, a new grid, a pause, a kill, and every type of event at least once."""
    desk = Overheard(limits=limits)
    desk.open_orders()
    desk.snapshot()
    desk.enable()
    if not limits.shadow_mode:
        trade_a_little(desk)
    desk.mark("1000.5")
    desk.trade("1000.1")
    desk.lag(12.5)
    desk.journal(3)
    desk.when(ev.HouseMeasured(desk.now_ns))
    desk.lease(is_current=True)
    desk.config(base_spread_bps=Decimal("20.0"), num_levels=3)
    desk.evaluate()
    desk.mid(10100)
    desk.evaluate()
    desk.when(ev.BookInvalid(desk.now_ns, "gap"))
    desk.snapshot()
    desk.grid(tick_size=Decimal("0.05"))
    desk.tick(200)
    desk.control_pause()
    desk.cancel_all_answer(cancelled=2)
    desk.open_orders()
    desk.when(ev.OrderEvent(desk.now_ns, ev.OrderEventKind.REJECTED, None, None, "no", 3, ev.Source(1, 2, 3)))
    desk.query_answer("c9", None)
    desk.when(ev.EngineEventUnreadable(desk.now_ns, "bytes", ev.Source(0, 7)))
    desk.when(ev.Retire(desk.now_ns, "test"))
    desk.when(ev.Retire(desk.now_ns, ""))
    desk.when(ev.Fault(desk.now_ns, KillReason.WORKER_FAILURE, "test"))
    desk.open_orders()
    desk.tick(200)
    desk.control(Cause.RESET, reason="looked at it", rebase_pnl=True)
    return desk.events


def trade_a_little(desk: Playbook) -> None:
    """Orders are acknowledged, filled, replaced and cancelled."""
    desk.place_answer("c1")
    desk.place_answer("c2", RequestOutcome.UNCERTAIN, ended=False)
    desk.fill("c1", 40, "t1", fee="-0.0010")
    desk.stream("c2", ev.OrderEventKind.ACCEPTED)
    desk.delta(bids=((9980, 0), (9975, 30)))
    desk.query_answer("c2", ExchangeStatus.OPEN)
    desk.cancel_answer("c1")
    desk.execution("t2", Side.SELL, "1000.50", "0.00300")


def restored(config: SymbolConfig = CONFIG) -> Restored:
    """What the playbook's engine starts from."""
    return Restored(
        config,
        INSTRUMENT,
        State.PAUSED,
        "before",
        "someone",
        None,
        Decimal(0),
        Inventory(),
        (("t0", "BUY"),),
        IdSeed(12345, START_NS // MS, START_NS),
    )


class Nothing:
    """Where a worker's journal and observer would be."""

    def append(self, *_: object) -> None:
        """Keep no record."""

    def stepped(self, *_: object) -> None:
        """Watch nothing."""


class RecordedEngine:
    """An engine in a real worker that records; nothing that it asks for is carried out."""

    def __init__(
        self, recorder: Recorder, limits: EngineLimits = LIMITS, config: SymbolConfig = CONFIG
    ) -> None:
        start = restored(config)
        self.engine = SymbolEngine(start, limits)
        self.recording = recorder.record(self.engine, Beginning.of(start, limits, ()))
        nothing: Any = Nothing()
        self.worker = Worker(
            self.engine,
            nothing,
            lambda *_: None,
            Tenure(None, None),
            nothing,
            nothing,
            time.monotonic_ns,
            self.recording,
        )
        self.worker.start(())

    def hear(self, events: Iterable[ev.Event]) -> None:
        """Handle events, one step each."""
        for event in events:
            self.worker.step(event)


def recorded(
    directory: Path,
    events: Iterable[ev.Event],
    limits: EngineLimits = LIMITS,
    bytes_max: int = PLENTY,
    config: SymbolConfig = CONFIG,
) -> list[Path]:
    """The records of one engine that heard these events."""
    recorder = Recorder(directory, bytes_max)
    engine = RecordedEngine(recorder, limits, config)
    engine.hear(events)
    engine.worker.end_recording()
    recorder.close(within_s=60.0)  # all of it, also on a busy machine
    return sorted(directory.iterdir())


def edited(path: Path, line: int, change: Callable[[str], str]) -> None:
    """Change one line of a record, counted from 1."""
    lines = path.read_text().splitlines(keepends=True)
    lines[line - 1] = change(lines[line - 1])
    path.write_text("".join(lines))
