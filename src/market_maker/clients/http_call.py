"""One request to the exchange: what is sent, what it may come to, and when its time is up."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol

from market_maker.clients.connection import Broken, Connection, HttpReply
from market_maker.clients.under_way import UnderWay

HANDSHAKE_NS_MAX: Final = 2_000_000_000
"""So much may making a connection (name, TCP, TLS) add to a request's time: nothing was asked of the server
yet, but a server that is away is no excuse."""


class Gate(Protocol):
    """Decides over one order, at the moment at which it would leave: till then it can be held back."""

    def is_open(self) -> bool:
        """Whether it would be let pass now; changes nothing."""

    def lets_pass(self) -> bool:
        """Whether it passes. Asked once; the order leaves at once if so."""


class Request(NamedTuple):
    """One HTTP request; with a gate it may be held back until its first byte has left."""

    method: str
    target: str
    """Path and query, encoded."""
    json: bytes | None = None
    gate: Gate | None = None
    trace: str | None = None
    """W3C traceparent to send along."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """The request's gate did not let it pass: nothing of it was sent."""


Result = HttpReply | Broken | Withheld


class Lateness(Enum):
    """Why there is no answer yet."""

    TIMEOUT = "TIMEOUT"
    STALLED = "STALLED"


def lateness_of(stalled_ns: int, timeout_ns: int) -> Lateness:
    """Whom a missing answer is to be blamed on: ourselves, when we stood still for half of its time."""
    return Lateness.STALLED if stalled_ns * 2 >= timeout_ns else Lateness.TIMEOUT


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request came to within its time."""

    result: Result | Lateness
    latency_ns: int
    """From the request's start to its answer, or to the end of waiting."""
    stalled_ns: int
    """How long the event loop stood still meanwhile."""
    began_ns: int | None
    """Monotonic time at which it was given to the kernel; None when it never got that far."""


End = Result | None
"""How a late request ended; None: it never did, and was given up."""


class HttpCall:
    """A request under way."""

    __slots__ = (
        "answered",
        "connecting",
        "connection",
        "ended",
        "handshake_began_ns",
        "handshake_ns",
        "is_late",
        "is_over",
        "late_by_ns",
        "left_ns",
        "made_ns",
        "over_at_ns",
        "request",
        "stalled_before_ns",
        "started_ns",
        "timeout_ns",
        "turns",
    )

    def __init__(
        self, request: Request, timeout_ns: int, stalled_ns: int, ended: Callable[[End], None]
    ) -> None:
        """`ended` is called with its end when that comes late; `stalled_ns` is the stall clock's by now."""
        self.request = request
        self.timeout_ns = timeout_ns
        self.stalled_before_ns = stalled_ns
        self.ended = ended
        self.answered: UnderWay[Sent]
        self.made_ns = time.monotonic_ns()
        self.started_ns: int | None = None
        self.left_ns: int | None = None
        self.over_at_ns: int | None = None
        self.handshake_began_ns: int | None = None
        self.handshake_ns = 0
        self.late_by_ns = 0
        self.turns = 0
        """Turns of the loop that are left for reading, once its time is up."""
        self.connection: Connection | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.is_late = False
        """Whoever waited was told, or waits no more: what comes is its end."""
        self.is_over = False

    def handshake_spent_ns(self, now_ns: int) -> int:
        """On making a connection until now, within what is allowed."""
        since_ns = self.handshake_began_ns
        return min(HANDSHAKE_NS_MAX, self.handshake_ns + (0 if since_ns is None else now_ns - since_ns))

    def due_ns(self, now_ns: int) -> int:
        """When something is to be done about it: tell that it is late, or give it up."""
        if self.over_at_ns is not None:
            return self.over_at_ns
        return (self.started_ns or self.made_ns) + self.timeout_ns + self.handshake_spent_ns(now_ns)

    def sent(self, result: Result, stalled_ns: int) -> Sent:
        """What whoever waits is told, now that it has ended; `stalled_ns` is the stall clock's by now."""
        now_ns = time.monotonic_ns()
        return Sent(result, now_ns - (self.started_ns or now_ns), self._stalled_ns(stalled_ns), self.left_ns)

    def late(self, stalled_ns: int) -> Sent:
        """What whoever waits is told when its time is up."""
        stalled_ns = self._stalled_ns(stalled_ns)
        waited_ns = self.timeout_ns + self.late_by_ns + self.handshake_spent_ns(time.monotonic_ns())
        return Sent(lateness_of(stalled_ns, self.timeout_ns), waited_ns, stalled_ns, self.left_ns)

    def _stalled_ns(self, stalled_ns: int) -> int:
        return max(stalled_ns - self.stalled_before_ns, self.late_by_ns)
