"""One lane to the Order Service: its own connections, and an exact notion of a late answer.

An answer is late only after this process has read whatever had already arrived. So no timeout runs
inside the HTTP library: the request is a task of its own, and when its time is up the event loop is
first given the chance to read. What is still missing then was not answered in time; if the loop had
stood still meanwhile, that is told apart. The request itself goes on in the background up to a long
limit, and its end is reported.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import aiohttp
from yarl import URL

LIMIT_S: Final = 10.0
"""After this long a request is given up and its connection closed."""
READ_TURNS: Final = 16
"""Turns of the event loop in which an answer that has arrived is read, parsed and handed over."""
BODY_BYTES_MAX: Final = 4 << 20
CONNECTIONS_MAX: Final = 256
IDLE_S: Final = 4.0
"""How long an idle connection is kept: less than servers keep theirs (some only 5 s), because a request
that meets a closing connection has an unknown fate."""
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
    body: bytes | None = None
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


class Lateness(Enum):
    """Why there is no answer yet."""

    TIMEOUT = "TIMEOUT"
    STALLED = "STALLED"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request came to within its time."""

    result: Reply | Broken | Lateness
    latency_ns: int
    """From the request's start to its answer, or to the end of waiting."""
    stalled_ns: int
    """How long the event loop stood still meanwhile."""


End = Reply | Broken | None
"""How a late request ended; None: it never did, and was given up."""


class _InFlight:
    """A request under way. `waiter` wakes the sender, at the answer or when time is up."""

    __slots__ = ("answered_ns", "given_up", "on_late", "result", "started_ns", "task", "waiter")

    def __init__(self, on_late: Callable[[End], None]) -> None:
        self.on_late = on_late
        self.started_ns: int | None = None
        self.answered_ns = 0
        self.result: Reply | Broken | None = None
        self.given_up = False
        self.waiter: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None

    def ended(self) -> bool:
        return self.result is not None or (self.task is not None and self.task.done())

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def give_up(self) -> None:
        self.given_up = True
        if self.task is not None:
            self.task.cancel()


class HttpLane:
    """A session with its own connection pool. Make and use it on its event loop; close it in the end."""

    def __init__(self, headers: Mapping[str, str], stalls: StallClock, *, limit_s: float = LIMIT_S) -> None:
        self._stalls = stalls
        self._limit_s = limit_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ttl_dns_cache=60, keepalive_timeout=IDLE_S),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
        )

    async def send(self, request: Request, timeout_ns: int, on_late: Callable[[End], None]) -> Sent:
        """Send a request and wait for its answer for `timeout_ns` from when it really began.

        With a Lateness as the result, `on_late` is called once when the request ends; so too when
        the caller is cancelled while waiting. Otherwise never. Raises RuntimeError after `close`.
        """
        call = _InFlight(on_late)
        stalled_before_ns = self._stalls.stalled_ns
        call.task = asyncio.get_running_loop().create_task(self._run(call, request))
        self._tasks.add(call.task)
        call.task.add_done_callback(self._tasks.discard)
        try:
            late_by_ns = await _wait(call, timeout_ns)
        except asyncio.CancelledError:
            self._leave(call, timeout_ns)
            raise
        if call.result is None and call.task.done():
            call.task.result()
        stalled_ns = max(self._stalls.stalled_ns - stalled_before_ns, late_by_ns)
        if call.result is not None:
            return Sent(call.result, call.answered_ns - (call.started_ns or 0), stalled_ns)
        self._leave(call, timeout_ns)
        lateness = Lateness.STALLED if stalled_ns * 2 >= timeout_ns else Lateness.TIMEOUT
        return Sent(lateness, timeout_ns + late_by_ns, stalled_ns)

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
        try:
            call.result = await self._exchange(request)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            call.result = Broken(f"{type(error).__name__}: {error}"[:300])
        finally:
            call.answered_ns = time.monotonic_ns()
            call.wake()

    async def _exchange(self, request: Request) -> Reply | Broken:
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
        remaining_ns = (call.started_ns or created_ns) + timeout_ns - now_ns
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
