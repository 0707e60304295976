"""Captures as they are named on a command line, and which format one is in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tradex_backtest.tapes.binance import BinanceFeed
from tradex_backtest.tapes.hftbacktest import HftbacktestFeed
from tradex_backtest.tapes.market import Feed
from tradex_backtest.tapes.rows import first_line
from tradex_backtest.tapes.tardis import BOOK_HEADER, TRADES_HEADER, TardisFeed, symbol_of
from tradex_sandbox.instruments import Instrument


class Format(Enum):
    """How a file tells a market."""

    STREAM = "stream"
    """Lines of receive time and message: whatever begins in no other way."""
    TARDIS_BOOK = "tardis book"
    TARDIS_TRADES = "tardis trades"
    HFTBACKTEST = "hftbacktest"


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


def captures_of(
    paths: Sequence[Path], symbols: Sequence[str], instruments: Sequence[Instrument]
) -> list[Capture]:
    """The markets in these files. Tardis' files of one symbol are one market; so are npz files of one name.

    An npz file does not tell its symbol: it has the only instrument's, else its own name up to a digit.
    """
    grids = {instrument.symbol: instrument for instrument in instruments}
    only = instruments[0] if len(instruments) == 1 else None
    found: list[Capture] = []
    joined: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        match format_of(path):
            case Format.STREAM:
                wanted: Sequence[str | None] = symbols or tuple(grids) or (None,)
                found += [Capture((path,), name, grids.get(name or "")) for name in wanted]
            case Format.HFTBACKTEST:
                name = only.symbol if only else re.split(r"[\d._-]", path.stem)[0]
                joined.setdefault(("npz", name), []).append(path)
            case Format.TARDIS_BOOK | Format.TARDIS_TRADES:
                joined.setdefault(("tardis", symbol_of(path)), []).append(path)
    found += [
        Capture(tuple(files), name, grids.get(name) or (only if kind == "npz" else None))
        for (kind, name), files in joined.items()
    ]
    return found


def format_of(path: Path) -> Format:
    """By what the file begins with."""
    if path.suffix == ".npz":
        return Format.HFTBACKTEST
    head = first_line(path)
    if BOOK_HEADER in head and head.startswith(b"exchange,"):
        return Format.TARDIS_BOOK
    return Format.TARDIS_TRADES if head.startswith(TRADES_HEADER) else Format.STREAM


def open_capture(capture: Capture) -> Feed:
    """The feed of a capture, at its time zero; CaptureError when it does not lead there."""
    formats = [format_of(path) for path in capture.paths]
    if formats[0] is Format.STREAM:
        return BinanceFeed(capture.paths[0], capture.symbol, capture.instrument)
    if formats[0] is Format.HFTBACKTEST:
        return HftbacktestFeed(capture.paths, capture.symbol or "", capture.instrument)
    kinds = list(zip(formats, capture.paths, strict=True))
    books, trades = (
        sorted(path for kind, path in kinds if kind is wanted)
        for wanted in (Format.TARDIS_BOOK, Format.TARDIS_TRADES)
    )
    return TardisFeed(books, trades, capture.instrument)
