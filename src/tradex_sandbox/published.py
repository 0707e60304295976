"""What was published, kept for checks: the top of book per sequence, as everybody and as others see it."""

from array import array
from decimal import Decimal
from typing import Protocol

TOPS_KEPT = 200_000
"""How many sequences per symbol stay on record."""

EMPTY_SIDE = 0
"""No price is zero ticks, so zero stands for a side without orders."""

TopTicks = tuple[int | None, int | None]
"""Best bid and ask in ticks; None for an empty side."""
TopPrices = tuple[Decimal | None, Decimal | None]
"""The same in quote currency."""


class Book(Protocol):
    """A book that knows whose its orders are."""

    @property
    def top(self) -> TopTicks:
        """Of everybody."""
        ...

    def top_without(self, account_id: str) -> TopTicks:
        """Of everybody but one account."""
        ...


class PublishedTops:
    """Best bid and ask for the most recent book sequences from `first` on, in a ring of fixed size."""

    def __init__(self, tick_size: Decimal, first: int = 1, size: int = TOPS_KEPT) -> None:
        self.first = first
        self._size = size
        self._bids = array("q")
        self._asks = array("q")
        self._last = first - 1
        self._tick_sizes = [(first, tick_size)]
        """(first sequence, tick size) of each grid that the book was told in."""

    def regrid(self, tick_size: Decimal) -> None:
        """Ticks mean `tick_size` from the next sequence on."""
        self._tick_sizes.append((self._last + 1, tick_size))

    def record(self, sequence: int, top: TopTicks) -> None:
        """Note the top, in ticks, at `sequence`, which must follow the last one."""
        best_bid, best_ask = top
        if sequence != self._last + 1:
            raise AssertionError(f"published sequence {sequence} after {self._last}")
        if best_bid is not None and best_ask is not None and best_bid >= best_ask:
            raise AssertionError(f"sequence {sequence}: published book is crossed, {best_bid} >= {best_ask}")
        self._keep(self._bids, sequence, best_bid)
        self._keep(self._asks, sequence, best_ask)
        self._last = sequence

    def at(self, sequence: int) -> TopPrices | None:
        """The top's prices at `sequence`; None when it was never published or is no longer on record."""
        if not max(self.first - 1, self._last - self._size) < sequence <= self._last:
            return None
        tick = next(size for first, size in reversed(self._tick_sizes) if first <= sequence)
        place = (sequence - self.first) % self._size
        bid, ask = self._bids[place], self._asks[place]
        return tick * bid if bid else None, tick * ask if ask else None

    def _keep(self, ring: "array[int]", sequence: int, best: int | None) -> None:
        if len(ring) < self._size:
            ring.append(best or EMPTY_SIDE)
        else:
            ring[(sequence - self.first) % self._size] = best or EMPTY_SIDE


class PublishedRecord:
    """The published tops of one symbol, and for each account that has traded those of everybody else."""

    def __init__(self, tick_size: Decimal) -> None:
        self.tops = PublishedTops(tick_size)
        self._tick_size = tick_size
        self._others: dict[str, PublishedTops] = {}

    def watch(self, account_id: str, next_sequence: int) -> None:
        """From the next sequence on keep what others are for this account: it may now have orders."""
        if account_id not in self._others:
            self._others[account_id] = PublishedTops(self._tick_size, next_sequence)

    def record(self, sequence: int, book: Book) -> None:
        """Note the book's tops at a sequence."""
        self.tops.record(sequence, book.top)
        for account_id, others in self._others.items():
            others.record(sequence, book.top_without(account_id))

    def regrid(self, tick_size: Decimal) -> None:
        """Ticks mean `tick_size` from the next sequence on."""
        self._tick_size = tick_size
        for tops in (self.tops, *self._others.values()):
            tops.regrid(tick_size)

    def others_at(self, sequence: int, account_id: str) -> TopPrices | None:
        """Best bid and ask without the account's orders; None when not on record."""
        others = self._others.get(account_id)
        if others is None or sequence < others.first:
            return self.tops.at(sequence)
        return others.at(sequence)
