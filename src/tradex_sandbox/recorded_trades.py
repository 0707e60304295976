"""Recorded trades, and those on one side of a book that the recorded levels may not show yet."""

from collections.abc import Mapping
from typing import NamedTuple

from tradex_sandbox.orders import Side


class RecordedTrade(NamedTuple):
    """A trade of others; `traded_at` is its exchange time, comparable with that of the crowd's levels."""

    trade_id: str
    ticks: int
    lots: int
    taker_side: Side
    traded_at: int


class Takers:
    """When the taker of each recorded trade came: all trades of one order have the time of its first.

    They follow each other and have side and exchange time in common. A market's clock follows the times of
    receipt, at which each of them is another.
    """

    def __init__(self) -> None:
        self._latest: tuple[int, Side] | None = None
        self._came_us = 0

    def came_us(self, trade: RecordedTrade, at_us: int) -> int:
        """When the taker of the next trade came; the trade happens at `at_us`."""
        taker = trade.traded_at, trade.taker_side
        if taker != self._latest:
            self._latest, self._came_us = taker, at_us
        return self._came_us


class RecordedTrades:
    """Lots traded at each price and when, until a depth message of that time or later names the price."""

    def __init__(self) -> None:
        self._trades: dict[int, list[tuple[int, int]]] = {}
        """Price in ticks -> (exchange time, lots)."""

    def add(self, ticks: int, lots: int, at: int) -> None:
        """Lots changed hands at a price."""
        self._trades.setdefault(ticks, []).append((at, lots))

    def until(self, ticks: int, at: int) -> int:
        """Lots of the trades that a level as of this time contains."""
        return sum(lots for traded_at, lots in self._trades.get(ticks, ()) if traded_at <= at)

    def after(self, ticks: int, at: int) -> int:
        """Lots of the trades that a level as of this time does not contain."""
        return sum(lots for traded_at, lots in self._trades.get(ticks, ()) if traded_at > at)

    def named(self, levels: Mapping[int, object], at: int) -> None:
        """A depth message told these levels as of this time: what they contain is forgotten."""
        for ticks in self._trades.keys() & levels.keys():
            if later := [one for one in self._trades[ticks] if one[0] > at]:
                self._trades[ticks] = later
            else:
                del self._trades[ticks]

    def scale(self, tick_factor: int, lot_factor: int) -> None:
        """Follow the book into a grid that is finer by these factors."""
        self._trades = {
            ticks * tick_factor: [(at, lots * lot_factor) for at, lots in trades]
            for ticks, trades in self._trades.items()
        }
