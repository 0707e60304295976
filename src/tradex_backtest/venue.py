"""The exchange of one run: the sandbox's fill model over the shared crowd, told in the core's events.

An order that reaches it has passed the engine's own checks of grid and minimum notional, so that nothing but
crossing the book refuses a post-only order here. Instruments of a recording do not change.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from market_maker.core import events as ev
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side as EngineSide
from tradex_backtest.channel import Channel
from tradex_backtest.tapes.market import DepthStep, MarkStep, RecordedStream, Step, TradeStep
from tradex_sandbox.merged_book import MergedBook
from tradex_sandbox.orders import BookOrder, OrderRefused, OrderStatus, Side
from tradex_sandbox.published import Book
from tradex_sandbox.queue_position import QueueModel
from tradex_sandbox.recorded_fills import RecordedFills
from tradex_sandbox.tape import Fees, fee

_BUY, _SELL, _CROWD_BUY = EngineSide.BUY, EngineSide.SELL, Side.BUY
ACCOUNT = "market-maker"
FINAL_ORDERS_KEPT = 10_000
"""Orders that are over and may still be asked about."""


@dataclass(slots=True, eq=False)
class VenueOrder:
    """An order of ours: as it was asked for, as it stands, and the crowd's lots before it when it came."""

    asked: CheckedOrder
    book_order: BookOrder
    ahead: int = 0


class BacktestVenue:
    """Takes orders at a time of the virtual clock (microseconds since 1970 UTC) and tells what happens."""

    def __init__(
        self,
        stream: RecordedStream,
        queue_model: QueueModel,
        fees: Fees,
        feed: Channel,
        engine_events: Channel,
    ) -> None:
        self.session = "b"
        self.instrument = stream.instrument
        self.orders: dict[str, VenueOrder] = {}
        """By client order id: open ones, and the latest that are over."""
        self._open: dict[str, VenueOrder] = {}
        self._finals: deque[VenueOrder] = deque()
        self._fees = fees
        self._feed, self._engine_events = feed, engine_events
        self._book = MergedBook(stream.crowd)
        self._fills = RecordedFills(self._book, self, queue_model)
        self._sequence = self._engine_sequence = self._trades = self._order_count = 0
        self.taker_us = 0
        """As in `FillTape`."""
        self._crowd_price = 0, Decimal(0)
        """The crowd's latest trade, in ticks and as a price: an order's trades mostly have one price."""

    # --- the market ------------------------------------------------------------------------------

    def open(self, at_us: int) -> None:
        """Publish the book as it stands."""
        self._sequence = 1
        at_ns = self._feed.arrives_ns(at_us * 1000)
        bids, asks = (tuple(side.levels().items()) for side in (self._book.bids, self._book.asks))
        self._feed.put(ev.BookSnapshot(at_ns, at_us * 1000, 1, bids, asks, None, at_us))

    def play(self, step: Step) -> None:
        """A step of the recording happens."""
        if isinstance(step, TradeStep):
            self._fills.trade(step.at_us, step.trade)
        elif isinstance(step, DepthStep):
            self._fills.depth(step.at_us, step.bids, step.asks)
        else:
            self._mark(step)

    def _mark(self, step: MarkStep) -> None:
        if step.price is not None:
            data_ns = step.at_us * 1000
            self._feed.put(ev.MarkPrice(self._feed.arrives_ns(data_ns), data_ns, step.price))

    # --- the Order Service -----------------------------------------------------------------------

    def place(self, order: CheckedOrder, at_us: int) -> tuple[str | None, str]:
        """The exchange's order id, or None and the code of the refusal."""
        self._order_count += 1
        book_order = BookOrder(
            f"b{self._order_count}",
            order.client_order_id,
            ACCOUNT,
            Side.BUY if order.side is EngineSide.BUY else Side.SELL,
            order.price_ticks,
            order.lots,
            is_ioc=False,
            post_only=True,
            updated_at_us=at_us,
        )
        entered = VenueOrder(order, book_order)
        try:
            self._fills.submit(book_order, at_us)
        except OrderRefused as refusal:
            return None, refusal.code.value
        queue = self._book.side(book_order.side).own.queue(order.price_ticks)
        entered.ahead = queue[-1].ahead if queue else 0
        self.orders[order.client_order_id] = entered
        self._open[book_order.order_id] = entered
        return book_order.order_id, ""

    def cancel(self, order_id: str, at_us: int) -> bool:
        """Whether there was anything to cancel."""
        entered = self._open.get(order_id)
        if entered is None:
            return False
        self._fills.cancel(entered.book_order, "REQUESTED", at_us)
        return True

    def cancel_all(self, at_us: int) -> int:
        """How many were cancelled."""
        open_now = list(self._open)
        return sum(self.cancel(order_id, at_us) for order_id in open_now)

    def query(self, client_order_id: str) -> ev.ExchangeOrder | None:
        """An order, open or not; None when there is none, or none any more."""
        entered = self.orders.get(client_order_id)
        return None if entered is None else self._told(entered)

    def open_orders(self) -> tuple[ev.ExchangeOrder, ...]:
        """Our open orders."""
        return tuple(self._told(entered) for entered in self._open.values())

    def _told(self, entered: VenueOrder) -> ev.ExchangeOrder:
        asked, order = entered.asked, entered.book_order
        return ev.ExchangeOrder(
            order.order_id,
            asked.client_order_id,
            asked.side,
            asked.price,
            asked.quantity,
            self.instrument.quantity(order.lots - order.remaining),
            ev.ExchangeStatus(order.status.value),
        )

    # --- what the fill model tells (`FillTape`) --------------------------------------------------

    def book_changed(
        self,
        at_us: int,
        bids: Mapping[int, int],
        asks: Mapping[int, int],
        book: Book,  # noqa: ARG002 -- not kept
    ) -> None:
        """Levels changed."""
        before = self._sequence
        self._sequence = before + 1
        data_ns = at_us * 1000
        at_ns = self._feed.arrives_ns(data_ns)
        delta = ev.BookDelta(
            at_ns, data_ns, before, before + 1, tuple(bids.items()), tuple(asks.items()), None, at_us
        )
        self._feed.put(delta)

    def crowd_traded(
        self,
        at_us: int,
        trade_id: str,
        ticks: int,
        lots: int,  # noqa: ARG002 -- the engine is told no sizes
        taker_side: Side,
    ) -> None:
        """Others traded with each other."""
        known, price = self._crowd_price
        if ticks != known:
            price = self.instrument.price(ticks)
            self._crowd_price = ticks, price
        self._public(at_us, trade_id, price, _side(taker_side))

    def traded(
        self,
        at_us: int,
        maker: BookOrder,
        taker: BookOrder,  # noqa: ARG002 -- one of the crowd
        ticks: int,
        lots: int,
    ) -> None:
        """An order of ours traded; a post-only order never takes."""
        price, quantity = self.instrument.price(ticks), self.instrument.quantity(lots)
        self._trades += 1
        trade_id = f"t{self._trades}"
        self._engine_events.put(
            ev.Execution(
                self._engine_events.arrives_ns(at_us * 1000),
                trade_id,
                _side(maker.side),
                price,
                quantity,
                fee(price * quantity, self._fees.maker_bps),
                maker.order_id,
                maker.client_order_id,
                is_maker=True,
                sequence=self._next_engine_sequence(),
                executed_at_us=at_us,
            )
        )
        self._public(at_us, trade_id, price, _side(maker.side).opposite)

    def accepted(self, order: BookOrder, at_us: int) -> None:
        """An order of ours was taken."""
        self._order_event(ev.OrderEventKind.ACCEPTED, order, at_us)

    def filled(self, order: BookOrder, at_us: int) -> None:
        """An order traded; the crowd's are nobody's concern."""
        if order.status is OrderStatus.FILLED and not order.is_crowd:
            self._over(order)
            self._order_event(ev.OrderEventKind.FILLED, order, at_us)

    def canceled(self, order: BookOrder) -> None:
        """An order of ours is gone."""
        self._over(order)
        self._order_event(ev.OrderEventKind.CANCELED, order, order.updated_at_us)

    def rejected(self, order: BookOrder, reason: str, at_us: int) -> None:
        """An order of ours was refused; it has no order id."""
        self._order_event(ev.OrderEventKind.REJECTED, order, at_us, reason)

    def _public(self, at_us: int, trade_id: str, price: Decimal, taker_side: EngineSide) -> None:
        data_ns = at_us * 1000
        at_ns = self._feed.arrives_ns(data_ns)
        self._feed.put(
            ev.PublicTrade(at_ns, data_ns, price, trade_id, None, taker_side, self.taker_us or at_us)
        )

    def _order_event(
        self, kind: ev.OrderEventKind, order: BookOrder, at_us: int, reason: str | None = None
    ) -> None:
        order_id = None if kind is ev.OrderEventKind.REJECTED else order.order_id
        self._engine_events.put(
            ev.OrderEvent(
                self._engine_events.arrives_ns(at_us * 1000),
                kind,
                order_id,
                order.client_order_id,
                reason or order.reason or None,
                self._next_engine_sequence(),
                happened_at_us=at_us,
            )
        )

    def _over(self, order: BookOrder) -> None:
        """Forget the oldest of what is over."""
        entered = self._open.pop(order.order_id)
        self._finals.append(entered)
        if len(self._finals) > FINAL_ORDERS_KEPT:
            oldest = self._finals.popleft()
            del self.orders[oldest.asked.client_order_id]

    def _next_engine_sequence(self) -> int:
        self._engine_sequence += 1
        return self._engine_sequence


def _side(side: Side) -> EngineSide:
    """The core's word for a side."""
    return _BUY if side is _CROWD_BUY else _SELL
