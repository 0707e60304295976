"""One deadline over everything that the end of the process takes.

Nothing here relies on a cancellation: a library may swallow one (`asyncio.wait_for` does on Python 3.11), a
server may be silent, the event loop itself may stand still. What is not done in its time is given up, and
that is said.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn

import structlog

from market_maker.telemetry.logging import Logging

END_S_MAX: Final = 9.7
"""From the signal to the last instruction; the rest of ten seconds is for a machine that is busy."""
LAST_LINES_S: Final = 0.2

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


def leave_at_once(given_up: list[str], logging: Logging) -> NoReturn:
    """The end of an end that does not come by itself: whatever hangs, the process is gone."""
    _log.error("ended_by_the_deadline", gave_up=given_up)
    closing = threading.Thread(target=logging.close, daemon=True)  # what reads our output may hang as well
    closing.start()
    closing.join(LAST_LINES_S)
    os._exit(1)
