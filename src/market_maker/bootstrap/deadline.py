"""One deadline over everything that the end of the process takes.

Nothing here relies on a cancellation: a library may swallow one (`asyncio.wait_for` does on Python 3.11), a
server may be silent, the event loop itself may stand still. What is not done in its time is given up, and
that is said.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

END_S_MAX: Final = 9.7
"""From the signal to the last instruction; the rest of ten seconds is for a machine that is busy."""

_log = structlog.get_logger()


class Deadline:
    """Makes the steps of an end, each within its time. When it is over, `expired` ends the process."""

    def __init__(self, expired: Callable[[list[str]], None], seconds: float = END_S_MAX) -> None:
        """`expired` is called on a thread of its own, with what was given up and what was being done."""
        self._timer = threading.Timer(seconds, self._expired, (expired,))
        self._timer.daemon = True
        self._doing = ""
        self.given_up: list[str] = []
        """What was not done in its time, or failed."""

    def begin(self) -> None:
        """From here on it counts; once."""
        if not self._timer.ident:
            self._timer.start()

    def over(self) -> None:
        """Everything has ended in time."""
        self._timer.cancel()

    async def step(self, what: str, work: Coroutine[Any, Any, object], seconds: float) -> bool:
        """Whether the work was done in its time; it goes on alone, and told to end, if it was not."""
        self._doing = what
        task = asyncio.get_running_loop().create_task(work, name=what)
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            task.cancel()
            return self._gave_up(what, f"not done within {seconds:g} s")
        if (error := task.exception()) is not None:
            return self._gave_up(what, f"{type(error).__name__}: {error}")
        return True

    def _gave_up(self, what: str, reason: str) -> bool:
        self.given_up.append(what)
        _log.error("gave_up", step=what, reason=reason)
        return False

    def _expired(self, expired: Callable[[list[str]], None]) -> None:
        expired([*self.given_up, self._doing or "the end of what runs in the background"])
