"""A timer that keeps its time to some tens of microseconds, never early: the event loop counts milliseconds.

uvloop rounds a wait to milliseconds and calls at once what rounds to nothing: a worker would go round for
the last half millisecond before each evaluation, ten to twenty times. Here one timer of the kernel serves
all waits of a process (timerfd). Raises AttributeError or OSError off Linux.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heapify, heappop, heappush
from typing import Final

_CLOCK_MONOTONIC: Final = 1
_FROM_NOW: Final = 0
_EXPIRATIONS_BYTES: Final = 8
_CANCELLED_MAX: Final = 64
"""Waits that were given up may stay until they are due while there are fewer, or fewer than of the others."""

_Setting = ctypes.c_long * 4
_libc = ctypes.CDLL(None, use_errno=True)


class Wait:
    """One call that is to come."""

    __slots__ = ("_timer", "callback")

    def __init__(self, timer: "PreciseTimer", callback: Callable[[], None]) -> None:
        self._timer = timer
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """It is not to come any more."""
        if self.callback is not None:
            self.callback = None
            self._timer.given_up()


class PreciseTimer:
    """Calls back on the running event loop, until closed."""

    def __init__(self) -> None:
        self._fd = _checked(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)
        self._waits: list[tuple[int, int, Wait]] = []
        """A heap: when it is due, a number that keeps the order, the wait."""
        self._count = 0
        self._cancelled = 0

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Wait:
        """Call after so many seconds."""
        at_ns = time.monotonic_ns() + round(delay_s * 1e9)
        wait = Wait(self, callback)
        self._count += 1
        heappush(self._waits, (at_ns, self._count, wait))
        if self._waits[0][2] is wait:
            self._arm(at_ns)
        return wait

    def close(self) -> None:
        """Call nothing any more."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def given_up(self) -> None:
        """A wait was cancelled."""
        self._cancelled += 1
        if self._cancelled > max(_CANCELLED_MAX, len(self._waits) // 2):
            self._waits = [entry for entry in self._waits if entry[2].callback is not None]
            heapify(self._waits)
            self._cancelled = 0

    def _expired(self) -> None:
        with suppress(BlockingIOError):  # set anew since it expired
            os.read(self._fd, _EXPIRATIONS_BYTES)
        now_ns = time.monotonic_ns()
        while self._waits and (self._waits[0][0] <= now_ns or self._waits[0][2].callback is None):
            _, _, wait = heappop(self._waits)
            callback, wait.callback = wait.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                callback()
        if self._waits:
            self._arm(self._waits[0][0])

    def _arm(self, at_ns: int) -> None:
        if self._fd >= 0:
            # What is left by the clock that says when it is due; 0 would stop the timer.
            seconds, ns = divmod(max(1, at_ns - time.monotonic_ns()), 1_000_000_000)
            setting = _Setting(0, 0, seconds, ns)
            _checked(_libc.timerfd_settime(self._fd, _FROM_NOW, setting, None))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
