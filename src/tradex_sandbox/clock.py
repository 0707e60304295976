"""The exchange's time: wall time that may run faster."""

import time
from collections.abc import Callable

JUMP_US = 500_000
"""How far the wall clock must be ahead before the times that are told follow it."""


class MarketClock:
    """Exchange time in microseconds since 1970 UTC; begins at the wall time of its creation.

    It runs on the monotonic clock, so that a step of the wall clock does not make the market jump.
    Messages carry wall time (`wall_us`): a consumer judges their age by its own clock.
    """

    def __init__(
        self,
        speed: float = 1.0,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._speed = speed
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._origin_ns = monotonic_ns()
        self._origin_us = wall_ns() // 1000
        self._anchors = [(self._origin_us, self._origin_us)]
        """(exchange time, wall time) from which on both pass side by side."""

    def now_us(self) -> int:
        """Exchange time now; never goes back."""
        elapsed_ns = self._monotonic_ns() - self._origin_ns
        return self._origin_us + int(elapsed_ns * self._speed) // 1000

    def wall_us(self, market_us: int) -> int:
        """The wall time of an exchange time: always the same for the same, and later for a later one."""
        market_zero_us, wall_zero_us = next(
            (anchor for anchor in reversed(self._anchors) if anchor[0] <= market_us), self._anchors[0]
        )
        return wall_zero_us + int((market_us - market_zero_us) / self._speed)

    def follow_wall(self) -> None:
        """Tell later times by a wall clock that has jumped ahead: the machine slept, say.

        One that was set back is not followed, since times would repeat.
        """
        now_us, wall_us = self.now_us(), self._wall_ns() // 1000
        if wall_us - self.wall_us(now_us) > JUMP_US:
            self._anchors.append((now_us, wall_us))

    def seconds_until(self, market_us: int) -> float:
        """How long until then, in real seconds, at least 0."""
        return max(0.0, (market_us - self.now_us()) / 1e6 / self._speed)
