"""One life of the service: engines from what is durable, their commands carried out, until it is killed."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Protocol

from market_maker.actors.send_gate import SendGate
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import RequestOutcome, Source
from market_maker.core.orders.ids import RAND_B_BITS, IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.states import Cause, KillReason
from simulation.checks import Checks
from simulation.clock import MS
from simulation.database import Journal
from simulation.decisions import Kind
from simulation.inbox import Inbox
from simulation.leasing import Leasing
from simulation.lifetime import Lifetime
from simulation.network import Flight
from simulation.parts import Parts
from simulation.relay import Relay
from simulation.store import Entry
from simulation.stream import Consumer
from simulation.virtual_loop import VirtualLoop
from tradex_backtest.run import instrument_of

COMMIT_NS = 200 * MS
GAUGES_NS = 200 * MS
ENGINE_TOPIC = "engine.event.v1"

_REQUESTS = (cmd.PlaceOrder, cmd.CancelOrder, cmd.CancelAll, cmd.QueryOrder, cmd.QueryOpenOrders)


class CrashedError(Exception):
    """kill -9 reached the process between two effects."""


class Life:
    """What can be played again: how an engine began, what it heard, what it said."""

    def __init__(self, restored: Restored, open_orders: tuple[Order, ...]) -> None:
        self.restored = restored
        self.open_orders = open_orders
        self.heard: list[ev.Event] = []
        self.said: list[list[cmd.Command] | None] = []
        """What was answered to each event, after the start; None: that step raised."""

    def add(self, event: ev.Event, commands: Sequence[cmd.Command] | None) -> None:
        """One more step."""
        self.heard.append(event)
        self.said.append(None if commands is None else list(commands))


class DefectError(Exception):
    """What a planted defect of an engine raises."""


def plant_defect(engine: SymbolEngine, *, when_placing: bool) -> None:
    """The engine's next step (that places an order, if so asked) raises at its very end."""
    advance = engine._advance  # noqa: SLF001 -- where an exception does most harm: everything is decided

    def failing(out: list[cmd.Command]) -> None:
        advance(out)
        if not when_placing or any(isinstance(said, cmd.PlaceOrder) for said in out):
            del engine._advance  # noqa: SLF001 -- sound again
            raise DefectError

    engine._advance = failing  # type: ignore[method-assign]  # noqa: SLF001 -- until then


class RunParts(Parts, Protocol):
    """The parts, with those that are told of a process."""

    checks: Checks

    def replied(self, process: "Process", symbol: str, reply: cmd.Reply) -> None:
        """An engine answered an operator."""


class Process(Lifetime):
    """The engines of all symbols and what stands around them."""

    def __init__(self, parts: RunParts, number: int) -> None:
        super().__init__(parts.clock)
        self._parts = parts
        self.number = number
        self.engines: dict[str, SymbolEngine] = {}
        self._gates: dict[str, SendGate] = {}
        self.lives: dict[str, Life] = {}
        self.known: dict[str, set[str]] = {}
        """Client order ids that each engine sent, was given at its start, or was told of."""
        self.undispatched: dict[str, None] = {}
        """Placements that were decided and have not left yet."""
        self.cancelling: Counter[str] = Counter()
        """Cancels of single orders that were decided and not answered yet, by client order id."""
        self.flights: dict[Flight, None] = {}
        self.owned = set(parts.symbols)
        self.crash_in = 0
        """How many effects are left; 0: no crash is coming."""
        self.stall_on_send: dict[str, int] = {}
        self.failed_steps = 0
        self.is_stopping = False
        self.quiesced = False
        """Whether nothing more is read from the stream."""
        self._ticks: dict[str, int] = {}
        self._requests = 0
        self.journal = Journal(
            self._clock,
            self.after,
            parts.store,
            parts.trouble,
            parts.coverage,
            self.effect,
            self._written,
        )
        self.loop = VirtualLoop(self, lambda: self._clock.now_ns)
        self.relay = Relay(
            self._clock, self.loop, self.after, parts.store, parts.broker, parts.trouble, self.effect
        )
        self.leasing = Leasing(self._clock, self.loop, self.after, parts.trouble, parts.coverage)
        self.inboxes = {
            symbol: Inbox(symbol, self.loop, self.after, self.step, parts.coverage)
            for symbol in parts.symbols
        }
        self.consumer = Consumer(parts.stream, self._clock, self._streamed)

    # --- life and death --------------------------------------------------------------------------

    def start(self) -> None:
        """Rebuild every engine and begin."""
        parts = self._parts
        parts.feeds.deliver = self.hear
        self.leasing.start()
        parts.stream.arrived = lambda partition: self.after(0, self.poll, partition)
        for symbol in parts.symbols:
            self._start_engine(symbol)
        for partition in sorted(self.consumer.assigned):
            self.after(MS, self.poll, partition)
        self.after(COMMIT_NS, self._commit_routinely)
        self.after(GAUGES_NS, self._measure)

    def _start_engine(self, symbol: str) -> None:
        parts = self._parts
        instrument = instrument_of(parts.venue.exchange.instrument(symbol))
        channel = parts.feeds.channels[symbol]
        channel.announced = instrument
        parts.feeds.works_on(symbol, instrument)
        rng = Random(f"ids:{parts.plan.seed}:{self.number}:{symbol}")
        ids = IdSeed(rng.getrandbits(RAND_B_BITS), self._clock.now_us // 1_000, self._clock.now_ns)
        restored, open_orders = parts.store.restore(instrument, ids)
        if parts.records_lives:
            self.lives[symbol] = Life(*parts.store.restore(instrument, ids))
        engine = SymbolEngine(restored, parts.plan.limits)
        self.engines[symbol] = engine
        self._gates[symbol] = SendGate(engine, parts.plan.limits.max_orders_per_second)
        self.known[symbol] = {order.client_order_id for order in open_orders}
        parts.checks.began(self, symbol, restored)
        commands = engine.start(open_orders)
        if open_orders:
            parts.coverage.hit("restart_with_open_orders")
        if parts.records_lives:
            self.lives[symbol].said.append(list(commands))
        self._carry_out(symbol, None, commands)

    def kill(self, *, committed: bool) -> None:
        """Kill -9: what was in memory is gone, what is on the wire is not."""
        coverage = self._parts.coverage
        if len(self.journal):
            coverage.hit("crash_loses_records")
        if self.journal.is_writing:
            coverage.hit("crash_while_writing")
        if any(isinstance(flight.request, cmd.PlaceOrder) and not flight.ended for flight in self.flights):
            coverage.hit("crash_with_requests_under_way")
        self.journal.settle_after_death(committed=committed)
        self.end()

    def end(self) -> None:
        """The process is gone; what it has on the wire is not."""
        parts = self._parts
        self.alive = False
        self.loop.end()
        self.count_refusals()
        for client_order_id in self.undispatched:
            parts.truth.arrives_never(client_order_id)
        parts.network.process_died(list(self.flights))
        parts.truth.process_died()

    def count_refusals(self) -> None:
        """Note which pre-trade checks have refused orders in this life."""
        for engine in self.engines.values():
            for reason, count in engine.symbol.stats.suppressed.items():
                self._parts.coverage.counts[f"refused:{reason}"] += count

    def effect(self) -> None:
        """Something is about to touch the world: here a crash may strike."""
        if self.crash_in:
            self.crash_in -= 1
            if not self.crash_in:
                self._parts.coverage.hit("crash_between_effects")
                raise CrashedError

    # --- what it hears ---------------------------------------------------------------------------

    def hear(self, symbol: str, event: ev.Event) -> None:
        """Market data and instruments; nothing while the symbol is somebody else's."""
        if self.alive and symbol in self.owned:
            if self._clock.now_ns < self.stalled_until_ns:
                self.after(0, self.inboxes[symbol].put, event)
            else:
                self.inboxes[symbol].put(event)

    def tell(self, symbol: str, event: ev.Event) -> None:
        """A control message or a measurement."""
        self.after(0, self.inboxes[symbol].put, event)

    def control(self, symbol: str, cause: Cause, *, rebase_pnl: bool = False) -> None:
        """An operator asks."""
        self._requests += 1
        self.tell(
            symbol,
            ev.Control(self._clock.now_ns, self._requests, cause, "desk", "because", rebase_pnl),
        )

    def answered(self, flight: Flight, answer: ev.Event) -> None:
        """The Order Service answered, or time was up."""
        if not self.alive:
            return
        if flight.ended:
            self.flights.pop(flight, None)
        self.after(0, self.inboxes[flight.symbol].put, answer)

    def _streamed(self, symbol: str, message: ev.Event) -> None:
        self.inboxes[symbol].put_streamed(message)

    def poll(self, partition: int) -> None:
        """Read what has arrived of a partition."""
        if not self.quiesced:
            self.consumer.poll(partition)

    # --- one step --------------------------------------------------------------------------------

    def step(self, symbol: str, event: ev.Event) -> bool:
        """An engine takes an event; its commands are carried out.

        Returns whether other tasks should have their turn now, as the worker does.
        """
        parts = self._parts
        engine = self.engines[symbol]
        parts.checks.hears(self, symbol, event)
        if isinstance(event, ev.CancelAnswer):
            self.cancelling.pop(event.client_order_id, None)
        try:
            commands = engine.handle(event)
        except DefectError:
            self._failed_step(symbol, event)
            return True
        if parts.records_lives:
            self.lives[symbol].add(event, commands)
        self._carry_out(symbol, event, commands)
        parts.feeds.works_on(symbol, engine.symbol.instrument)
        return bool(commands) and isinstance(commands[0], cmd.CancelAll)

    def _failed_step(self, symbol: str, event: ev.Event) -> None:
        """The step raises: its event is not acknowledged, and the engine is told of the failure at once."""
        self.failed_steps += 1
        self._parts.coverage.hit(Kind.STEP_RAISES.value)
        self._parts.checks.failed(symbol, event)
        if self._parts.records_lives:
            self.lives[symbol].add(event, None)
        self.step(symbol, ev.Fault(self._clock.now_ns, KillReason.WORKER_FAILURE, "a step raised"))

    def _carry_out(self, symbol: str, event: ev.Event | None, commands: Sequence[cmd.Command]) -> None:
        source: Source | None = getattr(event, "source", None)
        if commands:
            self._parts.checks.decided(self, symbol, event, commands)
            records = []
            for command in commands:
                if isinstance(command, _REQUESTS):
                    self._note_request(symbol, command)
                elif isinstance(command, cmd.Record):
                    records.append(command)
                elif isinstance(command, cmd.Reply):
                    self._parts.replied(self, symbol, command)
            if records or source is not None:
                self.effect()
                self.journal.append(Entry(symbol, tuple(records)) if records else None, source)
        elif source is not None:
            self.journal.append(None, source)
        self._parts.checks.stepped(self, symbol, event, commands)
        self._wake(symbol)

    def _note_request(self, symbol: str, request: cmd.Request) -> None:
        self.effect()
        if isinstance(request, cmd.CancelOrder):
            self.cancelling[request.client_order_id] += 1
        self.after(0, self._dispatch, symbol, request, self._clock.now_ns)

    def _dispatch(self, symbol: str, request: cmd.Request, decided_ns: int) -> None:
        self.effect()
        parts, now_ns = self._parts, self._clock.now_ns
        if isinstance(request, cmd.PlaceOrder):
            client_order_id = request.order.client_order_id
            del self.undispatched[client_order_id]
            may_send = symbol in self.owned and self.leasing.tenure.is_current
            if not may_send or not self._gates[symbol].lets_pass(now_ns):
                parts.coverage.hit("not_sent")
                parts.truth.arrives_never(client_order_id)
                self.tell(symbol, ev.PlaceAnswer(now_ns, client_order_id, RequestOutcome.NOT_SENT))
                return
            parts.checks.sends(self, symbol, request)
            self._stall_on_send(symbol)
            self._send(symbol, request)
        else:
            waited_ns = self.stalled_ns(decided_ns)
            self.leasing.pass_on(
                symbol,
                self.engines[symbol],
                request,
                decided_ns + waited_ns,
                lambda: self._send(symbol, request),
            )

    def _send(self, symbol: str, request: cmd.Request) -> None:
        self.flights[self._parts.network.send(symbol, request, self)] = None

    def _stall_on_send(self, symbol: str) -> None:
        duration_ns = self.stall_on_send.pop(symbol, 0)
        if duration_ns:
            self._parts.coverage.hit(Kind.STALL_SENDING.value)
            self.stall(duration_ns)

    def _wake(self, symbol: str) -> None:
        wake_ns = self.engines[symbol].wake_ns
        planned_ns = self._ticks.get(symbol)
        if planned_ns is None or wake_ns < planned_ns:
            self._ticks[symbol] = wake_ns
            self.after(max(0, wake_ns - self._clock.now_ns), self._tick, symbol, wake_ns)

    def _tick(self, symbol: str, planned_ns: int) -> None:
        if self._ticks.get(symbol) != planned_ns:
            return
        del self._ticks[symbol]
        now_ns = self._clock.now_ns
        if self.engines[symbol].wake_ns <= now_ns:
            self.step(symbol, ev.Tick(now_ns))
            self._parts.checks.is_quiet(self.engines[symbol], now_ns)
        else:
            self._wake(symbol)

    # --- routine ---------------------------------------------------------------------------------

    def _written(self, sources: Sequence[Source]) -> None:
        self.relay.notify()
        for source in sources:
            self.consumer.tracker.done(source)

    def _commit_routinely(self) -> None:
        self.effect()
        self.commit()
        self.after(COMMIT_NS, self._commit_routinely)

    def commit(self) -> None:
        """Commit the offsets of what is durable."""
        for partition, offset in self.consumer.commit().items():
            self._parts.checks.commits(partition, offset)
            self._parts.stream.committed[partition] = offset

    def _measure(self) -> None:
        parts, now_ns = self._parts, self._clock.now_ns
        lag_ns = parts.lag_ns()
        for symbol in parts.symbols:
            inbox = self.inboxes[symbol]
            inbox.put(ev.LagMeasured(now_ns, lag_ns, ENGINE_TOPIC))
            failed = self.journal.failed or self.leasing.lease.is_unanswered
            inbox.put(ev.JournalMeasured(now_ns, self.journal.lag_ns(), failed))
            inbox.put(ev.LeaseMeasured(now_ns, self.leasing.lease.is_current))
        self.after(GAUGES_NS, self._measure)
