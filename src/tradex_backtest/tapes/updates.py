"""A feed made of plain updates: what formats have in common that tell levels and trades row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tradex_backtest.tapes.market import DepthStep, TradeStep
from tradex_sandbox.capture import CaptureError, FieldError, time_problem
from tradex_sandbox.capture_book import CrowdBook
from tradex_sandbox.capture_grid import DIGITS_MAX, infer_grid
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.order_book import BookSide
from tradex_sandbox.recorded_trades import RecordedTrade

Levels = list[tuple[int, int]]
"""(ticks, lots); 0 lots removes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands, for errors."""

    path: Path
    line: int

    def error(self, problem: object) -> CaptureError:
        """The error of this place."""
        return CaptureError(self.path, self.line, str(problem))

    def check_time(self, at_ns: int, before_ns: int | None) -> None:
        """CaptureError when this is no receive time, or none after `before_ns`."""
        problem = time_problem(at_ns, before_ns)
        if problem is not None:
            raise self.error(problem)


@dataclass(frozen=True, slots=True)
class LevelUpdate:
    """Levels as of an exchange time; a `whole` one replaces the book."""

    at_us: int
    """When it was received."""
    at: int
    bids: Levels
    asks: Levels
    whole: bool
    place: Place


@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """A trade of others."""

    at_us: int
    trade: RecordedTrade
    place: Place


Update = LevelUpdate | TradeUpdate


class UpdateFeed:
    """A market from the first moment at which its book has both sides."""

    def __init__(
        self,
        path: Path,
        instrument: Instrument,
        updates: Iterator[Update],
        read_share: Callable[[], float],
    ) -> None:
        """CaptureError when the updates do not lead to a book."""
        self.path = path
        self.symbol = instrument.symbol
        self.instrument = instrument
        self.book = CrowdBook()
        self.read_share = read_share
        self.zero_us = 0
        self._updates = updates
        self._update: Update | None = None
        self._before_ns: int | None = None
        self._open()

    def next_us(self) -> int | None:
        """Receive time of the next update."""
        update = self._update = next(self._updates, None)
        if update is None:
            return None
        at_ns = update.at_us * 1000
        update.place.check_time(at_ns, self._before_ns)
        self._before_ns = at_ns
        return update.at_us

    def take(self, at_us: int) -> DepthStep | TradeStep | None:
        """Let it happen."""
        update = self._update
        if update is None:
            raise AssertionError("the capture is at its end")
        if isinstance(update, TradeUpdate):
            return TradeStep(at_us, update.trade)
        bids, asks = update.bids, update.asks
        if update.whole:
            bids, asks = _instead(self.book.bids, bids), _instead(self.book.asks, asks)
        try:
            return DepthStep(at_us, *self.book.change(update.at, dict(bids), dict(asks)))
        except FieldError as error:
            raise update.place.error(error) from None

    def _open(self) -> None:
        while (at_us := self.next_us()) is not None:
            if isinstance(self._update, LevelUpdate):
                self.take(at_us)
            if None not in self.book.top:
                self.zero_us = at_us
                return
        raise CaptureError(self.path, None, "holds no book with bids and asks; fetch the whole file")


def _instead(side: BookSide, levels: Levels) -> Levels:
    """The changes that make these levels the whole side."""
    named = {ticks for ticks, _ in levels}
    return [(ticks, 0) for ticks in side.levels() if ticks not in named] + levels


def plain_number(text: str) -> str:
    """A number without an exponent, as grids expect it; as it is where it is of no price's size."""
    if "e" not in text and "E" not in text:
        return text
    number = Decimal(text)
    return format(number, "f") if abs(number.adjusted()) <= DIGITS_MAX else text


def inferred(path: Path, symbol: str, prices: set[str], quantities: set[str]) -> Instrument:
    """The grid of what was read first; CaptureError."""
    try:
        return infer_grid(symbol, prices, quantities)
    except FieldError as error:
        raise CaptureError(path, None, str(error)) from None
