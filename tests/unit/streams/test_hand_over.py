import asyncio
import logging
import threading
from itertools import pairwise

import pytest

from market_maker.streams.batch import Batch
from market_maker.streams.hand_over import HandOver


class Sink:
    """Takes batches unless it is told to be held, or to fail."""

    def __init__(self) -> None:
        self.is_held = False
        self.fails = False
        self.taken: list[Batch] = []
        self.wanted = 1
        self.reached = asyncio.Event()

    def dispatch(self, batch: Batch) -> None:
        if self.fails:
            raise ZeroDivisionError
        self.taken.append(batch)
        if len(self.taken) >= self.wanted:
            self.reached.set()


async def test_batches_from_another_thread_arrive_in_order_and_none_is_missing() -> None:
    sink = Sink()
    sink.wanted = 2000
    hand_over = HandOver(asyncio.get_running_loop(), sink, batches_max=4)
    batches = [Batch() for _ in range(2000)]

    def produce() -> None:
        for batch in batches:
            while not hand_over.wait_for_room(1.0):
                pass
            hand_over.put(batch)
            assert len(hand_over) <= 4

    thread = threading.Thread(target=produce)
    thread.start()
    async with asyncio.timeout(60):
        await sink.reached.wait()
    thread.join()
    assert all(taken is put for taken, put in zip(sink.taken, batches, strict=True))


async def test_a_held_sink_fills_the_queue_and_empties_it_when_it_is_free_again() -> None:
    sink = Sink()
    sink.is_held = True
    sink.wanted = 3
    hand_over = HandOver(asyncio.get_running_loop(), sink, batches_max=3)
    for _ in range(3):
        assert hand_over.wait_for_room(0)
        hand_over.put(Batch())
    assert not hand_over.wait_for_room(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert sink.taken == []
    sink.is_held = False
    async with asyncio.timeout(5):
        await sink.reached.wait()
    assert hand_over.wait_for_room(0)


async def test_the_loop_serves_others_between_two_batches() -> None:
    sink = Sink()
    hand_over = HandOver(asyncio.get_running_loop(), sink)
    for _ in range(5):
        hand_over.put(Batch())
    seen = []
    for _ in range(7):
        await asyncio.sleep(0)
        seen.append(len(sink.taken))
    assert seen[-1] == 5
    assert max(after - before for before, after in pairwise(seen)) == 1


async def test_after_a_batch_that_could_not_be_dispatched_nothing_more_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Sink()
    sink.fails = True
    hand_over = HandOver(asyncio.get_running_loop(), sink)
    with caplog.at_level(logging.CRITICAL, logger="asyncio"):
        hand_over.put(Batch())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="could not be dispatched"):
        hand_over.put(Batch())


async def test_a_batch_may_be_put_while_another_is_being_dispatched() -> None:
    sink = Sink()
    sink.wanted = 2
    hand_over = HandOver(asyncio.get_running_loop(), sink)
    errors: list[BaseException] = []

    def put_from_the_poll_thread() -> None:
        try:
            hand_over.put(Batch())
        except RuntimeError as error:
            errors.append(error)

    def dispatch_slowly(batch: Batch) -> None:
        if not sink.taken:
            thread = threading.Thread(target=put_from_the_poll_thread)
            thread.start()
            thread.join()
        Sink.dispatch(sink, batch)

    sink.dispatch = dispatch_slowly  # type: ignore[method-assign]  # the moment between two lines of the other thread
    hand_over.put(Batch())
    async with asyncio.timeout(10):
        await sink.reached.wait()
    assert errors == []
