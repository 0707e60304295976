"""A conversation with one engine: given a symbol, when events, then exact commands.

Commands are compared as short lines: `place c1 buy 9995 x 100`, `cancel c1`, `record c1 open`. Orders
are named c1, c2 ... in the order in which they were placed; the exchange calls them x1, x2 ...
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.support.said import Said, Scribe

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.applied import Applied
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import ExchangeStatus, RequestOutcome, Side
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.markouts import Watched
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import Cause, State
from market_maker.core.view import SymbolView

START_NS = 1_000_000_000_000
MS = 1_000_000
EXCHANGE_US = 1_000
"""The exchange's clock in these scripts: microseconds of the same time."""

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("BTC-USDT", enabled=True, volatility_multiplier=False, inventory_skew_factor=Decimal(0))
"""Around a mid of 1000: bid 9995, ask 10005 ticks, 100 lots each."""
LIMITS = EngineLimits()
BIDS: ev.Levels = ((9980, 500), (9970, 500))
ASKS: ev.Levels = ((10020, 500), (10010 + 20, 500))


class Playbook:
    """One engine with a clock that only the script moves."""

    def __init__(
        self,
        *,
        config: SymbolConfig = CONFIG,
        limits: EngineLimits = LIMITS,
        instrument: Instrument = INSTRUMENT,
        state: State = State.PAUSED,
        kill: Trigger | None = None,
        inventory: Inventory | None = None,
        pnl_baseline: Decimal = Decimal(0),
        trade_keys: tuple[tuple[str, str], ...] = (),
        open_orders: tuple[Order, ...] = (),
        filled_by_order: tuple[tuple[str, Decimal], ...] = (),
        rebase_pending: bool = False,
        phase: int = 0,
        applied: Applied | None = None,
        due_markouts: tuple[Watched, ...] = (),
    ) -> None:
        self.now_ns = START_NS
        self.instrument = instrument
        self.sequence = 0
        self._scribe = Scribe()
        self._requests = 0
        restored = Restored(
            config,
            instrument,
            state,
            "before",
            "someone",
            kill,
            pnl_baseline,
            inventory if inventory is not None else Inventory(),
            trade_keys,
            IdSeed(12345, START_NS // MS, START_NS),
            filled_by_order,
            rebase_pending,
            phase,
            applied,
            due_markouts=due_markouts,
        )
        self.engine = SymbolEngine(restored, limits)
        self.said = self._scribe.said(self.engine.start(open_orders))
        """The answer to the latest event; at first, to the start."""

    # --- the clock ---------------------------------------------------------------------------

    def after(self, ms: float) -> "Playbook":
        """Let time pass without telling the engine."""
        self.now_ns += round(ms * MS)
        return self

    def tick(self, ms: float = 0) -> Said:
        """Time passed, and nothing else happened."""
        self.after(ms)
        return self.when(ev.Tick(self.now_ns))

    def evaluate(self) -> Said:
        """The next evaluation that the quote interval allows."""
        return self.tick((self.engine.symbol.due_ns - self.now_ns) / MS)

    # --- events ------------------------------------------------------------------------------

    def when(self, event: ev.Event) -> Said:
        """Hand over any event."""
        self.said = self._scribe.said(self.engine.handle(event))
        return self.said

    def snapshot(
        self,
        bids: ev.Levels = BIDS,
        asks: ev.Levels = ASKS,
        *,
        age_ms: float = 0,
        sequence: int | None = None,
    ) -> Said:
        """The whole book."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(
            ev.BookSnapshot(
                self.now_ns, data_ns, self.sequence, bids, asks, exchange_us=data_ns // EXCHANGE_US
            )
        )

    def delta(
        self, bids: ev.Levels = (), asks: ev.Levels = (), *, prev: int | None = None, age_ms: float = 0
    ) -> Said:
        """Changed levels; follows the last message unless `prev` says otherwise."""
        before = self.sequence if prev is None else prev
        self.sequence = before + 1
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(
            ev.BookDelta(
                self.now_ns,
                data_ns,
                before,
                self.sequence,
                bids,
                asks,
                exchange_us=data_ns // EXCHANGE_US,
            )
        )

    def mid(self, ticks: int, *, half: int = 20, lots: int = 500) -> Said:
        """A whole book of others around a mid."""
        return self.snapshot(((ticks - half, lots),), ((ticks + half, lots),))

    def mark(self, price: str, *, age_ms: float = 0) -> Said:
        """A mark price."""
        return self.when(ev.MarkPrice(self.now_ns, self.now_ns - round(age_ms * MS), Decimal(price)))

    def trade(self, price: str, *, age_ms: float = 0, trade_id: str = "of others") -> Said:
        """A public trade."""
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(ev.PublicTrade(self.now_ns, data_ns, Decimal(price), trade_id))

    def grid(self, **changes: Any) -> Said:
        """New metadata of the instrument."""
        reason = changes.pop("reason", "")
        self.instrument = replace(self.instrument, version=self.instrument.version + 1, **changes)
        return self.when(ev.InstrumentUpdated(self.now_ns, self.instrument, reason))

    def config(self, **changes: Any) -> Said:
        """A new configuration."""
        return self.when(ev.ConfigChanged(self.now_ns, replace(self.engine.symbol.config, **changes), "desk"))

    def control(self, cause: Cause, *, reason: str = "", rebase_pnl: bool = False) -> Said:
        """A request of an operator."""
        self._requests += 1
        control = ev.Control(self.now_ns, self._requests, cause, "alice", reason, rebase_pnl)
        return self.when(control)

    def enable(self) -> Said:
        """An operator enables the symbol."""
        return self.control(Cause.ENABLE)

    def control_pause(self) -> Said:
        """An operator pauses the symbol."""
        return self.control(Cause.PAUSE)

    def kill(self, reason: str = "test") -> Said:
        """An operator pulls the kill switch."""
        return self.control(Cause.KILL, reason=reason)

    def lag(self, ms: float | None, topic: str = "md.orderbook.delta.v1") -> Said:
        """A measurement of consumer lag."""
        return self.when(ev.LagMeasured(self.now_ns, None if ms is None else round(ms * MS), topic))

    def journal(self, ms: float = 0, *, failed: bool = False) -> Said:
        """A measurement of the journal."""
        return self.when(ev.JournalMeasured(self.now_ns, round(ms * MS), failed))

    # --- answers of the Order Service --------------------------------------------------------

    def place_answer(
        self,
        name: str,
        outcome: RequestOutcome = RequestOutcome.OK,
        *,
        ended: bool = True,
        would_cross: bool = False,
        code: str = "",
        retry_after_ms: float = 0,
        taken_ms_ago: float = 0,
    ) -> Said:
        """The answer to a new order, which the exchange took that long ago."""
        order_id = self.order_id(name) if outcome is RequestOutcome.OK else None
        return self.when(
            ev.PlaceAnswer(
                self.now_ns,
                self.id(name),
                outcome,
                order_id,
                code=code,
                would_cross=would_cross,
                retry_after_ns=round(retry_after_ms * MS),
                ended=ended,
                created_at_us=round(self.now_ns - taken_ms_ago * MS) // EXCHANGE_US if order_id else None,
            )
        )

    def cancel_answer(
        self,
        name: str,
        outcome: RequestOutcome = RequestOutcome.OK,
        *,
        ended: bool = True,
        retry_after_ms: float = 0,
    ) -> Said:
        """The answer to a cancel."""
        retry_after_ns = round(retry_after_ms * MS)
        answer = ev.CancelAnswer(
            self.now_ns, self.id(name), outcome, ended=ended, retry_after_ns=retry_after_ns
        )
        return self.when(answer)

    def cancel_all_answer(
        self, outcome: RequestOutcome = RequestOutcome.OK, cancelled: int = 0, *, retry_after_ms: float = 0
    ) -> Said:
        """The answer to a cancel-all."""
        retry_after_ns = round(retry_after_ms * MS)
        return self.when(ev.CancelAllAnswer(self.now_ns, outcome, cancelled, retry_after_ns=retry_after_ns))

    def query_answer(
        self,
        name: str,
        status: ExchangeStatus | None,
        *,
        filled: int = 0,
        outcome: RequestOutcome = RequestOutcome.OK,
        asked_ms_ago: float = 0,
        retry_after_ms: float = 0,
    ) -> Said:
        """What became of an order; no status: not found."""
        asked_ns = self.now_ns - round(asked_ms_ago * MS)
        if status is None:
            outcome = RequestOutcome.NOT_FOUND if outcome is RequestOutcome.OK else outcome
            retry_after_ns = round(retry_after_ms * MS)
            return self.when(
                ev.QueryAnswer(self.now_ns, asked_ns, self.id(name), outcome, retry_after_ns=retry_after_ns)
            )
        reported = self.at_exchange(name, status, filled=filled)
        return self.when(ev.QueryAnswer(self.now_ns, asked_ns, self.id(name), outcome, reported))

    def query_event(self, order: ev.ExchangeOrder) -> ev.QueryAnswer:
        """The answer that the exchange reports `order`."""
        return ev.QueryAnswer(self.now_ns, self.now_ns, order.client_order_id, RequestOutcome.OK, order)

    def open_orders(
        self,
        *orders: ev.ExchangeOrder,
        outcome: RequestOutcome = RequestOutcome.OK,
        asked_ms_ago: float = 0,
        retry_after_ms: float = 0,
    ) -> Said:
        """The exchange's list of our open orders."""
        asked_ns = self.now_ns - round(asked_ms_ago * MS)
        retry_after_ns = round(retry_after_ms * MS)
        return self.when(
            ev.OpenOrdersAnswer(self.now_ns, asked_ns, outcome, orders, retry_after_ns=retry_after_ns)
        )

    def at_exchange(
        self, name: str, status: ExchangeStatus = ExchangeStatus.OPEN, *, filled: int = 0
    ) -> ev.ExchangeOrder:
        """One of our orders, as the exchange reports it."""
        order = self._scribe.orders[self.id(name)]
        return ev.ExchangeOrder(
            self.order_id(name),
            order.client_order_id,
            order.side,
            order.price,
            order.quantity,
            self.instrument.quantity(filled),
            status,
        )

    # --- the matching engine's stream --------------------------------------------------------

    def stream(self, name: str, kind: ev.OrderEventKind, reason: str | None = None) -> Said:
        """The matching engine's word on one of our orders."""
        return self.when(
            ev.OrderEvent(
                self.now_ns,
                kind,
                self.order_id(name),
                self.id(name),
                reason,
                1,
                happened_at_us=self.now_ns // EXCHANGE_US,
            )
        )

    def stream_cancelled(self, name: str) -> Said:
        """The matching engine says that an order was cancelled."""
        return self.stream(name, ev.OrderEventKind.CANCELED)

    def fill(
        self,
        name: str,
        lots: int,
        trade: str,
        *,
        price: str | None = None,
        fee: str = "0",
        knows_client_id: bool = True,
    ) -> Said:
        """One of our orders traded."""
        order = self._scribe.orders[self.id(name)]
        return self.execution(
            trade,
            order.side,
            str(order.price) if price is None else price,
            self.instrument.quantity(lots),
            order_id=self.order_id(name),
            client_order_id=order.client_order_id if knows_client_id else None,
            fee=fee,
        )

    def execution(
        self,
        trade: str,
        side: Side,
        price: str,
        quantity: Decimal | str,
        *,
        order_id: str = "stranger",
        client_order_id: str | None = None,
        fee: str = "0",
    ) -> Said:
        """Our account traded, whether or not the engine knows the order."""
        return self.when(
            ev.Execution(
                self.now_ns,
                trade,
                side,
                Decimal(price),
                Decimal(quantity),
                Decimal(fee),
                order_id,
                client_order_id,
                is_maker=True,
                sequence=1,
                executed_at_us=self.now_ns // EXCHANGE_US,
            )
        )

    # --- names -------------------------------------------------------------------------------

    def id(self, name: str) -> str:
        """The client order id behind a name."""
        return self._scribe.id(name)

    @property
    def names(self) -> list[str]:
        """The names of all orders that were placed, oldest first."""
        return self._scribe.names

    @staticmethod
    def order_id(name: str) -> str:
        """The exchange's id of an order."""
        return "x" + name.removeprefix("c")

    @property
    def state(self) -> State:
        """The symbol's state."""
        return self.engine.symbol.state

    @property
    def position(self) -> Decimal:
        """Signed, base currency."""
        return self.engine.symbol.inventory.position

    def view(self) -> SymbolView:
        """What operators see."""
        return self.engine.view()

    def verdict(self, side: Side, level: int = 0) -> str:
        """What became of a level of the latest quote."""
        return {(s, n): text for s, n, text in self.view().verdicts}[side, level]

    def unsettled(self) -> list[str]:
        """Names of the orders whose end is not known yet."""
        return [self._scribe.name(order.client_order_id) for order in self.engine.symbol.orders]

    def status(self, name: str) -> cmd.OrderStatus:
        """The latest recorded status of an order."""
        return self._scribe.orders[self.id(name)].status


def proven(playbook: Playbook) -> Playbook:
    """The exchange has nothing of ours and says so."""
    playbook.cancel_all_answer()
    playbook.open_orders()
    while "list open orders" in playbook.said.requests:
        playbook.open_orders()
    return playbook


def ready(**given: Any) -> Playbook:
    """PAUSED with a book around 1000.0 and zero proven: enable would be accepted."""
    playbook = proven(Playbook(**given))
    playbook.snapshot()
    return playbook


def active(**given: Any) -> Playbook:
    """ACTIVE; the first quotes were sent and not yet answered: c1 buys, c2 sells."""
    playbook = ready(**given)
    playbook.enable()
    assert playbook.state is State.ACTIVE, playbook.said.lines
    return playbook


def quoting(**given: Any) -> Playbook:
    """ACTIVE with c1 (buy, 9995) and c2 (sell, 10005) resting, and the book showing them."""
    playbook = active(**given)
    playbook.place_answer("c1")
    playbook.place_answer("c2")
    playbook.delta(((9995, 100),), ((10005, 100),))
    return playbook
