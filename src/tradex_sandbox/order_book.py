"""One side of an aggregated book in whole ticks and lots, with its best price always at hand."""

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import NamedTuple

from tradex_sandbox.orders import Side

WALK_TICKS_MAX = 1000
"""How far the next best price is looked for tick by tick before all levels are scanned: a recorded side has
some thousands of levels, and looking at one costs what a step does."""


class Change(NamedTuple):
    """What a message that tells absolute quantities does."""

    after: dict[int, int]
    """The levels that became others: price in ticks -> lots."""
    before: list[int]
    """Lots before of all that it tells, in its order."""


class BookSide:
    """Price levels of one side: ticks -> lots, none of them zero."""

    __slots__ = ("_levels", "_step", "best", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.best: int | None = None
        """Best price in ticks, None when the side is empty."""
        self._levels: dict[int, int] = {}
        self._step = -1 if side is Side.BUY else 1

    def levels(self) -> dict[int, int]:
        """A copy of every level."""
        return dict(self._levels)

    def lots(self, ticks: int) -> int:
        """Quantity at a price, 0 when there is none."""
        return self._levels.get(ticks, 0)

    def apply(self, told: Mapping[int, int]) -> Change:
        """Set absolute quantities (ticks -> lots); what that changes."""
        levels = self._levels
        before = [*map(levels.get, told, repeat(0))]
        after = {ticks: lots for (ticks, lots), was in zip(told.items(), before, strict=True) if lots != was}
        if not after:
            return Change(after, before)
        levels.update(after)
        for ticks, lots in after.items():
            if not lots:
                del levels[ticks]
        best = self.best
        if best is None:
            self.best = self._scan()
            return Change(after, before)
        # A level that was empty and is told as empty is no change, so the outermost one that is new stands.
        outermost = max(after) if self._step < 0 else min(after)
        if (best - outermost) * self._step > 0:
            self.best = outermost
        elif best not in levels:
            self.best = self._next_best(best)
        return Change(after, before)

    def replace(self, levels: Iterable[tuple[int, int]]) -> None:
        """Make `levels` the whole side."""
        self._levels = {ticks: lots for ticks, lots in levels if lots}
        self.best = self._scan()

    def scale(self, tick_factor: int, lot_factor: int) -> None:
        """Tell the same levels in a grid that is finer by these whole factors."""
        self.replace([(ticks * tick_factor, lots * lot_factor) for ticks, lots in self._levels.items()])

    def _next_best(self, ticks: int) -> int | None:
        levels, step = self._levels, self._step
        for price in range(ticks + step, ticks + step * WALK_TICKS_MAX, step):
            if price in levels:
                return price
        return self._scan()

    def _scan(self) -> int | None:
        if not self._levels:
            return None
        return max(self._levels) if self.side is Side.BUY else min(self._levels)
