"""What must hold after every step, checked against the truth. The numbers are those of DESIGN's list.

 1 a new order is sent only if ACTIVE, no latch, instrument trading, not shadow, owned
 2 if every live and unknown order filled, the position would not pass its limit; a new order leaves the
   limit's headroom free
 3 prices on the tick, quantities on the lot, within collar and notional; no own bid at or above an own ask
 4 one exchange order per intent, ids never reused
 5 sends per sliding second bounded; no cancel behind a new order, none of our own orders waits (`leasing`)
 6 from a kill on: no send; cancel-all at once; what is acknowledged afterwards is cancelled at once;
   once the exchange answers, nothing is open (`calm`)
 7 HALTED ends only by a reset, across restarts
 8 fills counted are executions of ours, each once; the position is their fold, exactly
 9 offsets are never committed ahead of what is durable
10 per symbol, what is stored of transitions is an unbroken chain; events are published in the order of
   the outbox, none before one that has never been, and marked sent only then (`relay`)
11 no order from a book that is not the exchange's own, or too old
12 a mailbox never holds more than its capacity; what is no market data comes out, once, in order (`inbox`)
13 an engine alone, given the same events, says the same (`replay`)
14 after a restart nothing is ACTIVE; nothing is believed clear that is not; an orderly stop leaves nothing
   behind and takes at most ten seconds (`stopping`)
16 what is too aggressive goes at once, what is only too passive not without its replacement (`requoting`)
17 the first request of an engine is the cancel of everything; none that could hit another's orders leaves
   while it is open whose the symbol is (`leasing`)
18 spread capture + inventory - fees are the ledger's total, to the last digit (`earnings`); every fill has a
   markout for each horizon, or the reason why not, or one that is still waited for (`final`)

Elsewhere: 9 for rebalances in tests/unit/streams/test_offsets.py, 13 for exceptions in tests/unit/actors.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import RequestOutcome
from market_maker.core.states import Cause, State
from simulation.clock import SECOND_NS
from simulation.earnings import Earnings
from simulation.exposure import Exposure, check_belief, exposure_of
from simulation.ledger import Ledger
from simulation.observations import observe
from simulation.parts import Parts
from simulation.placement import check_placement, is_made_smaller
from simulation.reference import check_reference
from simulation.requoting import check_cancels, check_rests
from simulation.transitions import check_chain, check_left_active, check_transition
from simulation.triggers import check_halted, demands_halt
from simulation.truth import ids_of
from simulation.violation import Violation
from simulation.watch import Watch

ORDER_NEWS = (
    ev.PlaceAnswer,
    ev.CancelAnswer,
    ev.QueryAnswer,
    ev.OpenOrdersAnswer,
    ev.OrderEvent,
    ev.Execution,
)
_CANCELS = (cmd.CancelAll, cmd.CancelOrder)
_REQUESTS = (cmd.PlaceOrder, cmd.QueryOrder, cmd.QueryOpenOrders)


class Checked(Protocol):
    """A process, as far as the checks look into it and note in it."""

    number: int
    engines: dict[str, SymbolEngine]
    owned: set[str]
    known: dict[str, set[str]]
    undispatched: dict[str, None]
    cancelling: Counter[str]


class Checks:
    """All symbols of a run, across its processes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.watch = {symbol: Watch() for symbol in parts.symbols}

    # --- a life begins ---------------------------------------------------------------------------

    def began(self, process: Checked, symbol: str, restored: Restored) -> None:
        """An engine was rebuilt."""
        watch, store = self.watch[symbol], self._parts.store
        row = store.states.get(symbol)
        durable = State.PAUSED if row is None else row.to_state
        if process.engines[symbol].symbol.state is not durable:
            raise Violation(7, f"{symbol}: restored as {restored.state.value}, durable is {durable.value}")
        if durable is State.HALTED:
            self._parts.coverage.hit("restart_halted")
        watch.state = durable
        watch.book_data_ns = watch.owed_by = None
        watch.evaluations = 0
        watch.version, watch.trading = restored.instrument.version, restored.instrument.is_trading
        watch.ledger = Ledger.of(store.fills_of(symbol))
        watch.ledger.compare(symbol, restored.inventory.to_row())
        watch.earnings = Earnings.of(store.fills_of(symbol))

    # --- a step ----------------------------------------------------------------------------------

    def hears(self, process: Checked, symbol: str, event: ev.Event) -> None:
        """An engine is about to take an event."""
        watch = self.watch[symbol]
        if isinstance(event, ev.BookSnapshot | ev.BookDelta):
            if watch.book_data_ns is None or event.data_ns > watch.book_data_ns:
                watch.book_data_ns = event.data_ns
        elif isinstance(event, ev.InstrumentUpdated) and event.instrument.version >= watch.version:
            watch.version, watch.trading = event.instrument.version, event.instrument.is_trading
        elif isinstance(event, ev.OpenOrdersAnswer):
            process.known[symbol].update(order.client_order_id for order in event.orders)
        self._parts.truth.heard(event)
        engine = process.engines[symbol]
        watch.halt_demanded = demands_halt(engine, event) if watch.state is State.ACTIVE else ""
        observe(self._parts.coverage, engine, event)

    def failed(self, symbol: str, event: ev.Event) -> None:
        """A step raised: what it had decided is said with the fault that follows."""
        self.watch[symbol].owed_by = event

    def decided(
        self, process: Checked, symbol: str, event: ev.Event | None, commands: Sequence[cmd.Command]
    ) -> None:
        """An engine said what is to be done; nothing of it has been done."""
        watch = self.watch[symbol]
        self._order_of(symbol, commands)
        before = watch.state
        for command in commands:
            if isinstance(command, cmd.RecordState):
                is_halt = command.to_state is State.HALTED
                cause = event if is_halt or watch.owed_by is None else watch.owed_by
                check_transition(self._parts, symbol, watch, cause, command)
            elif isinstance(command, cmd.RecordFill):
                self._fill(symbol, watch, command)
            elif isinstance(command, cmd.RecordRisk):
                self._parts.coverage.hit(f"kill:{command.reason.value}")
            elif isinstance(command, cmd.PublishQuote):
                self._parts.coverage.hit("shadow_quote")
        for command in commands:
            if isinstance(command, cmd.PlaceOrder):
                self._placement(process, symbol, watch, command)
        self._cancels(process.engines[symbol], watch, event, commands)
        if before is State.ACTIVE and watch.state is not State.ACTIVE:
            check_left_active(process.engines[symbol], commands, is_shadow=self._is_shadow)

    def stepped(
        self, process: Checked, symbol: str, event: ev.Event | None, commands: Sequence[cmd.Command]
    ) -> None:
        """A step is over."""
        engine, watch = process.engines[symbol], self.watch[symbol]
        state = engine.symbol
        if state.state is not watch.state:
            raise Violation(7, f"{symbol}: {state.state.value} without a record, was {watch.state.value}")
        if (state.kill is not None) is not (state.state is State.HALTED):
            raise Violation(7, f"{symbol}: latch {state.kill} in {state.state.value}")
        if not self._parts.truth.of[symbol].had_ghost:
            check_reference(self._parts.venue.exchange, self._parts.coverage, state)
        watch.earnings.compare(state)
        check_halted(engine, watch.halt_demanded, commands)
        watch.halt_demanded = ""
        if isinstance(event, ev.Fault):
            watch.owed_by = None
        if state.stats.quotes_computed > watch.evaluations and not self._is_shadow:
            watch.evaluations = state.stats.quotes_computed
            check_rests(state)
        if commands or isinstance(event, ORDER_NEWS):
            check_belief(engine, self._exposure(process, symbol))
        if isinstance(event, ev.PlaceAnswer) and watch.state is not State.ACTIVE:
            self._late_answer(process, symbol, event)
        if state.clearing.proven_zero_ns is not None and engine.is_clear and not self._is_shadow:
            self._believed_clear(symbol)
        if isinstance(event, ev.Control):
            self._answered_once(symbol, event, commands)

    def is_quiet(self, engine: SymbolEngine, now_ns: int) -> None:
        """After a Tick the engine must not want another at once."""
        if engine.wake_ns <= now_ns:
            raise Violation(0, f"{engine.symbol.name}: would be woken without end")

    # --- effects ---------------------------------------------------------------------------------

    def sends(self, process: Checked, symbol: str, command: cmd.PlaceOrder) -> None:
        """A new order leaves the process."""
        watch = self.watch[symbol]
        if watch.state is not State.ACTIVE:
            raise Violation(6, f"{symbol}: an order leaves in {watch.state.value}")
        if not watch.trading or self._is_shadow or symbol not in process.owned:
            raise Violation(1, f"{symbol}: an order leaves: trading {watch.trading}")
        self._rate(symbol, watch)
        self._book_is_true(process, symbol, command)

    def commits(self, partition: int, offset: int) -> None:
        """Offsets are about to be committed."""
        store, stream = self._parts.store, self._parts.stream
        for record in stream.log[partition][stream.committed[partition] : offset]:
            message = record.message
            if not isinstance(message, ev.Execution):
                continue
            if (record.symbol, message.trade_id, message.side) not in store.fills:
                raise Violation(9, f"{record.symbol}: {message.trade_id} committed before it is durable")

    def stored(self) -> None:
        """Something became durable."""
        for symbol, watch in self.watch.items():
            for row in self._parts.store.outbox_of(symbol)[watch.stored :]:
                watch.stored += 1
                if isinstance(row.event, cmd.RecordState):
                    check_chain(symbol, watch, row.event)

    # --- the rules -------------------------------------------------------------------------------

    @property
    def _is_shadow(self) -> bool:
        return self._parts.plan.limits.shadow_mode

    def _cancels(
        self, engine: SymbolEngine, watch: Watch, event: ev.Event | None, commands: Sequence[cmd.Command]
    ) -> None:
        check_cancels(engine.symbol, event, commands, watch.cancelled)
        for command in commands:
            if isinstance(command, cmd.CancelOrder):
                watch.cancelled.add(command.client_order_id)

    def _answered_once(self, symbol: str, event: ev.Control, commands: Sequence[cmd.Command]) -> None:
        replies = [command for command in commands if isinstance(command, cmd.Reply)]
        if len(replies) != 1 or replies[0].request_id != event.request_id:
            raise Violation(0, f"{symbol}: {event.cause.value} was answered by {replies}")
        if replies[0].problems and event.cause in (Cause.ENABLE, Cause.RESUME, Cause.RESET):
            self._parts.coverage.hit("reset_refused" if event.cause is Cause.RESET else "enable_refused")

    def _order_of(self, symbol: str, commands: Sequence[cmd.Command]) -> None:
        rank = 0
        for command in commands:
            own = 0 if isinstance(command, _CANCELS) else 1 if isinstance(command, _REQUESTS) else 2
            if own < rank:
                raise Violation(5, f"{symbol}: {type(command).__name__} behind what may wait")
            rank = own
            if self._is_shadow and own < 2:
                raise Violation(1, f"{symbol}: {type(command).__name__} in shadow mode")

    def _late_answer(self, process: Checked, symbol: str, event: ev.PlaceAnswer) -> None:
        """What turns out to be open after a kill or pause is cancelled in the very step that says so."""
        if event.outcome is not RequestOutcome.OK:
            return
        self._parts.coverage.hit("late_ok_after_kill")
        intent = self._parts.truth.intents[event.client_order_id]
        order = process.engines[symbol].symbol.orders.get(event.client_order_id)
        clearing = process.engines[symbol].symbol.clearing
        backs_off = order is not None and order.retry_ns > self._parts.clock.now_ns
        backs_off = backs_off or (cmd.CancelOrder, event.client_order_id) in clearing.put_off
        if not intent.is_open or process.cancelling[event.client_order_id] or backs_off:
            return
        believed_gone = order is None or order.settled
        if not (believed_gone and clearing.list_outstanding and clearing.proven_zero_ns is None):
            raise Violation(6, f"{symbol}: {event.client_order_id} is open and nobody cancels it")

    def _believed_clear(self, symbol: str) -> None:
        left = self._parts.truth.to_be_cleared(symbol, self._parts.clock.now_ns)
        if left:
            raise Violation(14, f"{symbol}: believed clear, but in the market are {ids_of(left)}")

    def _fill(self, symbol: str, watch: Watch, record: cmd.RecordFill) -> None:
        execution = self._parts.truth.of[symbol].executions.get((record.trade_id, record.side))
        if execution is None:
            raise Violation(8, f"{symbol}: {record.trade_id} {record.side.value} never happened")
        if (execution.price, execution.quantity, execution.fee) != (
            record.price,
            record.quantity,
            record.fee,
        ):
            raise Violation(8, f"{symbol}: {record.trade_id} was {execution}, counted as {record}")
        if not record.is_maker:
            raise Violation(3, f"{symbol}: {record.trade_id} took liquidity")
        if record.after is None:
            if (record.trade_id, record.side) not in watch.ledger.keys:
                raise Violation(8, f"{symbol}: {record.trade_id} is passed over, but was never counted")
            return
        watch.ledger.add(symbol, record)
        watch.ledger.compare(symbol, record.after)
        watch.earnings.take(record)

    def _placement(self, process: Checked, symbol: str, watch: Watch, command: cmd.PlaceOrder) -> None:
        if watch.state is not State.ACTIVE:
            raise Violation(6, f"{symbol}: an order is decided in {watch.state.value}")
        if not watch.trading:
            raise Violation(1, f"{symbol}: an order is decided while the instrument does not trade")
        engine, truth = process.engines[symbol], self._parts.truth
        exposure = self._exposure(process, symbol)
        check_placement(engine, exposure, command.order)
        if is_made_smaller(engine, command.order):
            self._parts.coverage.hit("order_made_smaller")
        instrument = engine.symbol.instrument
        if truth.meant(command.order, process.number, instrument.tick_size) is None:
            raise Violation(4, f"{symbol}: {command.order.client_order_id} was used before")
        process.known[symbol].add(command.order.client_order_id)
        process.undispatched[command.order.client_order_id] = None

    def _exposure(self, process: Checked, symbol: str) -> Exposure:
        counted, now_ns = self.watch[symbol].ledger.keys, self._parts.clock.now_ns
        return exposure_of(self._parts.truth, symbol, counted, process.known[symbol], now_ns)

    def _rate(self, symbol: str, watch: Watch) -> None:
        now_ns, sends = self._parts.clock.now_ns, watch.sends
        while sends and now_ns - sends[0] > SECOND_NS:
            sends.popleft()
        sends.append(now_ns)
        if len(sends) > self._parts.plan.limits.max_orders_per_second:
            raise Violation(5, f"{symbol}: {len(sends)} orders within a second")

    def _book_is_true(self, process: Checked, symbol: str, command: cmd.PlaceOrder) -> None:
        """The book that an order was computed from is what the exchange published, and is not too old."""
        state = process.engines[symbol].symbol
        book, price = state.book, state.instrument.price
        watch, now_ns = self.watch[symbol], self._parts.clock.now_ns
        if watch.book_data_ns is None or now_ns - watch.book_data_ns > state.staleness_ns:
            raise Violation(11, f"{symbol}: {command.order.client_order_id} from a stale book")
        published = self._parts.venue.exchange.published_top(symbol, book.sequence)
        bid = None if book.best_bid is None else price(book.best_bid)
        ask = None if book.best_ask is None else price(book.best_ask)
        if published != (bid, ask):
            raise Violation(11, f"{symbol}: book {book.sequence} is {bid} {ask}, published {published}")
