"""How long the event loop does not run: measured, so that it is not blamed on anybody else."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

BEAT_S: Final = 0.01
"""How often the monitor wants to run; a stall is seen to within this."""

REPORT_NS: Final = 1_000_000_000
"""How often the longest delay is reported."""

NOISE_NS: Final = 2_000_000
"""Lateness that is timer resolution and scheduling, not a stall."""


class LoopLagMonitor:
    """Wakes every 10 ms and adds up how late it was. Make and use it on its event loop.

    `report(longest_ns, stalled_ns)` is called about once a second with the longest delay and the
    time stood still since the last report.
    """

    def __init__(self, report: Callable[[int, int], None] | None = None) -> None:
        self._report = report
        self._stalled_ns = 0
        self._handle: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self._longest_ns = 0
        self._reported_ns = 0
        self._reported_stalled_ns = 0

    @property
    def stalled_ns(self) -> int:
        """Nanoseconds that the loop has stood still since the start, this very stall included."""
        late = time.monotonic_ns() - self._due_ns if self._handle is not None else 0
        return self._stalled_ns + (late if late > NOISE_NS else 0)

    def start(self) -> None:
        """Begin to measure."""
        if self._handle is None:
            self._reported_ns = time.monotonic_ns()
            self._arm(asyncio.get_running_loop(), self._reported_ns)

    def stop(self) -> None:
        """End measuring."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, loop: asyncio.AbstractEventLoop, now_ns: int) -> None:
        self._due_ns = now_ns + int(BEAT_S * 1e9)
        self._handle = loop.call_later(BEAT_S, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now_ns = time.monotonic_ns()
        late = max(0, now_ns - self._due_ns)
        if late > NOISE_NS:
            self._stalled_ns += late
        self._longest_ns = max(self._longest_ns, late)
        if self._report is not None and now_ns - self._reported_ns >= REPORT_NS:
            self._report(self._longest_ns, self._stalled_ns - self._reported_stalled_ns)
            self._longest_ns, self._reported_ns = 0, now_ns
            self._reported_stalled_ns = self._stalled_ns
        self._arm(loop, now_ns)
