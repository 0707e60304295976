"""Captures as they are named on a command line, and which format one is in."""

from dataclasses import dataclass
from pathlib import Path

from tradex_backtest.tapes.binance import BinanceFeed
from tradex_backtest.tapes.market import Feed
from tradex_sandbox.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Capture:
    """One recorded market: the files that hold it, and its grid where that is given."""

    paths: tuple[Path, ...]
    symbol: str | None = None
    instrument: Instrument | None = None

    @property
    def name(self) -> str:
        """How reports call it."""
        return " + ".join(path.name for path in self.paths)


def open_capture(capture: Capture) -> Feed:
    """The feed of a capture, at its time zero; CaptureError when it does not lead there."""
    return BinanceFeed(capture.paths[0], capture.symbol, capture.instrument)
