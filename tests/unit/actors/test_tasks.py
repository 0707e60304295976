"""Ending tasks, whatever the libraries that they await make of a cancellation."""

import asyncio

from market_maker.actors import tasks
from market_maker.actors.tasks import TaskGroup


def failed(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name}: {error!r}")


async def swallowing(times: int) -> None:
    """As `asyncio.wait_for` does on Python 3.11 when its result and the cancellation come together."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


async def test_a_task_that_swallowed_its_cancellation_is_cancelled_again() -> None:
    group = TaskGroup(failed)
    group.start("once", swallowing(1))
    group.start("never", swallowing(0))
    await asyncio.sleep(0)
    assert await group.cancel(30.0) == []
    assert len(group) == 0


async def test_a_task_that_does_not_end_is_named_when_the_time_is_over() -> None:
    group = TaskGroup(failed)
    group.start("obedient", swallowing(0))
    stubborn = group.start("stubborn", swallowing(1))
    await asyncio.sleep(0)
    assert await group.cancel(tasks.AGAIN_S / 5) == ["stubborn"]
    assert not stubborn.done()
    assert await group.cancel() == []
