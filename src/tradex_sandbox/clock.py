"""Market time: wall time that can stand still or run faster."""

import time
from collections.abc import Callable


class MarketClock:
    """Market time in microseconds since 1970 UTC; begins at the wall time of its creation.

    It runs on the monotonic clock, so that a step of the wall clock does not make the market jump.
    Messages carry wall time (`wall_us`): a consumer judges their age by its own clock.
    """

    def __init__(
        self,
        speed: float = 1.0,
        paused: bool = False,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._speed = speed
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._running = not paused
        self._origin_ns = monotonic_ns()
        self._origin_us = wall_ns() // 1000

    @property
    def is_running(self) -> bool:
        """Whether market time passes."""
        return self._running

    def start(self) -> bool:
        """Let time pass from where it stands; False when it already does."""
        if self._running:
            return False
        self._origin_ns = self._monotonic_ns()
        self._running = True
        return True

    def now_us(self) -> int:
        """Market time now; never goes back."""
        if not self._running:
            return self._origin_us
        elapsed_ns = self._monotonic_ns() - self._origin_ns
        return self._origin_us + int(elapsed_ns * self._speed) // 1000

    def wall_us(self, market_us: int) -> int:
        """The wall time at which the market stood at `market_us`; now, when the market stands still."""
        wall_us = self._wall_ns() // 1000
        if not self._running:
            return wall_us
        return wall_us - max(0, int((self.now_us() - market_us) / self._speed))

    def seconds_until(self, market_us: int) -> float | None:
        """How long until then, in real seconds, at least 0; None while the market stands still."""
        if not self._running:
            return None
        return max(0.0, (market_us - self.now_us()) / 1e6 / self._speed)
