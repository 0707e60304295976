"""The tape of one symbol: turns what happens in a market into events with their sequences.

Both kinds of market write on one; the exchange tears off what has been written (`drain`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from tradex_sandbox.executions import ExecutionRecord
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market_events import (
    BookDelta,
    BookSnapshot,
    InstrumentEvent,
    Levels,
    MarketEvent,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Trade,
)
from tradex_sandbox.orders import BookOrder, OrderStatus, Side
from tradex_sandbox.published import Book, PublishedRecord

FEE_QUANTUM = Decimal("1e-8")
"""Fees are charged in whole units of this, in quote currency, rounded half to even."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Basis points of the notional; negative is a rebate."""

    maker_bps: Decimal = Decimal("-0.5")
    taker_bps: Decimal = Decimal(4)


def fee(notional: Decimal, bps: Decimal) -> Decimal:
    """The fee on `notional`, both in quote currency."""
    return (notional * bps / 10000).quantize(FEE_QUANTUM, ROUND_HALF_EVEN)


class Tape:
    """Events of one symbol in order, and the records that belong to them."""

    def __init__(self, instrument: Instrument, session: str, fees: Fees) -> None:
        self.instrument = instrument
        self.session = session
        self.sequence = 0
        """Sequence of the published book."""
        self.taker_us = 0
        """As in `FillTape`."""
        self.published = PublishedRecord(instrument.tick_size)
        self.executions = ExecutionRecord()
        self._fees = fees
        self._engine_sequence = 0
        self._trade_count = 0
        self._events: list[MarketEvent] = []

    def drain(self) -> list[MarketEvent]:
        """Everything written since the last call."""
        events, self._events = self._events, []
        return events

    # --- market data -----------------------------------------------------------------------------

    def book_stands(self, book: Book) -> None:
        """The whole book is new (opened, or told in another grid): the next sequence, without a delta."""
        self.sequence += 1
        self.published.record(self.sequence, book)

    def book_changed(self, at_us: int, bids: Mapping[int, int], asks: Mapping[int, int], book: Book) -> None:
        """Publish changed levels (ticks -> absolute lots) and note the tops of the book they make."""
        previous = self.sequence
        self.sequence = previous + 1
        self.published.record(self.sequence, book)
        self._events.append(
            BookDelta(
                self.instrument.symbol,
                previous,
                self.sequence,
                self._levels(sorted(bids.items(), reverse=True)),
                self._levels(sorted(asks.items())),
                at_us,
            )
        )

    def snapshot(self, bids: Mapping[int, int], asks: Mapping[int, int]) -> BookSnapshot:
        """The whole book (ticks -> lots) at the present sequence."""
        return BookSnapshot(
            self.instrument.symbol,
            self.sequence,
            self._levels(sorted(bids.items(), reverse=True)),
            self._levels(sorted(asks.items())),
        )

    def crowd_traded(self, at_us: int, trade_id: str, ticks: int, lots: int, taker_side: Side) -> None:
        """A trade in which no account of the exchange took part."""
        price, quantity = self.instrument.price(ticks), self.instrument.quantity(lots)
        self._public(trade_id, price, quantity, taker_side, at_us)

    def marked(self, at_us: int, price: Decimal, index_price: Decimal | None) -> None:
        """Publish the mark price."""
        self._events.append(MarkPrice(self.instrument.symbol, price, index_price, at_us))

    # --- matching engine -------------------------------------------------------------------------

    def traded(self, at_us: int, maker: BookOrder, taker: BookOrder, ticks: int, lots: int) -> None:
        """`lots` changed hands at `ticks`."""
        trade = self._trade(at_us, maker, taker, ticks, lots)
        self._events.append(trade)
        for order, charged in ((maker, trade.maker_fee), (taker, trade.taker_fee)):
            if not order.is_crowd:
                self.executions.add(order.account_id, trade, order.side, charged)
        self._public(trade.trade_id, trade.price, trade.quantity, trade.taker_side, at_us)

    def filled(self, order: BookOrder, at_us: int) -> None:
        """Tell that nothing is left of the order, if so."""
        if order.status is OrderStatus.FILLED:
            self._order_event(OrderFilled, order, "", at_us, order_id=order.order_id)

    def accepted(self, order: BookOrder, at_us: int) -> None:
        """The engine took the order."""
        if not order.is_crowd:
            self.published.watch(order.account_id, self.sequence + 1)
        self._order_event(OrderAccepted, order, "", at_us, order_id=order.order_id)

    def canceled(self, order: BookOrder) -> None:
        """The order has just been cancelled, with its reason."""
        self._order_event(OrderCanceled, order, order.reason, order.updated_at_us, order_id=order.order_id)

    def rejected(self, order: BookOrder, reason: str, at_us: int) -> None:
        """The engine refused the order."""
        self._order_event(OrderRejected, order, reason, at_us, order_id=None)

    # --- instrument ------------------------------------------------------------------------------

    def announced(self, event: InstrumentEvent | BookSnapshot) -> None:
        """The instrument changed, or its whole book is told; what follows is in the instrument's grid."""
        if not isinstance(event, BookSnapshot):
            if event.instrument.tick_size != self.instrument.tick_size:
                self.published.regrid(event.instrument.tick_size)
            self.instrument = event.instrument
        self._events.append(event)

    # --- how events are made ---------------------------------------------------------------------

    def _levels(self, levels: Iterable[tuple[int, int]]) -> Levels:
        tick, lot = self.instrument.tick_size, self.instrument.lot_size
        return tuple((tick * ticks, lot * lots) for ticks, lots in levels)

    def _public(self, trade_id: str, price: Decimal, quantity: Decimal, taker_side: Side, at_us: int) -> None:
        traded_us = self.taker_us or at_us
        self._events.append(
            PublicTrade(self.instrument.symbol, trade_id, price, quantity, taker_side, traded_us)
        )

    def _order_event(
        self, kind: type[OrderEvent], order: BookOrder, reason: str, at_us: int, *, order_id: str | None
    ) -> None:
        if order.is_crowd:
            return
        sequence, ids = self._next_engine_sequence(), (order_id, order.client_order_id, order.account_id)
        self._events.append(kind(self.instrument.symbol, sequence, *ids, reason, at_us))

    def _trade(self, at_us: int, maker: BookOrder, taker: BookOrder, ticks: int, lots: int) -> Trade:
        price, quantity = self.instrument.price(ticks), self.instrument.quantity(lots)
        notional = price * quantity
        self._trade_count += 1
        return Trade(
            symbol=self.instrument.symbol,
            sequence=self._next_engine_sequence(),
            trade_id=f"{self.session}-{self.instrument.symbol}-t{self._trade_count}",
            price=price,
            quantity=quantity,
            taker_side=taker.side,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
            maker_client_order_id=maker.client_order_id,
            taker_client_order_id=taker.client_order_id,
            maker_account_id=maker.account_id,
            taker_account_id=taker.account_id,
            maker_fee=fee(notional, self._fees.maker_bps),
            taker_fee=fee(notional, self._fees.taker_bps),
            is_buyer_maker=maker.side is Side.BUY,
            at_us=at_us,
        )

    def _next_engine_sequence(self) -> int:
        self._engine_sequence += 1
        return self._engine_sequence
