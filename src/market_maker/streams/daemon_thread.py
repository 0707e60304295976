"""A blocking loop on its own thread, awaited like a coroutine."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


async def run_in_daemon_thread(name: str, target: Callable[[], None], stop: Callable[[], None]) -> None:
    """Run `target` on a thread of its own until it returns; raises what it raised.

    When cancelled, calls `stop`, which must make `target` return soon, and does not wait for it. The
    thread is a daemon: one that hangs in a library does not keep the process from ending.
    """
    ended: Future[None] = Future()

    def run() -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - the thread's edge: whatever ended it is raised by the awaiting side
            ended.set_exception(error)
        else:
            ended.set_result(None)

    ended.set_running_or_notify_cancel()
    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        await asyncio.shield(asyncio.wrap_future(ended))
    except asyncio.CancelledError:
        stop()
        raise
