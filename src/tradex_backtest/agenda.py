"""What is to happen when, on a run's virtual clock; things of one moment in the order of their planning."""

from collections.abc import Callable
from heapq import heappop, heappush

FOREVER_NS = 1 << 62
"""Later than anything."""

Action = Callable[[int], None]
"""Is told the time."""


class Agenda:
    """The plans of one run."""

    __slots__ = ("_count", "_plans", "next_ns")

    def __init__(self) -> None:
        self.next_ns = FOREVER_NS
        """When the next thing is due."""
        self._plans: list[tuple[int, int, Action]] = []
        self._count = 0

    def at(self, at_ns: int, action: Action) -> None:
        """Do something at a time."""
        self._count += 1
        heappush(self._plans, (at_ns, self._count, action))
        self.next_ns = self._plans[0][0]

    def take(self) -> None:
        """Do the next thing."""
        at_ns, _, action = heappop(self._plans)
        self.next_ns = self._plans[0][0] if self._plans else FOREVER_NS
        action(at_ns)
