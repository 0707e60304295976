"""Every background task of the service starts here, so that none is lost and none fails unseen."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

AGAIN_S: Final = 0.5
"""Between two cancellations of the same task: its own clean-up should not be disturbed."""


class TaskGroup:
    """Holds running tasks; a task that fails is reported, never forgotten.

    Unlike asyncio.TaskGroup one failure does not end the others: the reporter decides what to stop.
    """

    def __init__(self, failed: Callable[[str, BaseException], None]) -> None:
        """`failed` gets the name and the exception of a task that ended with one."""
        self._failed = failed
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many tasks run."""
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` as a task of this group."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self, seconds: float = math.inf) -> list[str]:
        """Cancel all tasks and wait until they have ended; returns who has not, after that many seconds.

        A library may swallow a cancellation (`asyncio.wait_for` does on Python 3.11), so there are several.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while self._tasks and clock() < until:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(tuple(self._tasks), timeout=min(AGAIN_S, until - clock()))
        return sorted(task.get_name() for task in self._tasks)

    async def finished(self) -> None:
        """Wait until no task runs."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)
