"""One lane to the Order Service: its own connections, and an exact notion of a late answer.

An answer is late only after this process has read whatever had already arrived. So no timeout runs
inside the HTTP library: the request is a task of its own, and when its time is up the event loop is
first given the chance to read. What is still missing then was not answered in time; if the loop had
stood still meanwhile, that is told apart, and making a connection does not count. The request itself goes
on in the background up to a long limit, and its end is reported.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ssl import SSLContext
from typing import Final, Protocol

import aiohttp
from yarl import URL

from market_maker.clients.connecting import CountingConnector, Handshake, handshake_of
from market_maker.clients.departure import GatedBody, NotedRequest, UnaskedAnswerError, on_left
from market_maker.clients.under_way import UnderWay

LIMIT_S: Final = 10.0
"""After this long a request is given up and its connection closed."""
READ_TURNS: Final = 16
"""Turns of the event loop in which an answer that has arrived is read, parsed and handed over."""
BODY_BYTES_MAX: Final = 4 << 20
CONNECTIONS_MAX: Final = 256
IDLE_S: Final = 4.0
"""How long an idle connection is kept: less than servers keep theirs (some only 5 s), because a request
that meets a closing connection has an unknown fate."""
TRIES_MAX: Final = 4
"""Connections that are tried when they hold answers that nobody asked for; nothing was sent on them."""
_TIMER_NS: Final = 1_000_000
"""Resolution of the event loop's timers."""


class StallClock(Protocol):
    """Knows how long the event loop has stood still."""

    @property
    def stalled_ns(self) -> int:
        """Nanoseconds since some start; never decreases."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: URL
    body: GatedBody | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection failed, or the answer was no HTTP or too long: the request's fate is unknown."""

    detail: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """The request's gate did not let it pass: nothing of it was sent."""


Result = Reply | Broken | Withheld


class Lateness(Enum):
    """Why there is no answer yet."""

    TIMEOUT = "TIMEOUT"
    STALLED = "STALLED"


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


class _InFlight:
    """A request under way. `waiter` wakes the sender, at the answer or when time is up."""

    __slots__ = (
        "answered_ns",
        "given_up",
        "handshake",
        "left_ns",
        "on_late",
        "result",
        "started_ns",
        "task",
        "waiter",
    )

    def __init__(self, on_late: Callable[[End], None]) -> None:
        self.on_late = on_late
        self.handshake = Handshake()
        self.started_ns: int | None = None
        self.left_ns: int | None = None
        self.answered_ns = 0
        self.result: Result | None = None
        self.given_up = False
        self.waiter: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None

    def ended(self) -> bool:
        return self.result is not None or (self.task is not None and self.task.done())

    def left(self, at_ns: int) -> None:
        self.left_ns = at_ns

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def give_up(self) -> None:
        self.given_up = True
        if self.task is not None:
            self.task.cancel()


class HttpLane:
    """A session with its own connection pool. Make and use it on its event loop; close it in the end.

    With `keeps_connections` false every request has a connection of its own, so that no answer can be
    that to another request.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        stalls: StallClock,
        *,
        limit_s: float = LIMIT_S,
        keeps_connections: bool = True,
        tls: SSLContext | None = None,
    ) -> None:
        self._stalls = stalls
        self._limit_s = limit_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._needed = 0
        self._needed_before = 0
        self._connector = CountingConnector(CONNECTIONS_MAX, IDLE_S if keeps_connections else None, tls)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
            request_class=NotedRequest,
        )

    @property
    def high_water(self) -> int:
        """The most connections that requests needed at a time, since the `tide` before the last one."""
        return min(CONNECTIONS_MAX, max(self._needed, self._needed_before))

    @property
    def standing(self) -> int:
        """How many connections there are, idle or in use."""
        return self._connector.standing

    def tide(self) -> None:
        """What was needed before the last call of this is forgotten."""
        self._needed_before, self._needed = self._needed, 0

    def touch(self, request: Request, timeout_ns: int) -> UnderWay[Sent]:
        """Send a request that keeps a connection warm: it raises no mark, and nobody minds its late end."""
        return self._send(request, timeout_ns, _forget)

    def send(self, request: Request, timeout_ns: int, on_late: Callable[[End], None]) -> UnderWay[Sent]:
        """Send a request, in the loop's next turn; await the answer.

        It is waited for until `timeout_ns` after the request really began, and for as long again as its
        connection took to be made. With a Lateness as the result, `on_late` is called once when the request
        ends; so too when the caller is cancelled while waiting. Otherwise never. Awaiting raises
        RuntimeError after `close`.
        """
        under_way = self._send(request, timeout_ns, on_late)
        self._needed = max(self._needed, len(self._tasks))
        return under_way

    def _send(self, request: Request, timeout_ns: int, on_late: Callable[[End], None]) -> UnderWay[Sent]:
        call = _InFlight(on_late)
        stalled_before_ns = self._stalls.stalled_ns
        task = call.task = asyncio.get_running_loop().create_task(self._run(call, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return UnderWay(lambda: self._sent(call, task, timeout_ns, stalled_before_ns))

    async def _sent(
        self, call: _InFlight, task: asyncio.Task[None], timeout_ns: int, stalled_before_ns: int
    ) -> Sent:
        try:
            late_by_ns = await _wait(call, timeout_ns)
        except asyncio.CancelledError:
            self._leave(call, timeout_ns)
            raise
        if call.result is None and task.done():
            task.result()
        stalled_ns = max(self._stalls.stalled_ns - stalled_before_ns, late_by_ns)
        if call.result is not None:
            latency_ns = call.answered_ns - (call.started_ns or 0)
            return Sent(call.result, latency_ns, stalled_ns, call.left_ns)
        self._leave(call, timeout_ns)
        lateness = Lateness.STALLED if stalled_ns * 2 >= timeout_ns else Lateness.TIMEOUT
        waited_ns = timeout_ns + late_by_ns + call.handshake.spent_ns(time.monotonic_ns())
        return Sent(lateness, waited_ns, stalled_ns, call.left_ns)

    async def close(self) -> None:
        """Give up what is under way and close the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    def _leave(self, call: _InFlight, timeout_ns: int) -> None:
        """Nobody waits any more: the request's end goes to `on_late`."""
        call.waiter = None
        if call.task is None or call.task.done():
            call.on_late(call.result)
            return
        left_s = max(0.0, self._limit_s - timeout_ns / 1e9)
        timer = asyncio.get_running_loop().call_later(left_s, call.give_up)

        def ended(task: asyncio.Task[None]) -> None:
            timer.cancel()
            if task.cancelled():
                if call.given_up:
                    call.on_late(None)
            elif (error := task.exception()) is not None:
                call.on_late(Broken(f"{type(error).__name__}: {error}"))
            else:
                call.on_late(call.result)

        call.task.add_done_callback(ended)

    async def _run(self, call: _InFlight, request: Request) -> None:
        call.started_ns = time.monotonic_ns()
        on_left.set(call.left)
        handshake_of.set(call.handshake)
        try:
            call.result = await self._exchange(request)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if request.body is not None and request.body.withheld:
                call.result = Withheld()
            else:
                call.result = Broken(f"{type(error).__name__}: {error}"[:300])
        finally:
            call.answered_ns = time.monotonic_ns()
            call.wake()

    async def _exchange(self, request: Request) -> Result:
        if request.body is not None and not request.body.may_start:
            return Withheld()
        for _ in range(TRIES_MAX - 1):
            try:
                return await self._exchange_once(request)
            except UnaskedAnswerError:
                continue
        return await self._exchange_once(request)

    async def _exchange_once(self, request: Request) -> Result:
        async with self._session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
        ) as response:
            body = await _read(response)
            if body is None:
                return Broken(f"answer longer than {BODY_BYTES_MAX} bytes")
            return Reply(response.status, body, response.headers.get("Retry-After"))


def _forget(_end: End) -> None:
    """Nobody is interested in how it ended."""


async def _wait(call: _InFlight, timeout_ns: int) -> int:
    """Wait for the answer; returns by how many nanoseconds the timer was late, 0 with an answer in time."""
    loop = asyncio.get_running_loop()
    created_ns = time.monotonic_ns()
    remaining_ns = timeout_ns
    while not call.ended():
        waiter = call.waiter = loop.create_future()
        timer = loop.call_later(remaining_ns / 1e9, call.wake)
        armed_ns = time.monotonic_ns()
        try:
            await waiter
        finally:
            timer.cancel()
        if call.ended():
            break
        now_ns = time.monotonic_ns()
        late_by_ns = max(0, now_ns - armed_ns - remaining_ns)
        allowed_ns = timeout_ns + call.handshake.spent_ns(now_ns)
        remaining_ns = (call.started_ns or created_ns) + allowed_ns - now_ns
        if remaining_ns < _TIMER_NS:
            await _read_what_arrived(call)
            return late_by_ns
    return 0


async def _read_what_arrived(call: _InFlight) -> None:
    """Let the loop poll its sockets; uvloop runs due timers before it looks at them."""
    call.waiter = None
    for _ in range(READ_TURNS):
        if call.ended():
            return
        await asyncio.sleep(0)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is too long."""
    length = response.content_length
    if length is not None and length <= BODY_BYTES_MAX:
        return await response.read()
    if length is not None:
        return None
    chunks = bytearray()
    async for chunk in response.content.iter_any():
        chunks += chunk
        if len(chunks) > BODY_BYTES_MAX:
            return None
    return bytes(chunks)
