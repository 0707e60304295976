"""A symbol's way from the poll thread to its engine: the service's own mailbox, small, and what it promises.

What must be kept and finds no room waits in front of it, with all that follow it, as in the router.
"""

from collections import deque
from itertools import islice
from typing import Protocol

from market_maker.actors.mailbox import IN_ORDER, MARKET_DATA, Mailbox, is_urgent
from market_maker.actors.worker import BURST_MAX
from market_maker.core import events as ev
from simulation.clock import MS
from simulation.coverage import Coverage
from simulation.database import Schedule
from simulation.violation import Violation
from simulation.virtual_loop import VirtualLoop

CAPACITY, CONFLATE_FROM, RESERVED = 120, 40, 105
"""Small enough to be full sometimes; the service's hold eight times as much."""
RETRY_NS = 2 * MS


class Handle(Protocol):
    """Takes an event; returns whether other tasks should have their turn now."""

    def __call__(self, symbol: str, event: ev.Event) -> bool:
        """See the class."""


class Inbox:
    """One symbol's."""

    def __init__(
        self, symbol: str, loop: VirtualLoop, schedule: Schedule, handle: Handle, coverage: Coverage
    ) -> None:
        self._symbol, self._schedule, self._handle, self._coverage = symbol, schedule, handle, coverage
        with loop.running():
            self._mailbox = Mailbox(CAPACITY, CONFLATE_FROM, RESERVED)
        self._kept: deque[ev.Event] = deque()
        """What went in and must come out, in that order."""
        self._waiting: deque[ev.Event] = deque()
        self._working = False

    def __len__(self) -> int:
        """How many events wait in it or in front of it."""
        return len(self._mailbox) + len(self._waiting)

    def put(self, event: ev.Event) -> None:
        """Market data, an answer, a control message, a measurement."""
        coalesced = self._mailbox.coalesced
        if not self._mailbox.deliver(event):
            raise Violation(12, f"{self._symbol}: {type(event).__name__} was refused")
        self._took(event)
        if self._mailbox.coalesced > coalesced:
            self._coverage.hit("mailbox_coalesced")

    def put_streamed(self, event: ev.Event) -> None:
        """An event of the matching engine's stream: it waits for room, behind those that wait already."""
        if self._waiting or not self._mailbox.deliver(event):
            self._coverage.hit("mailbox_full")
            if not self._waiting:
                self._schedule(RETRY_NS, self._deliver_waiting)
            self._waiting.append(event)
        else:
            self._took(event)

    def _deliver_waiting(self) -> None:
        while self._waiting and self._mailbox.deliver(self._waiting[0]):
            self._took(self._waiting.popleft())
        if self._waiting:
            self._schedule(RETRY_NS, self._deliver_waiting)

    def _took(self, event: ev.Event) -> None:
        if len(self._mailbox) > CAPACITY:
            raise Violation(12, f"{self._symbol}: {len(self._mailbox)} events in a mailbox of {CAPACITY}")
        if not isinstance(event, MARKET_DATA):
            self._kept.append(event)
        if not self._working:
            self._working = True
            self._schedule(0, self._work)

    def _came_out(self, event: ev.Event) -> None:
        """In the order in which it went in; what stops quoting may overtake all but what asks for a state."""
        place = next((place for place, one in enumerate(self._kept) if one is event), None)
        overtaken = [] if place is None else list(islice(self._kept, place))
        allowed = is_urgent(event) and not any(isinstance(one, IN_ORDER) for one in overtaken)
        if place is None or (overtaken and not allowed):
            raise Violation(12, f"{self._symbol}: {type(event).__name__} overtook another event")
        del self._kept[place]

    def _work(self) -> None:
        self._working = False
        for _ in range(BURST_MAX):
            event = self._mailbox.take()
            if event is None:
                if self._kept:
                    raise Violation(12, f"{self._symbol}: {len(self._kept)} events were dropped")
                return
            if not isinstance(event, MARKET_DATA):
                self._came_out(event)
            if self._handle(self._symbol, event):
                break
        if len(self._mailbox) and not self._working:
            self._working = True
            self._schedule(0, self._work)
