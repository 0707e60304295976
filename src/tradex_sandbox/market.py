"""What the exchange expects of a market, whatever makes its crowd."""

from abc import ABC, abstractmethod

from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market_events import BookSnapshot
from tradex_sandbox.orders import BookOrder
from tradex_sandbox.tape import Tape

MARK_INTERVAL_US = 1_000_000
"""How often a market publishes its mark price."""


class Market(ABC):
    """One symbol's market. Every change of it is written on its tape; a halt lets its time stand still."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._zero_us = 0
        """Exchange time that corresponds to the market's time zero; a halt moves it."""
        self._mark_us = 0
        """When the next mark price is due, by market time."""
        self._halted_at_us: int | None = None

    @abstractmethod
    def start(self, now_us: int) -> None:
        """Open the market: `now_us` is its time zero, the initial book is sequence 1."""

    @abstractmethod
    def advance(self, now_us: int) -> None:
        """Do what is due until `now_us`."""

    @abstractmethod
    def next_event_us(self) -> int | None:
        """When something is due next; None when halted or at an end."""

    @abstractmethod
    def submit(self, order: BookOrder, at_us: int) -> None:
        """Enter a validated order; OrderRefused when it is post-only and would cross."""

    @abstractmethod
    def cancel(self, order: BookOrder, reason: str, at_us: int) -> None:
        """Take a resting order out of the book."""

    @abstractmethod
    def snapshot(self) -> BookSnapshot:
        """The published book."""

    def halt(self, at_us: int) -> None:
        """Let the market's time stand still."""
        self._halted_at_us = at_us

    def resume(self, at_us: int) -> None:
        """Let the market's time go on where it stopped."""
        if self._halted_at_us is None:
            raise AssertionError("resume without a halt")
        self._zero_us += at_us - self._halted_at_us
        self._halted_at_us = None

    @abstractmethod
    def check_grid(self, instrument: Instrument) -> None:
        """InstrumentError when the market cannot be told in this grid."""

    @abstractmethod
    def regrid(self, instrument: Instrument, at_us: int) -> None:
        """Go over to another grid, which the tape tells already; no order of an account rests."""
