"""What each symbol was like lately, for charts: bounded, in memory, since this process took the symbol.

Three spans with as many points each as a chart can show. A longer one takes a sample now and then rather than
an average: each point was true at its time. What was not known then is a gap, as is a time without samples.
"""

import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Final

from market_maker.api.answers import SymbolSummary
from market_maker.core.states import State

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
        late_s = now_s - self._due_s
        if late_s < 0:
            return
        if self._values and late_s > 2 * self._every_s:
            self._keep((values[0] - late_s, *(nan for _ in COLUMNS)))
        self._due_s = now_s + self._every_s * 0.95  # samples come about once a second, not to the moment
        self._keep(values)

    def _keep(self, values: tuple[float, ...]) -> None:
        if self._values and values[0] <= self._values[(self._next - 1) * _WIDTH]:
            self._forget_from(values[0])
        if len(self._values) < self._count * _WIDTH:
            self._values.extend(values)
            return
        start = self._next * _WIDTH
        self._values[start : start + _WIDTH] = array("d", values)
        self._next = (self._next + 1) % self._count

    def _forget_from(self, time_s: float) -> None:
        """The wall clock was set back: points stand in order, so those of times that come again go."""
        ordered = self._ordered()
        self._values, self._next = ordered[: bisect_left(ordered[::_WIDTH], time_s) * _WIDTH], 0

    def _ordered(self) -> "array[float]":
        start = self._next * _WIDTH
        return self._values[start:] + self._values[:start]

    def columns(self, until: float) -> list[list[float]]:
        """The times and then each column, oldest first, of the span that ends then."""
        ordered = self._ordered()
        first = bisect_left(ordered[::_WIDTH], until - self._every_s * self._count)
        return [ordered[first * _WIDTH + index :: _WIDTH].tolist() for index in range(_WIDTH)]


@dataclass(slots=True)
class _Kept:
    rings: dict[str, Ring]
    seen_s: float


class Samples:
    """The rings of every symbol that runs here."""

    def __init__(self, stale_ms: int = 5_000) -> None:
        """A price older than `stale_ms` says nothing of now."""
        self._stale_ms = stale_ms
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
        values = _values(summary, self._stale_ms)
        for ring in kept.rings.values():
            ring.take(now_s, values)

    def columns(self, symbol: str, span: str, until: float) -> list[list[float]]:
        """Times (seconds since 1970) and columns of a span, oldest first; empty lists without a sample."""
        kept = self._kept.get(symbol)
        return [[] for _ in range(_WIDTH)] if kept is None else kept.rings[span].columns(until)

    def _forget(self, now_s: float) -> None:
        self._kept = {name: one for name, one in self._kept.items() if now_s - one.seen_s < FORGOTTEN_S}


def _values(summary: SymbolSummary, stale_ms: int) -> tuple[float, ...]:
    market, pnl = summary.market, summary.pnl
    is_flat = not summary.position
    # A halted symbol no longer follows the market: its last prices are true no more.
    follows = summary.state.value is not State.HALTED
    has_mid = follows and summary.book.valid and _is_young(summary.book.age_ms, stale_ms)
    is_valued = is_flat or (follows and _is_young(pnl.price_age_ms, stale_ms))
    ours: tuple[Decimal | None, Decimal | None] = (None, None)
    others = ours
    if market is not None:
        ours = market.our_bid, market.our_ask
        others = (market.others_bid, market.others_ask) if has_mid else others
    amounts = (
        summary.mid if has_mid else None,
        *ours,
        *others,
        summary.spread_bps if has_mid else None,
        summary.inventory_usdt if has_mid or is_flat else None,
        pnl.total if is_valued else None,
        pnl.realized,
        pnl.fees,
    )
    return (summary.at.timestamp(), *(nan if amount is None else float(amount) for amount in amounts))


def _is_young(age_ms: int | None, stale_ms: int) -> bool:
    return age_ms is not None and age_ms <= stale_ms
