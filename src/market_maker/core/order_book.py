"""The order book of one symbol: snapshot, deltas, the sequence rule, and the best prices without our own.

Two plain dictionaries from ticks to lots with cached best prices. The next best after a removal is
found by walking tick by tick, which in a dense book ends after a step or two; past a hole of
HOLE_TICKS the whole side is scanned once instead.
"""

from collections.abc import Mapping
from enum import Enum

from market_maker.core.events import BookDelta, BookSnapshot, Levels, Side

HOLE_TICKS = 64
"""How far to walk for the next best price before scanning the whole side."""

PENDING_DELTAS_MAX = 1000
"""Deltas kept while the book waits for a snapshot; beyond it the oldest is dropped."""


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


class OrderBook:
    """The book of one symbol as the exchange published it, our own orders included.

    Prices are ticks, quantities lots. The best prices mean something only while `valid`.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_pending",
        "best_ask",
        "best_bid",
        "crossed",
        "data_ns",
        "deltas",
        "duplicates",
        "gaps",
        "invalid_reason",
        "malformed",
        "sequence",
        "snapshots",
        "unjoined",
        "valid",
    )

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._pending: dict[int, BookDelta] = {}
        """Deltas that wait for a snapshot, by sequence, in order of arrival."""
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        self.sequence = 0
        self.valid = False
        self.invalid_reason = "no snapshot yet"
        self.data_ns: int | None = None
        """When the last applied message was true at its source (monotonic)."""
        self.deltas = 0
        self.snapshots = 0
        self.duplicates = 0
        self.gaps = 0
        """How often a valid book lost its sequence."""
        self.unjoined = 0
        """How often a snapshot was useless because the deltas kept so far do not follow it."""
        self.crossed = 0
        self.malformed = 0

    def apply_delta(self, delta: BookDelta) -> BookChange:
        """Change the levels of `delta`; it must follow the book's sequence exactly."""
        if not self.valid:
            return self._keep(delta)
        sequence = self.sequence
        if delta.sequence <= sequence:
            self.duplicates += 1
            return BookChange.DUPLICATE
        if delta.prev_sequence != sequence:
            self.gaps += 1
            self.invalidate(f"gap: delta follows {delta.prev_sequence}, the book is at {sequence}")
            self._keep(delta)
            return BookChange.GAP
        change = self._apply(delta)
        if change is not BookChange.APPLIED:
            # Kept so that an older snapshot, arriving late, cannot pass for the present book.
            self._keep(delta)
        return change

    def apply_snapshot(self, snapshot: BookSnapshot) -> BookChange:
        """Replace the book by `snapshot` and the kept deltas that follow it.

        A snapshot that is not newer than a valid book is dropped. An invalid book also takes one
        with a lower sequence (the exchange may have restarted its numbering) unless its data is
        older as well: then it is a late one.
        """
        sequence = snapshot.sequence
        if self.valid:
            late = sequence <= self.sequence
        else:
            late = sequence < self.sequence and self.data_ns is not None and snapshot.data_ns <= self.data_ns
        if late:
            self.duplicates += 1
            return BookChange.DUPLICATE
        self.snapshots += 1
        problem = _problem(snapshot)
        if problem:
            self.malformed += 1
            self.invalidate(problem)
            return BookChange.MALFORMED
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self.best_bid = max(self._bids, default=None)
        self.best_ask = min(self._asks, default=None)
        self.sequence = sequence
        self.data_ns = snapshot.data_ns
        if self._is_crossed():
            return self._invalidate_crossed()
        self.valid = True
        self.invalid_reason = ""
        return self._apply_pending()

    def invalidate(self, reason: str) -> None:
        """Distrust the book until the next snapshot; deltas are kept from here on."""
        self.valid = False
        self.invalid_reason = reason

    def lots_at(self, side: Side, ticks: int) -> int:
        """Lots resting at a price; 0 when there is no level."""
        return (self._bids if side is Side.BUY else self._asks).get(ticks, 0)

    def best_bid_without(self, own: Mapping[int, int]) -> int | None:
        """Highest bid with more lots than our own orders there; `own` maps ticks to our lots."""
        best, bids = self.best_bid, self._bids
        if best is None or bids[best] > own.get(best, 0):
            return best
        for ticks in range(best - 1, best - HOLE_TICKS, -1):
            if bids.get(ticks, 0) > own.get(ticks, 0):
                return ticks
        return max((ticks for ticks, lots in bids.items() if lots > own.get(ticks, 0)), default=None)

    def best_ask_without(self, own: Mapping[int, int]) -> int | None:
        """Lowest ask with more lots than our own orders there; `own` maps ticks to our lots."""
        best, asks = self.best_ask, self._asks
        if best is None or asks[best] > own.get(best, 0):
            return best
        for ticks in range(best + 1, best + HOLE_TICKS):
            if asks.get(ticks, 0) > own.get(ticks, 0):
                return ticks
        return min((ticks for ticks, lots in asks.items() if lots > own.get(ticks, 0)), default=None)

    def _apply(self, delta: BookDelta) -> BookChange:
        try:
            best_bid = _apply_bids(self._bids, self.best_bid, delta.bids)
            best_ask = _apply_asks(self._asks, self.best_ask, delta.asks)
        except _ImpossibleLevelError as impossible:
            self.malformed += 1
            self.invalidate(f"malformed: delta has {impossible}")
            return BookChange.MALFORMED
        self.best_bid = best_bid
        self.best_ask = best_ask
        if best_bid is not None and best_ask is not None and best_bid >= best_ask:
            return self._invalidate_crossed()
        self.sequence = delta.sequence
        self.data_ns = delta.data_ns
        self.deltas += 1
        return BookChange.APPLIED

    def _keep(self, delta: BookDelta) -> BookChange:
        pending = self._pending
        if delta.sequence in pending:
            self.duplicates += 1
            return BookChange.DUPLICATE
        if pending and delta.sequence < next(reversed(pending)):
            # The stream restarted at an earlier point: what was kept belongs to another numbering,
            # or comes again.
            pending.clear()
        if len(pending) >= PENDING_DELTAS_MAX:
            del pending[next(iter(pending))]
        pending[delta.sequence] = delta
        return BookChange.BUFFERED

    def _apply_pending(self) -> BookChange:
        pending, self._pending = self._pending, {}
        kept = [delta for sequence, delta in pending.items() if sequence > self.sequence]
        for index, delta in enumerate(kept):
            if delta.prev_sequence == self.sequence:
                change = self._apply(delta)
            else:
                self.unjoined += 1
                self.invalidate(f"gap: delta follows {delta.prev_sequence}, the book is at {self.sequence}")
                change = BookChange.GAP
            if change is not BookChange.APPLIED:
                self._pending = {later.sequence: later for later in kept[index:]}
                return change
        return BookChange.APPLIED

    def _is_crossed(self) -> bool:
        return self.best_bid is not None and self.best_ask is not None and self.best_bid >= self.best_ask

    def _invalidate_crossed(self) -> BookChange:
        self.crossed += 1
        self.invalidate(f"crossed: best bid {self.best_bid} is not below best ask {self.best_ask} (ticks)")
        return BookChange.CROSSED


class _ImpossibleLevelError(ValueError):
    """A level with a negative quantity, or at a price that is not positive."""


# The two sides stand written out: a shared loop would compare through a variable, at twice the cost.


def _apply_bids(bids: dict[int, int], best: int | None, changes: Levels) -> int | None:
    """Change the levels; gives the highest that remains."""
    for ticks, lots in changes:
        if lots > 0:
            bids[ticks] = lots
            if best is None or ticks > best:
                best = ticks
        elif lots == 0:
            bids.pop(ticks, None)
        else:
            raise _ImpossibleLevelError(f"{lots} lots at bid {ticks}")
    if best is None or best in bids:
        return best
    for ticks in range(best - 1, best - HOLE_TICKS, -1):
        if ticks in bids:
            return ticks
    return max(bids, default=None)


def _apply_asks(asks: dict[int, int], best: int | None, changes: Levels) -> int | None:
    """Change the levels; gives the lowest that remains."""
    for ticks, lots in changes:
        if lots > 0:
            asks[ticks] = lots
            if best is None or ticks < best:
                best = ticks
        elif lots == 0:
            asks.pop(ticks, None)
        else:
            raise _ImpossibleLevelError(f"{lots} lots at ask {ticks}")
    if best is None or best in asks:
        return best
    for ticks in range(best + 1, best + HOLE_TICKS):
        if ticks in asks:
            return ticks
    return min(asks, default=None)


def _problem(snapshot: BookSnapshot) -> str:
    """What makes a snapshot unusable; empty when nothing does."""
    for name, levels in (("bid", snapshot.bids), ("ask", snapshot.asks)):
        if len(dict(levels)) != len(levels):
            return f"malformed: snapshot repeats a {name} price"
        for ticks, lots in levels:
            if lots <= 0 or ticks <= 0:
                return f"malformed: snapshot has {lots} lots at {name} {ticks}"
    return ""
