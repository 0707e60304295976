"""What was published, kept for the demo's checks: the top of book per sequence."""

from array import array
from decimal import Decimal

TOPS_KEPT = 200_000
"""How many sequences per symbol stay on record."""

EMPTY_SIDE = 0
"""No price is zero ticks, so zero stands for a side without orders."""


class PublishedTops:
    """Best bid and ask for the most recent book sequences, in a ring of fixed size."""

    def __init__(self, tick_size: Decimal, size: int = TOPS_KEPT) -> None:
        self._size = size
        self._bids = array("q", bytes(8 * size))
        self._asks = array("q", bytes(8 * size))
        self._last = 0
        self._tick_sizes = [(1, tick_size)]
        """(first sequence, tick size) of each grid that the book was told in."""

    def regrid(self, tick_size: Decimal) -> None:
        """Ticks mean `tick_size` from the next sequence on."""
        self._tick_sizes.append((self._last + 1, tick_size))

    def record(self, sequence: int, best_bid: int | None, best_ask: int | None) -> None:
        """Note the top, in ticks, at `sequence`, which must follow the last one."""
        if sequence != self._last + 1:
            raise AssertionError(f"published sequence {sequence} after {self._last}")
        if best_bid is not None and best_ask is not None and best_bid >= best_ask:
            raise AssertionError(f"sequence {sequence}: published book is crossed, {best_bid} >= {best_ask}")
        self._bids[sequence % self._size] = best_bid or EMPTY_SIDE
        self._asks[sequence % self._size] = best_ask or EMPTY_SIDE
        self._last = sequence

    def at(self, sequence: int) -> tuple[Decimal | None, Decimal | None] | None:
        """The top's prices at `sequence`; None when it was never published or is no longer on record."""
        if not max(0, self._last - self._size) < sequence <= self._last:
            return None
        tick = next(size for first, size in reversed(self._tick_sizes) if first <= sequence)
        bid, ask = self._bids[sequence % self._size], self._asks[sequence % self._size]
        return tick * bid if bid else None, tick * ask if ask else None
