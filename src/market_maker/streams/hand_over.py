"""Batches from the poll thread to the event loop: bounded, one wake-up per batch at most."""

import asyncio
import threading
from collections import deque
from typing import Protocol

from market_maker.streams.batch import Batch

BATCHES_MAX = 32
HELD_RETRY_S = 0.002


class BatchSink(Protocol):
    """Takes batches on the event loop."""

    @property
    def is_held(self) -> bool:
        """Whether it cannot take a batch now."""

    def dispatch(self, batch: Batch) -> None:
        """Take one batch."""


class HandOver:
    """A bounded queue between two threads.

    The loop takes one batch per turn, so that a burst does not hold everything else up. When the
    sink is held, batches stay here, the queue fills, and the poll thread stops consuming.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sink: BatchSink, batches_max: int = BATCHES_MAX
    ) -> None:
        self._loop = loop
        self._sink = sink
        self._batches_max = batches_max
        self._batches: deque[Batch] = deque()
        self._armed = False
        self._failed = False
        self._room = threading.Event()
        self._room.set()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Poll thread: whether a further batch may be put, after waiting for at most that long."""
        return self._room.wait(timeout_s)

    def put(self, batch: Batch) -> None:
        """Poll thread: hand a batch over.

        RuntimeError when the loop is closed, or when the sink raised on an earlier batch: what
        followed in that batch was not delivered, so nothing may go on as if it had been.
        """
        if self._failed:
            raise RuntimeError("a batch could not be dispatched; the event loop's log has the error")
        self._batches.append(batch)
        if len(self._batches) >= self._batches_max:
            self._room.clear()
            if len(self._batches) < self._batches_max:
                self._room.set()  # the loop took one between the two lines above
        if not self._armed:
            self._armed = True
            self._loop.call_soon_threadsafe(self._take)

    def __len__(self) -> int:
        return len(self._batches)

    def _take(self) -> None:
        if self._sink.is_held:
            self._loop.call_later(HELD_RETRY_S, self._take)
            return
        self._armed = False
        if not self._batches:
            return
        batch = self._batches.popleft()
        if len(self._batches) < self._batches_max:
            self._room.set()
        if self._batches and not self._armed:
            self._armed = True
            self._loop.call_soon(self._take)
        try:
            self._sink.dispatch(batch)
        except BaseException:
            self._failed = True
            raise
