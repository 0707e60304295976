"""An asyncio event loop on virtual time, for parts of the service that are coroutines.

Whatever it would do next stands in the run's agenda, in the order in which it was asked for. It belongs to
one process: it does nothing while that stands still, and ends with it.
"""

import asyncio
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, cast

from simulation.lifetime import Lifetime

NS_PER_S = 1_000_000_000


class VirtualLoop:
    """As much of an event loop as tasks, futures, locks, events, timeouts and sleeping need."""

    def __init__(self, process: Lifetime, now_ns: Callable[[], int]) -> None:
        self._process, self._now_ns = process, now_ns
        self._loop = cast("asyncio.AbstractEventLoop", self)
        self._ready: deque[asyncio.Handle] = deque()
        self._ended = False
        self._tasks: list[asyncio.Task[Any]] = []
        self.failure: BaseException | None = None
        """What a callback raised, or a task that nobody awaits."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """As if called by this loop."""
        _set_running_loop(self._loop)
        try:
            yield
        finally:
            _set_running_loop(None)

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run a coroutine as a task; it is cancelled when the process dies."""
        task = self.create_task(work)
        self._tasks.append(task)
        return task

    def end(self) -> None:
        """Cancel every task and let each see to its end; nothing that they start then has an effect."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        while self._ready:
            self._next()

    # --- the interface of an event loop ----------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_ns() / NS_PER_S

    def get_debug(self) -> bool:
        """No."""
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return asyncio.Future(loop=self._loop)

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        """A task of this loop."""
        return asyncio.Task(coro, loop=self._loop, name=str(name) if name else None, context=context)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Next in this moment's order."""
        handle = asyncio.Handle(callback, args, self._loop, context)
        self._ready.append(handle)
        if not self._ended:
            self._process.after(0, self._next)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """After `delay` virtual seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """At a virtual time."""
        handle = asyncio.TimerHandle(when, callback, args, self._loop, context)
        if not self._ended:
            self._process.after(max(0, round((when - self.time()) * NS_PER_S)), self._run, handle)
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # noqa: ARG002 -- the event loop's signature
        """At once: nothing here takes a thread's time."""
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong for `_run` to raise."""
        self.failure = context.get("exception") or RuntimeError(context["message"])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Its turn in the agenda comes and does nothing."""

    def _next(self) -> None:
        self._run(self._ready.popleft())

    def _run(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        with self.running():
            handle._run()  # noqa: SLF001 -- what an event loop does, and nobody else
        if self.failure is not None:
            raise self.failure
