"""The price a while after each fill: 0.1, 1, 10 and 60 seconds later.

Each fill gives one markout per horizon, or the reason why it has none; nothing that is due is lost. Horizons
count from when the exchange executed the fill, by its own word brought onto this process' clock; a fill that
is dated in the future counts from when it was heard of.
"""

from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush

from market_maker.core.results import Markout, Missing
from market_maker.core.side import Side

NS_PER_MS = 1_000_000
HORIZONS_MS = (100, 1_000, 10_000, 60_000)
WAITING_MAX = 20_000
"""Markouts that may wait at a time; a fill beyond them has none (`OVERFLOW`)."""
NEVER_NS = 2**63


@dataclass(frozen=True, slots=True)
class Watched:
    """A fill whose markouts are wanted: price in quote, quantity in base currency."""

    trade_id: str
    side: Side
    level: int | None
    price: Decimal
    quantity: Decimal
    executed_at_us: int
    horizons_ms: tuple[int, ...] = HORIZONS_MS
    """Those that are not there yet."""


class Markouts:
    """Fills that wait for a later price, the next one first."""

    __slots__ = ("_count", "_waiting", "due_ns")

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, int, Watched]] = []
        """A heap: when it is due, a number that keeps the order, the horizon, the fill."""
        self._count = 0
        self.due_ns = NEVER_NS
        """When the next one is due, monotonic."""

    def __len__(self) -> int:
        """How many are waiting."""
        return len(self._waiting)

    def watch(
        self, fill: Watched, now_ns: int, now_us: int, over: Missing = Missing.LATE
    ) -> tuple[Markout, ...]:
        """Wait for a fill's markouts; returns those that can never be had. `now_us` is `now_ns` as wall time.

        `over` says why, where the time of a horizon is over.
        """
        age_ns = max(0, now_us - fill.executed_at_us) * 1_000
        lost: list[Markout] = []
        for horizon_ms in fill.horizons_ms:
            due_ns = now_ns - age_ns + horizon_ms * NS_PER_MS
            if due_ns <= now_ns:
                lost.append(_markout(fill, horizon_ms, over))
            elif len(self._waiting) >= WAITING_MAX:
                lost.append(_markout(fill, horizon_ms, Missing.OVERFLOW))
            else:
                self._count += 1
                heappush(self._waiting, (due_ns, self._count, horizon_ms, fill))
        self._look_ahead()
        return tuple(lost)

    def take(self, found: Decimal | Missing) -> Markout:
        """The markout that is due next, with the mid of that moment or why there is none."""
        _, _, horizon_ms, fill = heappop(self._waiting)
        self._look_ahead()
        return _markout(fill, horizon_ms, found)

    def _look_ahead(self) -> None:
        self.due_ns = self._waiting[0][0] if self._waiting else NEVER_NS


def _markout(fill: Watched, horizon_ms: int, found: Decimal | Missing) -> Markout:
    mid, missing = (None, found) if isinstance(found, Missing) else (found, None)
    return Markout(fill.trade_id, fill.side, fill.level, fill.price, fill.quantity, horizon_ms, mid, missing)
