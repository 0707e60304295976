"""The mailbox of one symbol: at most 1000 events, in order, for one reader on one event loop.

Under load market data coalesces; fills, answers and control messages are never dropped. When they
alone fill the mailbox, `deliver` refuses what comes: the router holds it back in order. What stops quoting
goes before all that waits but its like and control messages: an enable that was asked for first comes first.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from market_maker.actors.conflation import CONFLATED_EVENTS_MAX, Conflation
from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    Control,
    EngineEventUnreadable,
    Event,
    Execution,
    Fault,
    LeaseMeasured,
    MarkPrice,
    OrderEvent,
    PublicTrade,
)
from market_maker.core.states import Cause

CAPACITY: Final = 1000
CONFLATE_FROM: Final = 500
"""From this depth on market data coalesces."""
RESERVED: Final = 100
"""Places that events from Kafka may not take, so that answers and control always fit."""

MARKET_DATA: Final = (BookSnapshot, BookDelta, BookInvalid, PublicTrade, MarkPrice)
"""What may coalesce."""
IN_ORDER: Final = (Control, Fault, LeaseMeasured)
"""None of these overtakes another one."""
_FROM_KAFKA: Final = (Execution, OrderEvent, EngineEventUnreadable)
_STARTS: Final = (Cause.ENABLE, Cause.RESUME, Cause.RESET)


class Cancellable(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Let it not come."""


Later = Callable[[float, Callable[[], None]], Cancellable]
"""Calls back after so many seconds."""


def _no_more() -> None:
    """There is nothing to wait for after that."""


def is_urgent(event: Event) -> bool:
    """Whether an event stops quoting, so that it may not stand behind market data.

    That the lease runs again is told as fast as its end: it must not come after the news of the next one.
    """
    return isinstance(event, Fault | LeaseMeasured) or (
        isinstance(event, Control) and event.cause not in _STARTS
    )


class Mailbox:
    """Events of one symbol, waiting. Smaller ones than the service's are for tests and the simulation."""

    __slots__ = (
        "_capacity",
        "_closed",
        "_conflate_from",
        "_conflation",
        "_events",
        "_later",
        "_loop",
        "_reader",
        "_reserved",
        "_timer",
        "deepest",
    )

    def __init__(
        self,
        capacity: int = CAPACITY,
        conflate_from: int = CONFLATE_FROM,
        reserved: int = RESERVED,
        later: Later | None = None,
    ) -> None:
        """`later` ends a wait in time; None: the event loop's own timer."""
        self._capacity, self._conflate_from, self._reserved = capacity, conflate_from, reserved
        self._closed = False
        self._events: deque[Event] = deque()
        self._conflation = Conflation()
        self._loop = asyncio.get_running_loop()
        self._later: Later = later if later is not None else self._loop.call_later
        self._reader: asyncio.Future[None] | None = None
        self._timer: Cancellable
        self.deepest = 0

    def __len__(self) -> int:
        """How many events wait; never above the capacity."""
        return len(self._events) + len(self._conflation)

    @property
    def coalesced(self) -> int:
        """How many market data events were merged away so far."""
        return self._conflation.merged

    def deliver(self, event: Event) -> bool:
        """Add an event and wake the reader; False when it finds no room.

        For answers and control messages there is room unless the worker has stopped reading.
        """
        if self._closed:
            return True
        if isinstance(event, MARKET_DATA):
            if len(self._events) >= self._conflate_from or len(self._conflation):
                self._conflation.add(event)
            else:
                self._events.append(event)
        elif not self._make_room(event):
            return False
        elif is_urgent(event):
            self._events.insert(self._after_its_like(), event)
        else:
            self._events.append(event)
        depth = len(self)
        self.deepest = max(self.deepest, depth)
        self.wake()
        return True

    @property
    def is_awaited(self) -> bool:
        """Whether the reader waits for an event, so that none is here."""
        return self._reader is not None and not self._reader.done() and not self._closed

    def wake(self) -> None:
        """Let the reader look, though nothing may be here."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def close(self) -> None:
        """Nobody reads any more: what waits and what comes is let go, unacknowledged, and holds nobody up."""
        self._closed = True
        self._events.clear()
        self._conflation = Conflation()

    def take(self) -> Event | None:
        """The next event, or None when nothing waits."""
        return self._events.popleft() if self._events else self._conflation.take()

    async def wait(self, timeout_s: float, expired: Callable[[], float | None] = _no_more) -> None:
        """Return when an event waits, or after `timeout_s`; then `expired` may tell how long to go on."""
        if len(self) or timeout_s <= 0:
            return
        reader = self._reader = self._loop.create_future()
        self._time_out(timeout_s, expired)
        try:
            await reader
        finally:
            self._timer.cancel()
            self._reader = None

    def _time_out(self, timeout_s: float, expired: Callable[[], float | None]) -> None:
        self._timer = self._later(timeout_s, lambda: self._over(expired))

    def _over(self, expired: Callable[[], float | None]) -> None:
        again_s = expired() if self.is_awaited else None
        if again_s is not None and again_s > 0 and self.is_awaited:
            self._time_out(again_s, expired)
        else:
            self.wake()

    def _make_room(self, event: Event) -> bool:
        limit = self._capacity - CONFLATED_EVENTS_MAX
        if isinstance(event, _FROM_KAFKA):
            limit -= self._reserved
        if len(self._events) < limit:
            return True
        self._conflate_all()
        return len(self._events) < limit

    def _after_its_like(self) -> int:
        """The place right behind those of IN_ORDER that wait; the first one when none does."""
        places = (place for place, event in enumerate(self._events) if isinstance(event, IN_ORDER))
        return max(places, default=-1) + 1

    def _conflate_all(self) -> None:
        """Coalesce the market data that already waits among the other events.

        What is conflated already is newer than what waits in the queue, so it is added after it.
        """
        newer = self._conflation
        conflation = Conflation()
        conflation.merged = newer.merged
        kept: deque[Event] = deque()
        for event in self._events:
            if isinstance(event, MARKET_DATA):
                conflation.add(event)
            else:
                kept.append(event)
        while (held := newer.take()) is not None:
            conflation.add(held)
        self._events, self._conflation = kept, conflation
