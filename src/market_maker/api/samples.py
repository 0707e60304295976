"""What each symbol was like lately, for charts: bounded, in memory, since this process took the symbol.

Three spans with as many points each as a chart can show. A longer one takes a sample now and then rather than
an average: each point was true at its time. Gaps stay gaps.
"""

import time
from array import array
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Final

from market_maker.api.answers import SymbolSummary

COLUMNS: Final = (
    "mid",
    "our_bid",
    "our_ask",
    "others_bid",
    "others_ask",
    "spread_bps",
    "inventory",
    "pnl",
    "realized",
    "fees",
)
"""What is kept of a sample, besides its time: prices, bps, and amounts in quote currency."""

SPANS: Final = {"5m": (1.0, 300), "1h": (10.0, 360), "1d": (240.0, 360)}
"""Seconds between two points, and how many are kept."""
FORGOTTEN_S: Final = 86_400.0
"""A symbol that has not run here for so long is forgotten."""

_WIDTH = 1 + len(COLUMNS)


class Ring:
    """The latest points, each a time and the values of COLUMNS."""

    def __init__(self, every_s: float, count: int) -> None:
        self._every_s = every_s
        self._count = count
        self._values = array("d")
        self._next = 0
        self._due_s = 0.0

    def take(self, now_s: float, values: tuple[float, ...]) -> None:
        """Keep a point unless the last one is too near. `now_s` never goes back."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s * 0.95  # samples come about once a second, not to the moment
        if len(self._values) < self._count * _WIDTH:
            self._values.extend(values)
            return
        start = self._next * _WIDTH
        self._values[start : start + _WIDTH] = array("d", values)
        self._next = (self._next + 1) % self._count

    def columns(self) -> list[list[float]]:
        """The times and then each column, oldest first."""
        start = self._next * _WIDTH
        ordered = self._values[start:] + self._values[:start]
        return [ordered[index::_WIDTH].tolist() for index in range(_WIDTH)]


@dataclass(slots=True)
class _Kept:
    rings: dict[str, Ring]
    seen_s: float


class Samples:
    """The rings of every symbol that runs here."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def take(self, summary: SymbolSummary) -> None:
        """Keep what a symbol is like now."""
        self.take_at(summary, time.monotonic())

    def take_at(self, summary: SymbolSummary, now_s: float) -> None:
        """The same at a monotonic time."""
        kept = self._kept.get(summary.symbol)
        if kept is None:
            self._forget(now_s)
            rings = {span: Ring(every_s, count) for span, (every_s, count) in SPANS.items()}
            kept = self._kept[summary.symbol] = _Kept(rings, now_s)
        kept.seen_s = now_s
        values = _values(summary)
        for ring in kept.rings.values():
            ring.take(now_s, values)

    def columns(self, symbol: str, span: str) -> list[list[float]]:
        """Times (seconds since 1970) and columns of a span, oldest first; empty lists without a sample."""
        kept = self._kept.get(symbol)
        return [[] for _ in range(_WIDTH)] if kept is None else kept.rings[span].columns()

    def _forget(self, now_s: float) -> None:
        self._kept = {name: one for name, one in self._kept.items() if now_s - one.seen_s < FORGOTTEN_S}


def _values(summary: SymbolSummary) -> tuple[float, ...]:
    market, pnl = summary.market, summary.pnl
    prices: tuple[Decimal | None, ...] = (None,) * 4
    if market is not None:
        prices = (market.our_bid, market.our_ask, market.others_bid, market.others_ask)
    amounts = (summary.mid, *prices, summary.spread_bps, summary.inventory_usdt)
    amounts += (pnl.total, pnl.realized, pnl.fees)
    return (summary.at.timestamp(), *(nan if amount is None else float(amount) for amount in amounts))
