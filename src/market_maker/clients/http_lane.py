"""One lane to the Order Service: its own connections, and an exact notion of a late answer.

A request leaves in the call that sends it when a connection is free. An answer is late only after this
process has read whatever had already arrived: when a request's time is up, the event loop is first given
the chance to read. What is still missing then was not answered in time; if the loop had stood still
meanwhile, that is told apart, and making a connection does not count. The request itself goes on up to a
long limit, and its end is reported. One timer serves all requests of a lane.
"""

import asyncio
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from ssl import SSLContext, create_default_context
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from market_maker.clients.connection import Broken, Connection, broken
from market_maker.clients.http_call import End, HttpCall, Request, Sent, Withheld
from market_maker.clients.under_way import UnderWay

LIMIT_S: Final = 10.0
"""After this long a request is given up and its connection closed."""
READ_TURNS: Final = 16
"""Turns of the event loop in which an answer that has arrived is read, parsed and handed over."""
CONNECTIONS_MAX: Final = 256
IDLE_NS: Final = 4_000_000_000
"""How long an idle connection is used again: less than servers keep theirs (some only 5 s), because a request
that meets a closing connection has an unknown fate."""
_TIMER_NS: Final = 1_000_000
"""Resolution of the event loop's timers."""


class StallClock(Protocol):
    """Knows how long the event loop has stood still."""

    @property
    def stalled_ns(self) -> int:
        """Nanoseconds since some start; never decreases."""


class HttpLane:
    """The connections of one lane. Make and use it on its event loop; close it in the end.

    With `keeps_connections` false every request has a connection of its own, so that no answer can be
    that to another request.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        stalls: StallClock,
        *,
        limit_s: float = LIMIT_S,
        keeps_connections: bool = True,
        tls: SSLContext | None = None,
    ) -> None:
        """`tls` is what an https server is checked with; None: the system's authorities."""
        parts = urlsplit(url)
        is_https = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if is_https else 80))
        self._prefix = parts.path.rstrip("/")
        self._tls = (tls or _system_authorities()) if is_https else None
        all_headers = {"Host": parts.netloc.rpartition("@")[2], **headers}
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            all_headers.setdefault("Authorization", f"Basic {b64encode(user.encode()).decode()}")
        if not keeps_connections:
            all_headers["Connection"] = "close"
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        self._stalls = stalls
        self._limit_ns = int(limit_s * 1e9)
        self._keeps = keeps_connections
        self._connections_max = CONNECTIONS_MAX
        self._loop = asyncio.get_running_loop()
        self._calls: set[HttpCall] = set()
        self._waiting: deque[HttpCall] = deque()
        self._open: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._connecting = 0
        self._needed = self._needed_before = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_ns = 0
        self._is_closed = False

    @property
    def high_water(self) -> int:
        """The most connections that requests needed at a time, since the `tide` before the last one."""
        return min(self._connections_max, max(self._needed, self._needed_before))

    @property
    def standing(self) -> int:
        """How many connections there are, idle or in use."""
        return len(self._open)

    def tide(self) -> None:
        """What was needed before the last call of this is forgotten."""
        self._needed_before, self._needed = self._needed, 0

    def touch(self, request: Request, timeout_ns: int) -> UnderWay[Sent]:
        """Send a request that keeps a connection warm: it raises no mark, and nobody minds its late end."""
        return self._send(request, timeout_ns, _forget)

    def send(self, request: Request, timeout_ns: int, on_late: Callable[[End], None]) -> UnderWay[Sent]:
        """Send a request, at once where a connection is free. Raises RuntimeError after `close`.

        It is waited for until `timeout_ns` after the request really began, and for as long again as its
        connection took to be made. With a Lateness as the result, `on_late` is called once when the request
        ends; so too when the caller is cancelled while waiting. Otherwise never.
        """
        under_way = self._send(request, timeout_ns, on_late)
        self._needed = max(self._needed, len(self._calls))
        return under_way

    async def close(self) -> None:
        """Give up what is under way, without further answers, and close the connections."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        calls = tuple(self._calls)
        connecting = [call.connecting for call in calls if call.connecting is not None]
        self._calls.clear()
        self._waiting.clear()
        for call in calls:
            call.is_over = True
            call.answered.drop()
        for task in connecting:
            task.cancel()
        for connection in tuple(self._open):
            connection.close()
        await asyncio.gather(*connecting, return_exceptions=True)

    # --- out ---------------------------------------------------------------------------------------

    def _send(self, request: Request, timeout_ns: int, on_late: Callable[[End], None]) -> UnderWay[Sent]:
        if self._is_closed:
            raise RuntimeError("the lane to the Order Service is closed")
        call = HttpCall(request, timeout_ns, self._stalls.stalled_ns, on_late)
        call.answered = UnderWay(lambda: self._abandon(call))  # written UnderWay[Sent] it takes 2.6 us more
        self._calls.add(call)
        if request.gate is not None and not request.gate.is_open():
            self._end(call, Withheld())
        elif (connection := self._free()) is not None:
            self._write(call, connection)
        else:
            self._wait_for_a_connection(call)
        if not call.is_over:
            self._watch(call.due_ns(call.made_ns))
        return call.answered

    def _free(self) -> Connection | None:
        """A connection on which nothing waits to be read; the one that has been idle for longest."""
        oldest_ns = time.monotonic_ns() - IDLE_NS
        for _ in range(len(self._idle)):
            connection = self._idle.popleft()
            if connection.idle_since_ns < oldest_ns:
                connection.close()
            elif connection.is_quiet:
                return connection
            else:
                self._idle.append(connection)
        return None

    def _wait_for_a_connection(self, call: HttpCall) -> None:
        if len(self._open) + self._connecting < self._connections_max:
            self._connecting += 1
            call.connecting = self._loop.create_task(self._connect(call))
        else:
            call.started_ns = call.made_ns
            self._waiting.append(call)

    async def _connect(self, call: HttpCall) -> None:
        call.handshake_began_ns = time.monotonic_ns()
        call.started_ns = call.started_ns or call.handshake_began_ns
        connection = Connection(self._is_idle, self._is_gone, keeps=self._keeps)
        try:
            await connection.open(self._address, self._tls, self._limit_ns / 1e9)
        except Exception as error:  # noqa: BLE001 -- whatever its making raises, the request is answered
            self._end(call, broken(error))
        else:
            now_ns = time.monotonic_ns()
            call.handshake_ns, call.handshake_began_ns = now_ns - call.handshake_began_ns, None
            if not connection.is_open:
                self._end(call, Broken("ConnectionError: the server closed the connection at once"))
                return
            self._open.add(connection)
            if call.is_over:
                self._put_back(connection)
            else:
                self._write(call, connection)
        finally:
            self._connecting -= 1
            call.connecting = None
            self._next()

    def _write(self, call: HttpCall, connection: Connection) -> None:
        """Ask the gate and send: nothing of this process runs between its answer and the system call."""
        request = call.request
        data = self._bytes_of(request)
        if request.gate is not None and not request.gate.lets_pass():
            self._put_back(connection)
            self._end(call, Withheld())
            return
        call.connection = connection
        call.started_ns = call.started_ns or time.monotonic_ns()
        connection.send(data, lambda heard: self._end(call, heard))
        call.left_ns = time.monotonic_ns()

    def _bytes_of(self, request: Request) -> bytes:
        trace = "" if request.trace is None else f"traceparent: {request.trace}\r\n"
        head = f"{request.method} {self._prefix}{request.target} HTTP/1.1\r\n{self._headers}{trace}"
        if request.json is None:
            return f"{head}\r\n".encode("latin-1")
        length = len(request.json)
        return (
            f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
            + request.json
        )

    # --- back --------------------------------------------------------------------------------------

    def _is_idle(self, connection: Connection) -> None:
        self._put_back(connection)
        self._next()

    def _put_back(self, connection: Connection) -> None:
        connection.idle_since_ns = time.monotonic_ns()
        self._idle.append(connection)

    def _is_gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._next()

    def _next(self) -> None:
        """Let those go that wait for a connection, as far as there is room."""
        while self._waiting and not self._is_closed:
            connection = self._free()
            if connection is not None:
                self._write(self._waiting.popleft(), connection)
            elif len(self._open) + self._connecting < self._connections_max:
                self._wait_for_a_connection(self._waiting.popleft())
            else:
                return

    def _end(self, call: HttpCall, result: End) -> None:
        """The request is over; whoever waits, or `on_late`, hears of it in this very step."""
        if call.is_over:
            return
        call.is_over = True
        self._calls.discard(call)
        if call.is_late or result is None:
            call.ended(result)
        else:
            call.answered.settle(call.sent(result, self._stalls.stalled_ns))

    def _abandon(self, call: HttpCall) -> None:
        """Nobody waits any more: the request's end goes to `on_late`."""
        if not call.is_over:
            self._leave(call)

    def _leave(self, call: HttpCall) -> None:
        call.is_late = True
        call.over_at_ns = time.monotonic_ns() + max(0, self._limit_ns - call.timeout_ns)
        self._watch(call.over_at_ns)

    # --- lateness ----------------------------------------------------------------------------------

    def _watch(self, due_ns: int) -> None:
        """See to it that the timer runs off at `due_ns` or before."""
        if self._timer is not None:
            if self._timer_due_ns <= due_ns:
                return
            self._timer.cancel()
        self._timer_due_ns = due_ns
        self._timer = self._loop.call_later(
            max(0, due_ns - time.monotonic_ns()) / 1e9, self._look_at_the_time
        )

    def _look_at_the_time(self) -> None:
        self._timer = None
        now_ns = time.monotonic_ns()
        next_ns: int | None = None
        for call in tuple(self._calls):
            if call.turns:
                continue
            due_ns = call.due_ns(now_ns)
            if due_ns - now_ns >= _TIMER_NS:
                next_ns = due_ns if next_ns is None else min(next_ns, due_ns)
            elif call.is_late:
                self._give_up(call)
            else:
                call.late_by_ns = max(0, now_ns - due_ns)
                call.turns = READ_TURNS
                self._loop.call_soon(self._let_it_be_read, call)
        if next_ns is not None:
            self._watch(next_ns)

    def _let_it_be_read(self, call: HttpCall) -> None:
        """Let the loop poll its sockets; uvloop runs due timers before it looks at them."""
        if call.is_over:
            return
        call.turns -= 1
        if call.turns:
            self._loop.call_soon(self._let_it_be_read, call)
        elif not call.is_late:
            late = call.late(self._stalls.stalled_ns)
            self._leave(call)
            call.answered.settle(late)

    def _give_up(self, call: HttpCall) -> None:
        if call.connecting is not None:
            call.connecting.cancel()
        if call.connection is not None:
            call.connection.close()
        with suppress(ValueError):
            self._waiting.remove(call)
        self._end(call, None)


def _forget(_end: End) -> None:
    """Nobody is interested in how it ended."""


@cache
def _system_authorities() -> SSLContext:
    return create_default_context()
