"""The monotonic clock, which a test sets forward: as if the process had stood still, and without the wait."""

import threading
import time

import pytest

WAIT_S_MAX = 30.0


class JumpingClock:
    """For everything in the process that asks `time.monotonic`, as event loops do (but not uvloop)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead_ns = 0
        real_ns = time.monotonic_ns
        patch.setattr(time, "monotonic_ns", lambda: real_ns() + self._ahead_ns)
        patch.setattr(time, "monotonic", lambda: (real_ns() + self._ahead_ns) / 1e9)

    def jump(self, seconds: float, after: threading.Semaphore | None = None) -> None:
        """The event loop of the caller stands still for so long; meanwhile `after` has been released."""
        assert after is None or after.acquire(timeout=WAIT_S_MAX)
        self._ahead_ns += round(seconds * 1e9)
