"""Virtual time: what is to happen next, and in which order things of one moment happen."""

import heapq
from collections.abc import Callable
from typing import Any

MS = 1_000_000
SECOND_NS = 1_000_000_000

START_NS = 1_000 * SECOND_NS
"""Where the monotonic clock of a run begins."""
WALL_OFFSET_US = 1_790_000_000_000_000
"""The wall clock, microseconds since 1970 UTC, when the monotonic one stood at zero."""


class Clock:
    """Monotonic virtual nanoseconds, and the agenda."""

    __slots__ = ("_agenda", "_count", "now_ns")

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._agenda: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    @property
    def now_us(self) -> int:
        """The exchange's wall clock."""
        return self.us_of(self.now_ns)

    @staticmethod
    def us_of(at_ns: int) -> int:
        """The exchange's wall clock at a monotonic time."""
        return WALL_OFFSET_US + at_ns // 1000

    @staticmethod
    def ns_of(wall_us: int) -> int:
        """The monotonic time at a wall time."""
        return (wall_us - WALL_OFFSET_US) * 1000

    def at(self, at_ns: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do something at a time; never before now. Equal times keep the order of the calls."""
        self._count += 1
        heapq.heappush(self._agenda, (max(at_ns, self.now_ns), self._count, action, arguments))

    def after(self, delay_ns: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do something that much later."""
        self.at(self.now_ns + delay_ns, action, *arguments)

    def next_ns(self) -> int | None:
        """When something is due next."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self) -> None:
        """Go to the next thing and do it."""
        self.now_ns, _, action, arguments = heapq.heappop(self._agenda)
        action(*arguments)
