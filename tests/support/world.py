"""One engine, the exchange model, and a network between them that may do its worst.

The world plays the shell: it carries out commands, keeps the journal, and can crash and start again from
what had become durable. After each step it compares what the engine did with the truth.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.support import invariants
from tests.support.folding import fold

from lab.exchange import ExchangeModel
from lab.flights import Flight, answer_of, no_answer
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.commands import OrderStatus
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import Execution, RequestOutcome
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import Cause, State

REQUESTS = (cmd.PlaceOrder, cmd.CancelOrder, cmd.CancelAll, cmd.QueryOrder, cmd.QueryOpenOrders)
MS = 1_000_000
SECOND_NS = 1_000_000_000
ARRIVES_WITHIN_NS = 300 * MS
"""A request whose connection broke reaches the exchange within this time, or never."""


@dataclass(slots=True)
class Step:
    """The records of one step: one transaction."""

    records: tuple[cmd.Record, ...]
    offset: int | None


@dataclass(slots=True)
class Process:
    """One life of the engine; enough to play it again."""

    restored: Restored
    open_orders: tuple[Order, ...]
    engine: SymbolEngine
    inventory_row: cmd.PositionRow
    heard: list[ev.Event] = field(default_factory=list)
    said: list[list[cmd.Command]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """Client order ids that this process sent or was given at its start."""


class World:
    """See the module. Every method is something that can happen."""

    def __init__(self, config: SymbolConfig, limits: EngineLimits, instrument: Instrument) -> None:
        self.limits = limits
        self.config = config
        self.instrument = instrument
        self.exchange = ExchangeModel(instrument, 9980, 10020)
        self.now_ns = SECOND_NS
        self.queued: list[cmd.PlaceOrder] = []
        """Placements that the shell has not sent yet."""
        self.flights: list[Flight] = []
        self.delivered: list[Flight] = []
        """Answers that the engine has; they may come once more."""
        self.journal: list[Step] = []
        self.consumed = 0
        self.ids: Counter[str] = Counter()
        self.sends: list[int] = []
        self.book_ok = False
        self.book_data_ns = 0
        self.book_sequence = 0
        self.feed_late_ns = 0
        """How long book messages are on their way."""
        self.feed: deque[tuple[int, ev.BookSnapshot | ev.BookDelta]] = deque()
        """(when it arrives, message) of those on their way."""
        self.state = State.PAUSED
        self._requests = 0
        self._lives = 0
        self.process = self._begin()

    # --- processes ---------------------------------------------------------------------------

    @property
    def engine(self) -> SymbolEngine:
        """The engine that lives now."""
        return self.process.engine

    def crash(self, lost_steps: int, replayed: int) -> None:
        """`kill -9` and a start a second later: the latest steps may not have become durable."""
        self.now_ns += SECOND_NS + MS
        keep = max(self._steps_through_last_state(), len(self.journal) - lost_steps)
        lost = [step.offset for step in self.journal[keep:] if step.offset is not None]
        del self.journal[keep:]
        self.consumed = max(0, min([self.consumed, *lost]) - replayed)
        self.queued.clear()
        self.delivered.clear()
        self.feed.clear()
        self.flights = [flight for flight in self.flights if flight.answer is None]
        for flight in self.flights:
            flight.given_up = True
            flight.sent_ns = self.now_ns
        self.book_ok = False
        self.process = self._begin()
        assert self.engine.symbol.state is not State.ACTIVE, "14: active after a restart"

    def _steps_through_last_state(self) -> int:
        """A transition is durable before anything that follows it is lost."""
        for index in range(len(self.journal), 0, -1):
            if any(isinstance(record, cmd.RecordState) for record in self.journal[index - 1].records):
                return index
        return 0

    def _begin(self) -> Process:
        restored, open_orders = self._restore()
        self._lives += 1
        row = restored.inventory.to_row()
        engine = SymbolEngine(restored, self.limits)
        process = Process(restored, tuple(replace(order) for order in open_orders), engine, row)
        process.known = {order.client_order_id for order in open_orders}
        self.process = process
        process.said.append(engine.start(open_orders))
        self._carry_out(process.said[0], None)
        return process

    def _restore(self) -> tuple[Restored, tuple[Order, ...]]:
        records = [record for step in self.journal for record in step.records]
        states = [record for record in records if isinstance(record, cmd.RecordState)]
        fills = [record for record in records if isinstance(record, cmd.RecordFill)]
        orders = {record.client_order_id: record for record in records if isinstance(record, cmd.RecordOrder)}
        last = states[-1] if states else None
        kill = Trigger(last.kill_reason, last.reason, "") if last and last.kill_reason else None
        restored = Restored(
            self.config,
            self.instrument,
            last.to_state if last else State.PAUSED,
            "restored",
            "system",
            kill,
            last.pnl_baseline if last else Decimal(0),
            Inventory.from_row(fold(fills)),
            tuple((fill.trade_id, fill.side.value) for fill in fills),
            IdSeed(self._lives * 10**9, self.now_ns // MS, self.now_ns),
            rebase_pending=last is not None and last.rebase_pending,
            spread_baseline=last.spread_baseline if last else Decimal(0),
            fees_baseline=last.fees_baseline if last else Decimal(0),
        )
        return restored, tuple(self._loaded(row) for row in orders.values() if not row.status.is_final)

    def _loaded(self, row: cmd.RecordOrder) -> Order:
        return Order(
            row.client_order_id,
            row.side,
            row.level,
            self.instrument.ticks(row.price),
            self.instrument.lots(row.quantity),
            row.price,
            row.quantity,
            self.now_ns,
            OrderStatus.UNKNOWN,
            row.order_id,
            row.filled_quantity,
            self.instrument.lots(row.filled_quantity),
        )

    # --- time and the market -----------------------------------------------------------------

    def pass_time(self, ns: int) -> None:
        """Time passes; the shell wakes the engine when it wants to, and notices requests that are late."""
        until_ns = self.now_ns + ns
        while (wake_ns := self._next_due(until_ns)) < until_ns:
            self.now_ns = max(self.now_ns, wake_ns)
            self._expire()
            self._receive()
            if self.engine.wake_ns <= self.now_ns:
                self.tell(ev.Tick(self.now_ns))
                assert self.engine.wake_ns > self.now_ns, "the engine would be woken without end"
        self.now_ns = until_ns
        self._expire()
        self._receive()
        self.tell(ev.Tick(self.now_ns))

    def _next_due(self, until_ns: int) -> int:
        timeout_ns = self.limits.response_timeout_ns
        late = [flight.sent_ns + timeout_ns for flight in self.flights if not self._told(flight)]
        gone = [flight.sent_ns + ARRIVES_WITHIN_NS for flight in self.flights if flight.given_up]
        coming = [due_ns for due_ns, _ in self.feed]
        return min([until_ns, self.engine.wake_ns, *late, *gone, *coming])

    @staticmethod
    def _told(flight: Flight) -> bool:
        return flight.timed_out or flight.given_up

    def _expire(self) -> None:
        for flight in list(self.flights):
            if flight.given_up and self.now_ns >= flight.sent_ns + ARRIVES_WITHIN_NS:
                self.flights.remove(flight)
            elif not self._told(flight) and self.now_ns >= flight.sent_ns + self.limits.response_timeout_ns:
                self.time_out(flight)

    def publish(self, *, whole: bool, age_ns: int = 0) -> None:
        """The book as it is now."""
        data_ns = self.now_ns - age_ns
        make = self.exchange.snapshot if whole else self.exchange.delta
        self.feed.append((self.now_ns + self.feed_late_ns, make(self.now_ns, data_ns)))
        self._receive()

    def _receive(self) -> None:
        """Book messages that have arrived by now."""
        while self.feed and self.feed[0][0] <= self.now_ns:
            message = replace(self.feed.popleft()[1], at_ns=self.now_ns)
            if isinstance(message, ev.BookSnapshot):
                self.book_ok = True
            elif message.prev_sequence > self.book_sequence:
                self.book_ok = False
            self.book_sequence = max(self.book_sequence, message.sequence)
            if self.book_ok:
                self.book_data_ns = message.data_ns
            self.tell(message)

    def lose_book_message(self) -> None:
        """A delta that never arrives; the next one shows the gap."""
        self.exchange.delta(self.now_ns, self.now_ns)
        self.publish(whole=False)

    def control(self, cause: Cause, *, rebase_pnl: bool = False) -> tuple[cmd.Problem, ...]:
        """An operator asks; gives the refusal's reasons."""
        self._requests += 1
        said = self.tell(
            ev.Control(self.now_ns, self._requests, cause, "operator", "because", rebase_pnl=rebase_pnl)
        )
        (reply,) = [command for command in said if isinstance(command, cmd.Reply)]
        assert reply.request_id == self._requests
        return reply.problems

    # --- the network -------------------------------------------------------------------------

    def dispatch(self, command: cmd.PlaceOrder) -> None:
        """The shell sends a placement, if it still may."""
        self.queued.remove(command)
        if not self.engine.may_send_at(self.now_ns):
            self.tell(ev.PlaceAnswer(self.now_ns, command.order.client_order_id, RequestOutcome.NOT_SENT))
            return
        assert self.state is State.ACTIVE, "1, 6: an order left although not ACTIVE"
        self.flights.append(Flight(command, self.now_ns))

    def arrive(self, flight: Flight) -> None:
        """A request reaches the exchange."""
        answer = answer_of(self.exchange, flight, self.now_ns)
        if flight.given_up:
            self.flights.remove(flight)
        else:
            flight.answer = answer

    def deliver(self, flight: Flight) -> None:
        """Its answer reaches the engine."""
        assert flight.answer is not None
        self.flights.remove(flight)
        if not flight.given_up:
            self.delivered = [*self.delivered[-5:], flight]
            self.tell(replace(flight.answer, at_ns=self.now_ns))

    def deliver_again(self, flight: Flight) -> None:
        """An answer that the engine already has comes once more."""
        assert flight.answer is not None
        self.tell(replace(flight.answer, at_ns=self.now_ns))

    def time_out(self, flight: Flight) -> None:
        """No answer in time; for a question that is the end, for an order or cancel one may follow."""
        flight.timed_out = True
        flight.given_up = isinstance(flight.request, cmd.QueryOrder | cmd.QueryOpenOrders)
        self.tell(no_answer(flight, RequestOutcome.TIMEOUT, self.now_ns, ended=flight.given_up))

    def break_connection(self, flight: Flight) -> None:
        """The connection breaks; the request may still arrive, its answer will not."""
        flight.given_up = True
        self.tell(no_answer(flight, RequestOutcome.UNCERTAIN, self.now_ns, ended=True))
        if flight.answer is not None:
            self.flights.remove(flight)

    def lose(self, flight: Flight) -> None:
        """A request that never arrives, or an answer that never does."""
        self.flights.remove(flight)
        if not flight.given_up:
            self.tell(no_answer(flight, RequestOutcome.UNCERTAIN, self.now_ns, ended=True))

    def consume(self, count: int) -> None:
        """The next messages of `engine.event.v1`."""
        for _ in range(count):
            if self.consumed >= len(self.exchange.stream):
                return
            offset = self.consumed
            self.tell(self.exchange.message(offset, self.now_ns), offset)
            self.consumed += 1

    def swap_next_fills(self) -> None:
        """The next two messages stand in the other order, if both are fills."""
        stream, at = self.exchange.stream, self.consumed
        if len(stream[at : at + 2]) == 2 and all(isinstance(each, Execution) for each in stream[at : at + 2]):
            stream[at], stream[at + 1] = stream[at + 1], stream[at]

    def rewind(self, count: int) -> None:
        """The stream is delivered again from an earlier point."""
        self.consumed = max(0, self.consumed - count)

    def settle(self, *, stream: bool = True, stragglers: bool = True) -> None:
        """What is on its way arrives, in order and at once.

        Without `stream` the matching engine's messages stay behind; without `stragglers` so do requests
        whose connection broke.
        """
        waiting = len(self.queued) + len(self.flights) + len(self.exchange.stream) - self.consumed
        for _ in range(500 + 5 * waiting):
            flights = [flight for flight in self.flights if stragglers or not flight.given_up]
            if self.queued:
                self.dispatch(self.queued[0])
            elif flights and flights[0].answer is None:
                self.arrive(flights[0])
            elif flights:
                self.deliver(flights[0])
            elif stream and self.consumed < len(self.exchange.stream):
                self.consume(1)
            else:
                return
        raise AssertionError("requests and answers chase each other without end")

    def drain(self) -> None:
        """The exchange answers again: after a bounded time nothing of ours is left and all is counted."""
        if self.state is State.ACTIVE:
            self.control(Cause.PAUSE)
        for _ in range(60):
            self.settle()
            if self.engine.is_clear and not self.exchange.open():
                break
            self.pass_time(max(MS, self.engine.wake_ns - self.now_ns))
        assert not self.exchange.open(), "6, 14: orders are left at the exchange"
        assert self.engine.is_clear, "zero was never proven"
        invariants.check_fills(self)

    # --- carrying out -----------------------------------------------------------------------

    def tell(self, event: ev.Event, offset: int | None = None) -> list[cmd.Command]:
        """Hand an event to the engine and carry out what it says."""
        commands = self.engine.handle(event)
        self.process.heard.append(event)
        self.process.said.append(list(commands))
        self._carry_out(commands, offset)
        return commands

    def _carry_out(self, commands: list[cmd.Command], offset: int | None) -> None:
        invariants.check_order(commands)
        for command in commands:
            if isinstance(command, cmd.RecordState):
                invariants.check_transition(self, command)
                self.state = command.to_state
        for command in commands:
            if isinstance(command, cmd.PlaceOrder):
                invariants.check_placement(self, command)
                self.process.known.add(command.order.client_order_id)
                self.queued.append(command)
            elif isinstance(command, REQUESTS):
                self.flights.append(Flight(command, self.now_ns))
        records = tuple(command for command in commands if isinstance(command, cmd.Record))
        if records:
            self.journal.append(Step(records, offset))
        assert self.engine.symbol.state is self.state, "a state changed without a record"

    def recorded_fills(self) -> list[cmd.RecordFill]:
        """All fills of the journal, in order."""
        return [r for step in self.journal for r in step.records if isinstance(r, cmd.RecordFill)]

    def check(self) -> None:
        """What must hold after every step."""
        invariants.check(self)

    def check_replay(self) -> None:
        """The same start and the same events give the same commands, ids included.

        Also when each evaluation is made in full, though nothing that it reads has changed.
        """
        process = self.process
        fills = [c for said in process.said for c in said if isinstance(c, cmd.RecordFill)]
        counted = {(fill.trade_id, fill.side.value) for fill in fills}
        assert not counted & set(process.restored.trade_keys), "8: a fill of an earlier process again"
        start = replace(process.restored, inventory=Inventory.from_row(process.inventory_row))
        again = SymbolEngine(start, self.limits)
        assert again.start(tuple(replace(order) for order in process.open_orders)) == process.said[0]
        for event, said in zip(process.heard, process.said[1:], strict=True):
            again.symbol.settled = None
            assert again.handle(event) == said
        assert again.view() == process.engine.view()
