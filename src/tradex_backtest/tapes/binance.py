"""Captures as the sandbox plays them: gzip lines of receive time and message (docs/sandbox-fill-model.md)."""

from pathlib import Path

from tradex_backtest.tapes.market import DepthStep, TradeStep
from tradex_sandbox.capture import CaptureLine, FieldError, MessageKind
from tradex_sandbox.capture_book import DepthIds
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.recorded_feed import RecordedFeed

_DEPTH, _TRADE = MessageKind.DEPTH, MessageKind.TRADE


class BinanceFeed:
    """One symbol of such a capture, from its joined snapshot on."""

    def __init__(self, path: Path, symbol: str | None = None, instrument: Instrument | None = None) -> None:
        """CaptureError when the file does not lead to a joined snapshot."""
        self.path = path
        self._feed = RecordedFeed(path, symbol, instrument, reads_tickers=False)
        self.symbol = self._feed.symbol
        self.book = self._feed.book
        self.zero_us = self._feed.zero_ns // 1000
        self._message: CaptureLine | None = None

    @property
    def instrument(self) -> Instrument:
        """The grid, given or inferred."""
        return self._feed.grid.instrument

    def read_share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return self._feed.read_share()

    def next_us(self) -> int | None:
        """Receive time of the next message."""
        self._message = next(self._feed.messages, None)
        return None if self._message is None else self._message.at_ns // 1000

    def take(self, at_us: int) -> DepthStep | TradeStep | None:
        """Let it happen."""
        message = self._message
        if message is None:
            raise AssertionError("the capture is at its end")
        try:
            if message.kind is _DEPTH:
                return DepthStep(at_us, *self.book.apply(message, DepthIds.of(message), self._feed.grid))
            if message.kind is _TRADE and (trade := self._feed.trade(message)) is not None:
                return TradeStep(at_us, trade)
        except FieldError as error:
            raise self._feed.error_at(message, error) from None
        return None
