"""A way on which things take a while and never overtake each other."""

from collections import deque
from collections.abc import Callable

from market_maker.core.events import Event


class Channel:
    """Events on their way to the engine, in order; times are nanoseconds of the virtual clock."""

    __slots__ = ("_delay", "_last_ns", "waiting")

    def __init__(self, delay: Callable[[], int]) -> None:
        self._delay = delay
        self._last_ns = 0
        self.waiting: deque[tuple[int, Event]] = deque()
        """(time of arrival, event)."""

    def arrives_ns(self, sent_ns: int) -> int:
        """When what is sent at a time arrives; `put` it next."""
        at_ns = sent_ns + self._delay()
        if at_ns > self._last_ns:  # noqa: PLR1730 -- max() would cost as much as all of this
            self._last_ns = at_ns
        return self._last_ns

    def put(self, event: Event) -> None:
        """Send an event, whose `at_ns` is the time of its arrival."""
        self.waiting.append((event.at_ns, event))
