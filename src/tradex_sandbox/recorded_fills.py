"""The fill model of a recorded market: what a recorded message, or an order of ours, does to our orders.

The model and what it assumes are explained in docs/sandbox-fill-model.md.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from tradex_sandbox.capture_book import Told
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.matching import REASON_IOC, REASON_SELF_TRADE
from tradex_sandbox.merged_book import MergedBook, MergedSide
from tradex_sandbox.orders import BookOrder, OrderStatus, RefusalCode, Side, would_cross
from tradex_sandbox.published import Book
from tradex_sandbox.queue_position import QueueModel, Take, take, thin_out
from tradex_sandbox.recorded_trades import RecordedTrade, Takers

CROWD_ACCOUNT = "crowd"
NO_PRICES: tuple[int, ...] = ()
_BUY = Side.BUY


class FillTape(Protocol):
    """What is told of a market's changes: the sandbox's `Tape`, or what a backtest makes of them."""

    session: str
    """With the symbol it goes into the ids of the crowd's orders."""
    instrument: Instrument
    taker_us: int
    """When the recorded taker came whose trade is told: the time of its public trades. Else 0."""

    def book_changed(self, at_us: int, bids: Mapping[int, int], asks: Mapping[int, int], book: Book) -> None:
        """Levels changed (ticks -> absolute lots) and made this book."""

    def crowd_traded(self, at_us: int, trade_id: str, ticks: int, lots: int, taker_side: Side) -> None:
        """A trade in which no account took part."""

    def traded(self, at_us: int, maker: BookOrder, taker: BookOrder, ticks: int, lots: int) -> None:
        """A trade in which an account took part."""

    def accepted(self, order: BookOrder, at_us: int) -> None:
        """The order was taken."""

    def filled(self, order: BookOrder, at_us: int) -> None:
        """The order has traded; perhaps nothing is left of it."""

    def canceled(self, order: BookOrder) -> None:
        """The order has just been cancelled, with its reason."""

    def rejected(self, order: BookOrder, reason: str, at_us: int) -> None:
        """The order was refused."""


class RecordedFills:
    """Fills of accounts' orders against a recorded crowd, written on the tape with the book they leave."""

    def __init__(self, book: MergedBook, tape: FillTape, queue_model: QueueModel) -> None:
        self._book = book
        self._tape = tape
        self._queue_model = queue_model
        self._counts_trades = queue_model is QueueModel.PROPORTIONAL
        """Whether it matters which trades a level contains: where cancellations also take place ahead."""
        self._takers = Takers()
        self._crowd_orders = 0

    # --- what the capture tells ------------------------------------------------------------------

    def depth(self, at_us: int, bids: Told, asks: Told) -> None:
        """The crowd's levels have just been told."""
        book = self._book
        bids_restored, asks_restored = self._told(book.bids, bids), self._told(book.asks, asks)
        bids_met = self._meet_crowd(at_us, book.bids, book.asks.crowd_best)
        asks_met = self._meet_crowd(at_us, book.asks, book.bids.crowd_best)
        bid_levels = book.bids.published_after(bids.change.after, (*bids_restored, *bids_met))
        ask_levels = book.asks.published_after(asks.change.after, (*asks_restored, *asks_met))
        if bid_levels or ask_levels:
            self._tape.book_changed(at_us, bid_levels, ask_levels, book)

    def _told(self, side: MergedSide, told: Told) -> set[int]:
        """Move our orders in the queues of these levels; the prices where the crowd has come back."""
        at, after = self._book.crowd.at, told.after
        restored = side.restore_crowd(after)
        for ticks in side.own.prices():
            if ticks in after:
                traded = side.trades.until(ticks, at)
                thin_out(side.own.queue(ticks), told.before(ticks), traded, after[ticks], self._queue_model)
        if self._counts_trades:
            side.trades.named(after, at)
        return restored

    def trade(self, at_us: int, trade: RecordedTrade) -> None:
        """A recorded trade: it meets our better orders first, then its own price's queue.

        Orders accepted in a later book than that of its exchange time were not there yet.
        """
        self._tape.taker_us = self._takers.came_us(trade, at_us)
        side = self._book.asks if trade.taker_side is _BUY else self._book.bids
        touched = side.own.reached(trade.ticks)
        left = trade.lots
        if touched:
            taker = self._crowd_order(trade.taker_side, trade.ticks, trade.lots)
            for price in touched:
                queue = [queued for queued in side.own.queue(price) if queued.since <= trade.traded_at]
                if price != trade.ticks:
                    for queued in queue:
                        queued.ahead = 0
                left -= self._fill(at_us, side, price, take(queue, left), taker)
        if self._counts_trades:
            side.trades.add(trade.ticks, trade.lots, trade.traded_at)
        if left:
            self._tape.crowd_traded(at_us, trade.trade_id, trade.ticks, left, trade.taker_side)
        if left < trade.lots:
            self._publish_side(at_us, side, touched)
        self._tape.taker_us = 0

    def _meet_crowd(self, at_us: int, side: MergedSide, opposite_best: int | None) -> list[int]:
        """Fill completely, at their own prices, the orders that the crowd's other side has reached."""
        if opposite_best is None:
            return []
        reached = side.own.reached(opposite_best)
        for price in reached:
            for queued in side.own.queue(price):
                maker = queued.order
                lots = maker.remaining
                taker = self._crowd_order(side.side.opposite, price, lots)
                self._trade(at_us, maker, taker, price, lots)
            side.own.drop_filled(price)
        return reached

    # --- what accounts ask for -------------------------------------------------------------------

    def submit(self, order: BookOrder, at_us: int) -> None:
        """Match an order with crowd and accounts; what is left rests, or is cancelled."""
        ticks = order.ticks
        if order.post_only and ticks is not None and self._book.reaches(order.side, ticks) is not None:
            self._tape.rejected(order, RefusalCode.POST_ONLY_WOULD_CROSS.value, at_us)
            raise would_cross(order.side, ticks)
        self._tape.accepted(order, at_us)
        touched = self._match(order, at_us)
        rests = order.ticks is not None and not order.is_ioc
        if order.remaining and rests and order.status is not OrderStatus.CANCELLED:
            own_prices: tuple[int, ...] = self._rest(order)
        else:
            own_prices = NO_PRICES
            if order.remaining:
                if order.status is not OrderStatus.CANCELLED:
                    order.cancel(REASON_IOC, at_us)
                self._tape.canceled(order)
        if order.side is Side.BUY:
            self._publish(at_us, own_prices, touched)
        else:
            self._publish(at_us, touched, own_prices)

    def cancel(self, order: BookOrder, reason: str, at_us: int) -> None:
        """Take a resting order out."""
        if order.ticks is None:
            raise AssertionError(f"order {order.order_id}: a market order does not rest")
        side = self._book.side(order.side)
        side.own.remove(order.ticks, order)
        order.cancel(reason, at_us)
        self._tape.canceled(order)
        self._publish_side(at_us, side, (order.ticks,))

    def _rest(self, order: BookOrder) -> tuple[int, ...]:
        if order.ticks is None:
            raise AssertionError(f"order {order.order_id}: a market order does not rest")
        side, told_at = self._book.side(order.side), self._book.crowd.at
        ahead = side.crowd_lots(order.ticks)
        if self._counts_trades:
            ahead = max(0, ahead - side.trades.after(order.ticks, told_at))
        side.own.add(order.ticks, order, ahead, told_at)
        return (order.ticks,)

    def _match(self, taker: BookOrder, at_us: int) -> list[int]:
        side = self._book.side(taker.side.opposite)
        touched: list[int] = []
        while taker.remaining and taker.status is not OrderStatus.CANCELLED:
            ticks = side.best if taker.ticks is None else self._book.reaches(taker.side, taker.ticks)
            if ticks is None:
                break
            touched.append(ticks)
            result = take(side.own.queue(ticks), taker.remaining, taker.account_id)
            self._eat_crowd(at_us, side, ticks, result.crowd_lots, taker)
            self._fill(at_us, side, ticks, result, taker)
            if result.stopped:
                taker.cancel(REASON_SELF_TRADE, at_us)
            elif taker.remaining:
                self._eat_crowd(at_us, side, ticks, min(taker.remaining, side.crowd_lots(ticks)), taker)
        return touched

    # --- how a fill is made ----------------------------------------------------------------------

    def _eat_crowd(self, at_us: int, side: MergedSide, ticks: int, lots: int, taker: BookOrder) -> None:
        if lots:
            side.take_crowd(ticks, lots)
            self._trade(at_us, self._crowd_order(side.side, ticks, lots), taker, ticks, lots)

    def _fill(self, at_us: int, side: MergedSide, ticks: int, result: Take, taker: BookOrder) -> int:
        """Fill the orders that a trade at `ticks` came to; returns the lots that are used up there."""
        filled = 0
        for maker, lots in result.fills:
            self._trade(at_us, maker, taker, ticks, lots)
            filled += lots
        if filled:
            side.own.drop_filled(ticks)
        return filled

    def _trade(self, at_us: int, maker: BookOrder, taker: BookOrder, ticks: int, lots: int) -> None:
        maker.fill(lots, at_us)
        taker.fill(lots, at_us)
        self._tape.traded(at_us, maker, taker, ticks, lots)
        self._tape.filled(maker, at_us)
        self._tape.filled(taker, at_us)

    def _crowd_order(self, side: Side, ticks: int, lots: int) -> BookOrder:
        self._crowd_orders += 1
        order_id = f"{self._tape.session}-{self._tape.instrument.symbol}-c{self._crowd_orders}"
        return BookOrder(
            order_id, None, CROWD_ACCOUNT, side, ticks, lots, is_ioc=True, post_only=False, is_crowd=True
        )

    # --- what is published -----------------------------------------------------------------------

    def _publish_side(self, at_us: int, side: MergedSide, prices: Iterable[int]) -> None:
        if side.side is Side.BUY:
            self._publish(at_us, prices, NO_PRICES)
        else:
            self._publish(at_us, NO_PRICES, prices)

    def _publish(self, at_us: int, bids: Iterable[int], asks: Iterable[int]) -> None:
        book = self._book
        bid_levels, ask_levels = book.bids.published(bids), book.asks.published(asks)
        if bid_levels or ask_levels:
            self._tape.book_changed(at_us, bid_levels, ask_levels, book)
