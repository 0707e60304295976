"""The sandbox's exchange under virtual time, and where its events go."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from market_maker.core.events import ExchangeOrder, Execution, OrderEvent, RequestOutcome
from market_maker.core.orders.checked_order import CheckedOrder
from simulation import translate
from simulation.clock import Clock
from simulation.crowd import Crowd
from simulation.plan import GRIDS, MIN_NOTIONAL, START_PRICES, Plan
from simulation.translate import ACCOUNT
from simulation.truth import Truth
from tradex_sandbox import market_events as me
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.instruments import Instrument, make_instrument
from tradex_sandbox.orders import (
    NewOrder,
    OrderFinal,
    OrderNotFound,
    OrderRefused,
    OrderType,
    RefusalCode,
    Side,
    TimeInForce,
)

RIVAL = "rival"
SNAPSHOT_NS = 900_000_000

Feed = me.BookDelta | me.BookSnapshot | me.PublicTrade | me.MarkPrice
Streamed = Execution | OrderEvent
_ENDS = (me.OrderCanceled, me.OrderFilled)


class Venue:
    """Everything that is asked of the exchange goes through here; time is the clock's."""

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        truth: Truth,
        publish: Callable[[str, Feed], None],
        announce: Callable[[str, Instrument, str], None],
        stream: Callable[[str, Streamed], None],
    ) -> None:
        """`publish` gets market data, `announce` instruments, `stream` what concerns our account."""
        self.exchange = Exchange(f"s{plan.seed}")
        self._clock, self._truth = clock, truth
        self._publish, self._announce, self._stream = publish, announce, stream
        self._wake_ns: int | None = None
        self._rivals = 0
        for index, config in enumerate(plan.configs):
            tick, lot = GRIDS[index][0]
            instrument = make_instrument(config.symbol, tick, lot, MIN_NOTIONAL)
            flow = Crowd(float(START_PRICES[index]), f"crowd:{plan.seed}:{config.symbol}")
            self.exchange.add_flow(instrument, flow)

    def open(self) -> None:
        """Start trading."""
        self._tell(self.exchange.start(self._clock.now_us))
        for symbol in self.exchange.symbols():
            self._clock.after(SNAPSHOT_NS, self._snapshot, symbol)

    # --- the Order Service -----------------------------------------------------------------------

    def place(self, order: CheckedOrder) -> tuple[RequestOutcome, str | None, RefusalCode | None]:
        """How it ended, order id, and why it was refused."""
        try:
            submitted = self.exchange.submit(self._clock.now_us, translate.new_order(order))
        except OrderRefused as refused:
            self._truth.arrives_never(order.client_order_id)
            self._tell(self.exchange.advance(self._clock.now_us))
            return RequestOutcome.REJECTED, None, refused.code
        self._tell(submitted.events)
        return RequestOutcome.OK, submitted.order.order_id, None

    def cancel(self, order_id: str) -> RequestOutcome:
        """NOT_FOUND when there is nothing to cancel."""
        try:
            _, events = self.exchange.cancel(self._clock.now_us, order_id)
        except (OrderNotFound, OrderFinal):
            self._tell(self.exchange.advance(self._clock.now_us))
            return RequestOutcome.NOT_FOUND
        self._tell(events)
        return RequestOutcome.OK

    def cancel_all(self, symbol: str) -> int:
        """How many were cancelled."""
        cancelled, events = self.exchange.cancel_all(self._clock.now_us, ACCOUNT, symbol)
        self._tell(events)
        return len(cancelled)

    def query(self, client_order_id: str) -> ExchangeOrder | None:
        """An order, open or not."""
        self._advance()
        try:
            return translate.exchange_order(self.exchange.order_by_client_id(client_order_id))
        except OrderNotFound:
            return None

    def open_orders(self, symbol: str) -> tuple[ExchangeOrder, ...]:
        """Our open orders."""
        self._advance()
        return tuple(map(translate.exchange_order, self.exchange.open_orders(ACCOUNT, symbol)))

    # --- what others do --------------------------------------------------------------------------

    def sweep(self, symbol: str, side: Side, notional: Decimal) -> None:
        """A rival takes what the notional buys, at any price."""
        instrument = self.exchange.instrument(symbol)
        price = self.reference_price(symbol, side.opposite)
        lots = 0 if price is None else int(notional / (price * instrument.lot_size))
        if not lots or not instrument.is_trading:
            return
        self._enter(symbol, side, OrderType.MARKET, TimeInForce.IOC, None, instrument.quantity(lots))

    def _enter(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        time_in_force: TimeInForce,
        price: Decimal | None,
        quantity: Decimal,
    ) -> None:
        self._rivals += 1
        name = f"rival-{self._rivals}"
        order = NewOrder(
            symbol,
            side,
            kind,
            time_in_force,
            post_only=False,
            price=price,
            quantity=quantity,
            client_order_id=name,
            idempotency_key=name,
            account_id=RIVAL,
            user_id=RIVAL,
            account_type="CUSTOMER",
        )
        self._tell(self.exchange.submit(self._clock.now_us, order).events)

    def flood(self, symbol: str, count: int) -> None:
        """A rival enters that many orders far from the market and takes them back, all in one moment."""
        instrument, best = self.exchange.instrument(symbol), self.reference_price(symbol, Side.BUY)
        if best is None or not instrument.is_trading:
            return
        for number in range(count):
            price = instrument.tick_size * (int(best / instrument.tick_size * Decimal("0.9")) - number)
            lots = int(2 * MIN_NOTIONAL / (price * instrument.lot_size)) + 1
            quantity = instrument.quantity(lots)
            self._enter(symbol, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, price, quantity)
        _, events = self.exchange.cancel_all(self._clock.now_us, RIVAL, symbol)
        self._tell(events)

    def reference_price(self, symbol: str, side: Side) -> Decimal | None:
        """The best price of a side."""
        snapshot = self.exchange.snapshot(symbol)
        levels = snapshot.bids if side is Side.BUY else snapshot.asks
        return levels[0][0] if levels else None

    def halt(self, symbol: str) -> None:
        """Stop trading."""
        self._tell(self.exchange.halt(self._clock.now_us, symbol, "told to"))

    def resume(self, symbol: str) -> None:
        """Trade again."""
        self._tell(self.exchange.resume(self._clock.now_us, symbol, "told to"))

    def regrid(self, symbol: str, tick_size: Decimal, lot_size: Decimal) -> None:
        """Change tick and lot."""
        events = self.exchange.update_instrument(
            self._clock.now_us, symbol, tick_size=tick_size, lot_size=lot_size, reason="told to"
        )
        self._tell(events)

    # --- time and events -------------------------------------------------------------------------

    def _advance(self) -> None:
        self._tell(self.exchange.advance(self._clock.now_us))

    def _woken(self, due_ns: int) -> None:
        if due_ns == self._wake_ns:
            self._wake_ns = None
            self._advance()

    def _snapshot(self, symbol: str) -> None:
        self._advance()
        self._publish(symbol, self.exchange.snapshot(symbol))
        self._clock.after(SNAPSHOT_NS, self._snapshot, symbol)

    def _tell(self, events: Sequence[me.MarketEvent]) -> None:
        for event in events:
            self._tell_one(event)
        next_us = self.exchange.next_event_us()
        if next_us is not None:
            due_ns = self._clock.ns_of(next_us)
            if self._wake_ns is None or due_ns < self._wake_ns:
                self._wake_ns = due_ns
                self._clock.at(due_ns, self._woken, due_ns)

    def _tell_one(self, event: me.MarketEvent) -> None:
        if isinstance(event, me.Trade):
            execution = translate.execution(event)
            if execution is not None:
                self._truth.executed(event.symbol, execution)
                self._stream(event.symbol, execution)
        elif isinstance(event, me.OrderEvent):
            self._order_event(event)
        elif isinstance(event, me.InstrumentEvent):
            self._announce(event.instrument.symbol, event.instrument, event.reason)
        else:
            self._publish(event.symbol, event)

    def _order_event(self, event: me.OrderEvent) -> None:
        translated = translate.order_event(event)
        if translated is None:
            return
        if isinstance(event, me.OrderAccepted):
            self._truth.accepted(event.client_order_id or "", event.order_id or "", self._clock.now_ns)
        elif isinstance(event, _ENDS):
            self._truth.ended(event.order_id or "")
        self._stream(event.symbol, translated)
