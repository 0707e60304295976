"""The order book of one symbol: snapshots, deltas, the sequence rule, and when not to trust it."""

from collections.abc import Mapping
from enum import Enum

from market_maker.core.book.levels import (
    ABOVE_ANY_PRICE,
    BELOW_ANY_PRICE,
    highest_from,
    lowest_from,
    snapshot_problem,
)
from market_maker.core.events import BookDelta, BookSnapshot
from market_maker.core.side import Side

PENDING_DELTAS_MAX = 1000
"""Deltas kept while the book waits for a snapshot; beyond it the oldest is dropped."""

RENUMBERED_AFTER_NS = 1_000_000_000
"""A snapshot with a lower sequence than a valid book, but data this much newer, starts a new numbering;
topics are not that far apart."""


class BookChange(Enum):
    """What a message did to the book."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """Nothing: the book already holds it."""
    BUFFERED = "buffered"
    """Kept until a snapshot comes."""
    GAP = "gap"
    """The book is invalid: messages are missing."""
    CROSSED = "crossed"
    """The book is invalid: its best bid is at or above its best ask."""
    MALFORMED = "malformed"
    """The book is invalid: the message cannot describe a book."""


_APPLIED = BookChange.APPLIED


class OrderBook:
    """The book of one symbol as the exchange published it, our own orders included.

    Prices are ticks, quantities lots. The best prices mean something only while `valid`.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_highest",
        "_lowest",
        "_pending",
        "best_ask",
        "best_bid",
        "data_ns",
        "deltas",
        "duplicates",
        "exchange_us",
        "gaps",
        "invalid_reason",
        "sequence",
        "snapshots",
        "valid",
    )

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._pending: dict[int, BookDelta] = {}
        """Deltas that wait for a snapshot, by sequence, in order of arrival."""
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        self._highest = BELOW_ANY_PRICE
        """The best bid as a number that can always be compared ..."""
        self._lowest = ABOVE_ANY_PRICE
        """... and the best ask."""
        self.sequence = 0
        self.valid = False
        self.invalid_reason = "no snapshot yet"
        self.data_ns: int | None = None
        """When the last applied message was true at its source (monotonic)."""
        self.exchange_us = 0
        """The exchange's time of the last applied message, microseconds since 1970 UTC; 0: none yet."""
        self.deltas = 0
        self.snapshots = 0
        self.duplicates = 0
        self.gaps = 0
        """How often a valid book lost its sequence."""

    def apply_delta(self, delta: BookDelta) -> BookChange:  # noqa: C901, PLR0912 -- a call a side costs a fifth
        """Change the levels of `delta`; it must follow the book's sequence exactly."""
        sequence = self.sequence
        if not self.valid or delta.prev_sequence != sequence or delta.sequence <= sequence:
            return self._put_aside(delta)
        for ticks, lots in delta.bids:
            if lots > 0:
                self._bids[ticks] = lots
                if ticks > self._highest:
                    self.best_bid = self._highest = ticks
            elif lots == 0:
                self._bids.pop(ticks, None)
                if ticks == self._highest:
                    self.best_bid = highest_from(self._bids, ticks - 1)
                    self._highest = self.best_bid or BELOW_ANY_PRICE
            else:
                return self._impossible(delta, f"{lots} lots at bid {ticks}")
        for ticks, lots in delta.asks:
            if lots > 0:
                self._asks[ticks] = lots
                if ticks < self._lowest:
                    self.best_ask = self._lowest = ticks
            elif lots == 0:
                self._asks.pop(ticks, None)
                if ticks == self._lowest:
                    self.best_ask = lowest_from(self._asks, ticks + 1)
                    self._lowest = self.best_ask or ABOVE_ANY_PRICE
            else:
                return self._impossible(delta, f"{lots} lots at ask {ticks}")
        if self._highest >= self._lowest:
            self._keep(delta)
            return self._distrust_crossed()
        self.sequence = delta.sequence
        self.data_ns = delta.data_ns
        self.exchange_us = delta.exchange_us
        self.deltas += 1
        return _APPLIED

    def apply_snapshot(self, snapshot: BookSnapshot) -> BookChange:
        """Replace the book by `snapshot` and the kept deltas that follow it.

        A snapshot that is not newer than a valid book is dropped; at the same sequence it still
        proves how fresh the book is.
        """
        sequence = snapshot.sequence
        if self._is_late(snapshot):
            self.duplicates += 1
            return BookChange.DUPLICATE
        self.snapshots += 1
        problem = snapshot_problem(snapshot)
        if problem:
            return self._distrust_malformed(problem)
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self._set_best(max(self._bids, default=None), min(self._asks, default=None))
        self.sequence = sequence
        self.data_ns = snapshot.data_ns
        self.exchange_us = snapshot.exchange_us
        if self._highest >= self._lowest:
            return self._distrust_crossed()
        self.valid = True
        self.invalid_reason = ""
        return self._apply_pending()

    def invalidate(self, reason: str) -> None:
        """Distrust the book until the next snapshot; deltas are kept from here on."""
        self.valid = False
        self.invalid_reason = reason

    def reset(self, reason: str) -> None:
        """Forget the book and the deltas kept for it: ticks and lots no longer mean the same."""
        self._bids = {}
        self._asks = {}
        self._pending = {}
        self._set_best(None, None)
        self.data_ns = None
        self.sequence = 0
        self.invalidate(reason)

    def lots_at(self, side: Side, ticks: int) -> int:
        """Lots resting at a price; 0 when there is no level."""
        return (self._bids if side is Side.BUY else self._asks).get(ticks, 0)

    def levels(self, side: Side) -> Mapping[int, int]:
        """Lots by price of a side, as published; for reading."""
        return self._bids if side is Side.BUY else self._asks

    def _is_late(self, snapshot: BookSnapshot) -> bool:
        """Whether the book, or what is known to have followed it, is as new as the snapshot.

        A lower sequence with newer data is no late snapshot: the exchange restarted its numbering.
        """
        if self.data_ns is None:
            return False
        newer_ns = snapshot.data_ns - self.data_ns
        if not self.valid:
            return snapshot.sequence < self.sequence and newer_ns <= 0
        if snapshot.sequence == self.sequence:
            self.data_ns += max(newer_ns, 0)
            return True
        return snapshot.sequence < self.sequence and newer_ns < RENUMBERED_AFTER_NS

    def _put_aside(self, delta: BookDelta) -> BookChange:
        if not self.valid:
            return self._keep(delta)
        if delta.sequence <= self.sequence:
            self.duplicates += 1
            return BookChange.DUPLICATE
        self.gaps += 1
        self.invalidate(f"gap: delta follows {delta.prev_sequence}, the book is at {self.sequence}")
        self._keep(delta)
        return BookChange.GAP

    def _keep(self, delta: BookDelta) -> BookChange:
        """Keep a delta until a snapshot comes.

        One that broke the book is kept too: then an older snapshot that arrives late cannot pass for
        the present book.
        """
        pending = self._pending
        if delta.sequence in pending:
            self.duplicates += 1
            return BookChange.DUPLICATE
        if pending and delta.sequence < next(reversed(pending)):
            # The stream went back: either all of it comes again, or the numbering restarted.
            pending.clear()
        if len(pending) >= PENDING_DELTAS_MAX:
            del pending[next(iter(pending))]
        pending[delta.sequence] = delta
        return BookChange.BUFFERED

    def _apply_pending(self) -> BookChange:
        """Apply the kept deltas that follow the snapshot; from the first that does not, keep them on."""
        kept = [delta for delta in self._pending.values() if delta.sequence > self.sequence]
        self._pending = {}
        for index, delta in enumerate(kept):
            if delta.prev_sequence == self.sequence:
                change = self.apply_delta(delta)
            else:
                self.invalidate(f"gap: delta follows {delta.prev_sequence}, the book is at {self.sequence}")
                change = BookChange.GAP
            if change is not BookChange.APPLIED:
                self._pending = {later.sequence: later for later in kept[index:]}
                return change
        return BookChange.APPLIED

    def _set_best(self, best_bid: int | None, best_ask: int | None) -> None:
        self.best_bid, self.best_ask = best_bid, best_ask
        self._highest, self._lowest = best_bid or BELOW_ANY_PRICE, best_ask or ABOVE_ANY_PRICE

    def _impossible(self, delta: BookDelta, what: str) -> BookChange:
        self._keep(delta)
        return self._distrust_malformed(f"delta has {what}")

    def _distrust_crossed(self) -> BookChange:
        self.invalidate(f"crossed: best bid {self.best_bid} is not below best ask {self.best_ask} (ticks)")
        return BookChange.CROSSED

    def _distrust_malformed(self, problem: str) -> BookChange:
        self.invalidate(f"malformed: {problem}")
        return BookChange.MALFORMED
