"""A capture as a market that several runs look at: one reading, one crowd, step by step.

The crowd's book is shared: nobody in a recording knows our orders, so it is the same for every run. A step is
taken when every run has come to its time.
"""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

from tradex_sandbox.capture import CaptureError
from tradex_sandbox.capture_book import CrowdBook, Told
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market import MARK_INTERVAL_US
from tradex_sandbox.recorded_trades import RecordedTrade


class DepthStep(NamedTuple):
    """Levels of the crowd have changed."""

    at_us: int
    bids: Told
    asks: Told


class TradeStep(NamedTuple):
    """Others have traded."""

    at_us: int
    trade: RecordedTrade


class MarkStep(NamedTuple):
    """A mark price, the middle of the crowd's book; None while a side is empty. One each second."""

    at_us: int
    price: Decimal | None


Step = DepthStep | TradeStep | MarkStep


class Feed(Protocol):
    """A capture that is being read; CaptureError where it cannot be read any further."""

    path: Path
    symbol: str
    book: CrowdBook
    """The crowd; stands at the market's time zero at first."""
    zero_us: int
    """Receive time of the market's time zero, microseconds since 1970 UTC."""

    @property
    def instrument(self) -> Instrument:
        """The grid in which the steps are told."""

    def read_share(self) -> float:
        """How much of it has been read, 0 to 1."""

    def next_us(self) -> int | None:
        """Receive time of the next message; None at the end."""

    def take(self, at_us: int) -> DepthStep | TradeStep | None:
        """Let that message happen at `at_us`; None when it changes nothing."""


class RecordedStream:
    """A feed on the market's clock, with a mark price each second, from time zero on."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.crowd = feed.book
        self.instrument = feed.instrument
        self.began_us = self.now_us = self._mark_us = feed.zero_us
        self.error: CaptureError | None = None
        """Why it ended before its file did."""
        self._message_us: int | None = feed.zero_us
        self.due_us: int | None = None
        """When the next step is due; None at the end."""
        self._look()

    def take(self) -> Step | None:
        """Let what is due happen; None when it is nothing that a market tells."""
        if self._message_us is None:
            raise AssertionError("the capture is at its end")
        if self._mark_us <= self._message_us:
            return self._mark()
        self.now_us = self._message_us
        try:
            step = self.feed.take(self._message_us)
        except CaptureError as error:
            self._end(error)
            return None
        self._look()
        return step

    def _look(self) -> None:
        try:
            at_us = self.feed.next_us()
        except CaptureError as error:
            self._end(error)
            return
        if at_us is not None and at_us < self.now_us:
            at_us = self.now_us
        self._message_us = at_us
        self._plan()

    def _end(self, error: CaptureError) -> None:
        self._message_us, self.error = None, error
        self._plan()

    def _plan(self) -> None:
        message_us = self._message_us
        self.due_us = self._mark_us if message_us is not None and self._mark_us < message_us else message_us

    def _mark(self) -> MarkStep:
        bid, ask = self.crowd.top
        at_us = self.now_us = self._mark_us
        self._mark_us += MARK_INTERVAL_US
        self._plan()
        price = None if bid is None or ask is None else self.instrument.price(bid + ask) / 2
        return MarkStep(at_us, price)
