"""Market data that waits merges: the newest picture of the market in at most five events."""

from dataclasses import replace

from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    MarketData,
    MarkPrice,
    PublicTrade,
)

CONFLATED_EVENTS_MAX = 5


class MergedDelta:
    """Deltas in a row as one; adding one costs what it changes, not what is already held."""

    __slots__ = ("_asks", "_bids", "_latest", "prev_sequence")

    def __init__(self, first: BookDelta) -> None:
        self._latest = first
        self._bids = dict(first.bids)
        self._asks = dict(first.asks)
        self.prev_sequence = first.prev_sequence

    @property
    def sequence(self) -> int:
        """The sequence that it leads to."""
        return self._latest.sequence

    def add(self, following: BookDelta) -> None:
        """Add the delta that follows directly. Quantities are absolute, so the latest wins."""
        self._latest = following
        self._bids.update(following.bids)
        self._asks.update(following.asks)

    def delta(self) -> BookDelta:
        """As one delta."""
        latest = self._latest
        bids, asks = tuple(self._bids.items()), tuple(self._asks.items())
        return replace(latest, prev_sequence=self.prev_sequence, bids=bids, asks=asks)


class Conflation:
    """Holds what a symbol has not yet seen of its market: one event of each kind.

    Deltas in a row merge into one, a snapshot takes the place of what came before it. What does not
    chain becomes a BookInvalid: the engine then withdraws and waits for a snapshot.
    """

    __slots__ = ("_delta", "_invalid", "_mark", "_snapshot", "_trade", "merged")

    def __init__(self) -> None:
        self._invalid: BookInvalid | None = None
        self._snapshot: BookSnapshot | None = None
        self._delta: MergedDelta | None = None
        self._trade: PublicTrade | None = None
        self._mark: MarkPrice | None = None
        self.merged = 0
        """How many events were merged away."""

    def __len__(self) -> int:
        """How many events wait."""
        # Asked for at every event of every mailbox: written out, it costs a fifth of a loop.
        return (
            (self._invalid is not None)
            + (self._snapshot is not None)
            + (self._delta is not None)
            + (self._trade is not None)
            + (self._mark is not None)
        )

    def add(self, event: MarketData) -> None:
        """Take an event that came after all those already held."""
        before = len(self)
        match event:
            case BookDelta():
                self._add_delta(event)
            case BookSnapshot():
                self._add_snapshot(event)
            case BookInvalid():
                self._invalid, self._snapshot, self._delta = event, None, None
            case PublicTrade():
                self._trade = event
            case MarkPrice():
                self._mark = event
        self.merged += before + 1 - len(self)

    def take(self) -> MarketData | None:
        """Remove and return the event that the engine should see next."""
        if self._delta is not None and self._invalid is None and self._snapshot is None:
            merged, self._delta = self._delta, None
            return merged.delta()
        for name in ("_invalid", "_snapshot", "_trade", "_mark"):
            event: MarketData | None = getattr(self, name)
            if event is not None:
                setattr(self, name, None)
                return event
        return None

    def _add_snapshot(self, snapshot: BookSnapshot) -> None:
        if self._snapshot is not None and snapshot.sequence < self._snapshot.sequence:
            return
        self._snapshot = snapshot
        if self._delta is None:
            return
        if self._delta.sequence <= snapshot.sequence:
            self._delta = None
        else:
            # What it changed up to the snapshot stands in the snapshot too, or was changed again later.
            self._delta.prev_sequence = max(self._delta.prev_sequence, snapshot.sequence)

    def _add_delta(self, delta: BookDelta) -> None:
        held = self._delta
        if held is None:
            self._delta = MergedDelta(delta)
        elif delta.prev_sequence == held.sequence:
            held.add(delta)
        elif delta.sequence > held.sequence:
            self._delta = None
            self._snapshot = None
            detail = f"sequence gap from {held.sequence} to {delta.prev_sequence}"
            self._invalid = BookInvalid(delta.at_ns, detail)
