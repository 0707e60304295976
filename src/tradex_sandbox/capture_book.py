"""The crowd's book, rebuilt from a capture's snapshot and depth messages.

Joining: depth messages from before the snapshot are kept; those that end at or before its
`lastUpdateId` are dropped (spot; on futures, which carry `pu`, those that end before it); the first one
applied must span it. From then on each must follow the one before: `U` = previous `u` + 1 on spot,
`pu` = previous `u` on futures.
"""

from typing import NamedTuple

from tradex_sandbox.capture import CaptureLine, FieldError, exchange_time, integer, levels
from tradex_sandbox.capture_grid import Grid
from tradex_sandbox.order_book import BookSide, Change
from tradex_sandbox.orders import Side


class Told(NamedTuple):
    """The levels of one side that a depth message names, by price in ticks."""

    after: dict[int, int]
    """Lots after, which may be the same."""
    change: Change
    """Those that are not, and lots before."""

    def before(self, ticks: int) -> int:
        """Lots before, at one of these levels."""
        return self.change.before[list(self.after).index(ticks)]


class DepthIds(NamedTuple):
    """The update ids of a depth message; `previous` only on futures."""

    first: int
    last: int
    previous: int | None

    @classmethod
    def of(cls, message: CaptureLine) -> "DepthIds":
        """Read them; FieldError."""
        data = message.data
        previous = integer(data, "pu") if "pu" in data else None
        ids = cls(integer(data, "U"), integer(data, "u"), previous)
        if ids.last < ids.first:
            raise FieldError(f"field 'u' {ids.last} must not be below 'U' {ids.first}")
        return ids

    def precedes(self, snapshot_id: int) -> bool:
        """Whether the snapshot already contains all of it."""
        return self.last < snapshot_id if self.previous is not None else self.last <= snapshot_id

    def spans(self, snapshot_id: int) -> bool:
        """Whether it takes the snapshot's book on without a hole."""
        if self.previous is not None:
            return self.first <= snapshot_id <= self.last or self.previous == snapshot_id
        return self.first <= snapshot_id + 1 <= self.last

    def follows(self, last: int) -> bool:
        """Whether nothing is missing after `last`."""
        return self.previous == last if self.previous is not None else self.first == last + 1


class CrowdBook:
    """The recorded book in ticks and lots, at the depth message that was applied last."""

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.at = 0
        """Exchange time of the depth message that was applied last."""
        self._last_id: int | None = None

    def side(self, side: Side) -> BookSide:
        """One side."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def top(self) -> tuple[int | None, int | None]:
        """Best bid and ask in ticks."""
        return self.bids.best, self.asks.best

    def load(self, snapshot: CaptureLine, grid: Grid) -> None:
        """Begin with the snapshot; FieldError."""
        self.bids.replace(grid.levels(levels(snapshot.data, "bids")).items())
        self.asks.replace(grid.levels(levels(snapshot.data, "asks")).items())
        self._last_id = None
        self._check_uncrossed()

    def apply(self, message: CaptureLine, ids: DepthIds, grid: Grid) -> tuple[Told, Told]:
        """Apply a depth message; the bids and asks that it tells.

        FieldError for a gap, a crossed book or a bad level; the book is then as it was before.
        """
        if self._last_id is not None and not ids.follows(self._last_id):
            told = f"pu {ids.previous}" if ids.previous is not None else f"U {ids.first}"
            raise FieldError(
                f"depth message with {told} does not follow update {self._last_id}: lines are missing; "
                "record or fetch the capture again"
            )
        at, data = exchange_time(message), message.data
        changes = self.change(at, grid.levels(levels(data, "b")), grid.levels(levels(data, "a")))
        self._last_id = ids.last
        return changes

    def change(self, at: int, bids: dict[int, int], asks: dict[int, int]) -> tuple[Told, Told]:
        """Set these levels (ticks -> lots) as of an exchange time; the bids and asks that this tells.

        FieldError for a crossed book, which is then as it was before.
        """
        told = _apply(self.bids, bids), _apply(self.asks, asks)
        try:
            self._check_uncrossed()
        except FieldError:
            for side, (after, change) in zip((self.bids, self.asks), told, strict=True):
                side.apply(dict(zip(after, change.before, strict=True)))
            raise
        self.at = at
        return told

    def scale(self, tick_factor: int, lot_factor: int) -> None:
        """Tell the same book in a grid that is finer by these factors."""
        self.bids.scale(tick_factor, lot_factor)
        self.asks.scale(tick_factor, lot_factor)

    def _check_uncrossed(self) -> None:
        bid, ask = self.top
        if bid is not None and ask is not None and bid >= ask:
            raise FieldError(
                f"the rebuilt book is crossed: best bid {bid} >= best ask {ask} (in ticks); "
                "record or fetch the capture again"
            )


def _apply(side: BookSide, after: dict[int, int]) -> Told:
    return Told(after, side.apply(after))
