"""A recorded market: plays a capture on the exchange's clock and lets our orders rest in its book."""

from tradex_sandbox.capture import CaptureError, CaptureLine, FieldError, MessageKind
from tradex_sandbox.capture_book import DepthIds
from tradex_sandbox.capture_grid import Grid
from tradex_sandbox.instruments import Instrument, InstrumentError, whole_units
from tradex_sandbox.market import MARK_INTERVAL_US, Market
from tradex_sandbox.market_events import BookSnapshot
from tradex_sandbox.merged_book import MergedBook
from tradex_sandbox.orders import BookOrder
from tradex_sandbox.queue_position import QueueModel
from tradex_sandbox.recorded_feed import RecordedFeed
from tradex_sandbox.recorded_fills import RecordedFills
from tradex_sandbox.tape import Tape


class RecordedMarket(Market):
    """A capture from its joined snapshot on, at recorded speed.

    A halt stops the recording; it goes on where it stopped. At the end of the capture, or where it
    breaks, the book stays as it is: `finished` is true, and `error` says why if it broke.
    """

    def __init__(self, feed: RecordedFeed, tape: Tape, queue_model: QueueModel) -> None:
        super().__init__(tape)
        self.finished = False
        self.error: CaptureError | None = None
        self.feed = feed
        self._book = MergedBook(feed.book)
        self._fills = RecordedFills(self._book, tape, queue_model)
        self._message: CaptureLine | None = None
        self._message_us = 0
        """When it is due, by market time."""

    # --- time ------------------------------------------------------------------------------------

    def start(self, now_us: int) -> None:
        """Open the market with the joined book."""
        self._zero_us = now_us
        self.tape.book_stands(self._book)
        self._read()

    def next_event_us(self) -> int | None:
        """When a message or a mark price is due; None when halted or finished."""
        if self.finished or self._halted_at_us is not None:
            return None
        return self._zero_us + min(self._message_us, self._mark_us)

    def advance(self, now_us: int) -> None:
        """Play what is due until `now_us`."""
        while not self.finished and self._halted_at_us is None:
            if self._mark_us <= self._message_us:
                if self._zero_us + self._mark_us > now_us:
                    return
                self._mark()
            else:
                if self._zero_us + self._message_us > now_us or self._message is None:
                    return
                self._play(self._message)
                self._read()

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, order: BookOrder, at_us: int) -> None:
        """Enter a validated order; OrderRefused when it is post-only and would cross."""
        self._fills.submit(order, at_us)

    def cancel(self, order: BookOrder, reason: str, at_us: int) -> None:
        """Take a resting order out of the book."""
        self._fills.cancel(order, reason, at_us)

    def snapshot(self) -> BookSnapshot:
        """The published book."""
        return self.tape.snapshot(self._book.bids.levels(), self._book.asks.levels())

    # --- instrument ------------------------------------------------------------------------------

    def check_grid(self, instrument: Instrument) -> None:
        """InstrumentError unless the new tick and lot divide the present ones."""
        _factors(self.feed.grid.instrument, instrument)

    def regrid(self, instrument: Instrument, at_us: int) -> None:  # noqa: ARG002 - the book does not change
        """Tell the same book in a finer grid."""
        tick_factor, lot_factor = _factors(self.feed.grid.instrument, instrument)
        self.feed.regrid(Grid(instrument), tick_factor, lot_factor)
        self._book.bids.scale(tick_factor, lot_factor)
        self._book.asks.scale(tick_factor, lot_factor)

    # --- the recording ---------------------------------------------------------------------------

    def _read(self) -> None:
        """Fetch the next message and when it is due: never before the one that preceded it."""
        try:
            self._message = next(self.feed.messages, None)
        except CaptureError as error:
            self._end(error)
            return
        if self._message is None:
            self._end(None)
            return
        self._message_us = max(self._message_us, (self._message.at_ns - self.feed.zero_ns) // 1000)

    def _end(self, error: CaptureError | None) -> None:
        self._message = None
        self.finished = True
        self.error = self.error or error

    def _play(self, message: CaptureLine) -> None:
        try:
            if message.kind is MessageKind.DEPTH:
                self._play_depth(message)
            elif message.kind is MessageKind.TRADE:
                self._play_trade(message)
            elif message.kind is MessageKind.TICKER:
                self.feed.see_ticker(message)
        except FieldError as error:
            self._end(self.feed.error_at(message, error))

    def _play_depth(self, message: CaptureLine) -> None:
        ids = DepthIds.of(message)
        bids, asks = self.feed.book.apply(message, ids, self.feed.grid)
        self._fills.depth(self._zero_us + self._message_us, bids, asks)
        self.feed.oracle.book(ids.last, self.feed.book.top, self.feed.grid)

    def _play_trade(self, message: CaptureLine) -> None:
        trade = self.feed.trade(message)
        if trade is not None:
            self._fills.trade(self._zero_us + self._message_us, trade)

    def _mark(self) -> None:
        """Publish the middle of the crowd's book as the mark price."""
        bid, ask = self.feed.book.top
        if bid is not None and ask is not None:
            self.tape.marked(self._zero_us + self._mark_us, self.tape.instrument.price(bid + ask) / 2, None)
        self._mark_us += MARK_INTERVAL_US


def _factors(now: Instrument, then: Instrument) -> tuple[int, int]:
    tick_factor = whole_units(now.tick_size, then.tick_size)
    lot_factor = whole_units(now.lot_size, then.lot_size)
    if tick_factor is None or lot_factor is None:
        raise InstrumentError(
            f"{now.symbol}: the recorded book stands on tick {now.tick_size} and lot {now.lot_size}; "
            f"tick_size {then.tick_size} and lot_size {then.lot_size} must divide them"
        )
    return tick_factor, lot_factor
