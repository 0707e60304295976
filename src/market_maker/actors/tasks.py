"""Every background task of the service starts here, so that none is lost and none fails unseen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


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

    async def cancel(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def finished(self) -> None:
        """Wait until no task runs."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)
