"""The end of the process: nothing that hangs, or swallows a cancellation, keeps it from ending."""

import asyncio
import subprocess
import sys
import threading
import time

from market_maker.bootstrap.deadline import Deadline


def too_late(given_up: list[str]) -> None:
    raise AssertionError(given_up)


async def test_a_step_that_swallows_its_cancellation_holds_nothing_up() -> None:
    end = Deadline(too_late)
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    assert not await end.step("the stubborn one", stubborn(), 0.05)
    assert await end.step("the next one", asyncio.sleep(0), 5.0)
    assert end.given_up == ["the stubborn one"]
    let_go.set()


async def test_a_step_that_fails_is_said_and_the_next_one_is_made() -> None:
    end = Deadline(too_late)

    async def failing() -> None:
        raise ConnectionError("gone")

    assert not await end.step("the failing one", failing(), 5.0)
    assert end.given_up == ["the failing one"]


async def test_when_the_time_is_over_it_is_told_what_was_given_up_and_what_was_being_done() -> None:
    said: list[list[str]] = []
    over = threading.Event()

    def expired(given_up: list[str]) -> None:
        said.append(given_up)
        over.set()

    end = Deadline(expired, 0.3)
    end.begin()
    end.begin()
    await end.step("a silent server", asyncio.Event().wait(), 0.01)
    hanging = asyncio.ensure_future(end.step("another one", asyncio.Event().wait(), 60))
    assert await asyncio.to_thread(over.wait, 20)
    assert said == [["a silent server", "another one"]]
    hanging.cancel()


STANDING_STILL = """
import os, time
from market_maker.bootstrap.deadline import Deadline
Deadline(lambda given_up: os._exit(7), 0.2).begin()
while True:
    time.sleep(60)
"""


def test_a_process_whose_event_loop_stands_still_ends_all_the_same() -> None:
    began_s = time.monotonic()
    assert subprocess.run([sys.executable, "-c", STANDING_STILL], check=False).returncode == 7
    assert time.monotonic() - began_s < 30
