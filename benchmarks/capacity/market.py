"""A synthetic order book that changes as often as it is told to: pure, seeded, never crossed.

One tick is one bps of the start price. Most changes touch the quantity of one to four levels, as in
recorded markets; now and then the whole book moves by a tick, so that the service has to requote.
"""

from random import Random
from typing import Final

START_TICKS: Final = 10_000
DEPTH: Final = 20
"""Levels a side."""
LOTS_MAX: Final = 5_000
VOLATILITY_TICKS: Final = 3.0
"""Standard deviation of the mid over one second; the service requotes each five ticks by default."""
LEVELS_TOUCHED: Final = (1, 2, 2, 3, 4)

Changes = tuple[list[tuple[int, int]], list[tuple[int, int]]]
"""Bids and asks as (ticks, lots); zero lots removes a level."""


class SyntheticBook:
    """One symbol's market."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self._mid = START_TICKS
        self._lots = dict.fromkeys(self._window(), LOTS_MAX // 2)

    def change(self, changes_per_s: float) -> Changes:
        """The next change; `changes_per_s` keeps the volatility per second the same at every rate."""
        if self._random.random() < min(1.0, VOLATILITY_TICKS**2 / changes_per_s):
            return self._move(1 if self._random.random() < self._pull() else -1)
        return self._requantify()

    def levels(self) -> Changes:
        """The whole book, each side from its best price outwards."""
        bids = [(ticks, self._lots[ticks]) for ticks in range(self._mid - 1, self._mid - 1 - DEPTH, -1)]
        asks = [(ticks, self._lots[ticks]) for ticks in range(self._mid + 1, self._mid + 1 + DEPTH)]
        return bids, asks

    def _pull(self) -> float:
        """The chance of a step up: the further from the start, the more it leans back."""
        return 0.5 - (self._mid - START_TICKS) / START_TICKS

    def _window(self) -> list[int]:
        return [self._mid + away for away in range(-DEPTH, DEPTH + 1) if away]

    def _requantify(self) -> Changes:
        bids: list[tuple[int, int]] = []
        asks: list[tuple[int, int]] = []
        for _ in range(self._random.choice(LEVELS_TOUCHED)):
            away = 1 + int(self._random.random() ** 2 * DEPTH)  # near the top more often
            lots = 1 + int(self._random.random() * LOTS_MAX)
            side, ticks = (
                (bids, self._mid - away) if self._random.random() < 0.5 else (asks, self._mid + away)
            )
            self._lots[ticks] = lots
            side.append((ticks, lots))
        return bids, asks

    def _move(self, step: int) -> Changes:
        """The whole book one tick up or down: one level goes and one comes at each side's end."""
        gone, came = self._mid - step * DEPTH, self._mid + step * (DEPTH + 1)
        crossed, freed = self._mid + step, self._mid
        self._mid += step
        del self._lots[gone]
        self._lots[came] = self._lots.pop(crossed)
        self._lots[freed] = LOTS_MAX // 2
        behind = [(gone, 0), (freed, self._lots[freed])]
        ahead = [(crossed, 0), (came, self._lots[came])]
        return (behind, ahead) if step > 0 else (ahead, behind)
