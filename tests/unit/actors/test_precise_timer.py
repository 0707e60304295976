"""The timer that evaluations wait for."""

import asyncio
import time

import pytest
import uvloop

from market_maker.actors.precise_timer import _CANCELLED_MAX, PreciseTimer


async def _waited(timer: PreciseTimer, delay_s: float) -> float:
    began_ns, called = time.monotonic_ns(), asyncio.get_running_loop().create_future()
    timer.call_later(delay_s, lambda: called.set_result(None))
    await called
    return (time.monotonic_ns() - began_ns) / 1e9


def test_a_wait_of_less_than_a_millisecond_ends_once_and_never_early() -> None:
    async def run() -> None:
        timer = PreciseTimer()
        for delay_s in (0.0001, 0.0004, 0.0006, 0.0014, 0.0):
            assert await _waited(timer, delay_s) >= delay_s
        timer.close()

    uvloop.run(run())


async def test_waits_end_in_the_order_of_their_times_and_those_given_up_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timer, last, began_ns = PreciseTimer(), asyncio.Event(), time.monotonic_ns()
    ended: list[str] = []
    with monkeypatch.context() as patch:
        # All are asked for at one time: a busy machine may take milliseconds from one to the next.
        patch.setattr(time, "monotonic_ns", lambda: began_ns)
        timer.call_later(0.005, last.set)
        timer.call_later(0.004, lambda: ended.append("late"))
        given_up = timer.call_later(0.001, lambda: ended.append("given up"))
        timer.call_later(0.002, lambda: ended.append("early"))
        given_up.cancel()
        given_up.cancel()
    async with asyncio.timeout(5):
        await last.wait()
    timer.close()
    assert ended == ["early", "late"]


async def test_waits_that_were_given_up_are_not_kept_until_their_time() -> None:
    timer = PreciseTimer()
    for _ in range(10 * _CANCELLED_MAX):
        timer.call_later(60, lambda: None).cancel()
    assert len(timer._waits) <= 2 * _CANCELLED_MAX
    timer.close()
    timer.close()
