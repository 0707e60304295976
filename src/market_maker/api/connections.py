"""The connections of the admin API: how many there may be, and how long one may be waited for.

Who sends half a request is answered 408, who reads no answer is cut off. Who is new is a stranger until
one of his requests was let in. Strangers have a bounded number of places, and the one who has held his for
longest makes room for the newest: an operator, whose request is whole within a moment, always gets in.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from market_maker.api.problems import ProblemError

STRANGERS_MAX = 400
"""Connections of which no request was let in yet."""
STRANGERS_PER_ADDRESS_MAX = 300
KNOWN_MAX = 200
"""Connections of which one was: no stranger can take their places."""
KNOWN_PER_SUBJECT_MAX = 64
REQUEST_S = 10.0
"""From the first moment in which a request is waited for to its last byte."""
WRITE_S = 10.0
"""How long an answer may wait for its reader."""


class Abortable(Protocol):
    """A connection that can be cut off."""

    def abort(self) -> None:
        """Cut it off now; nothing that waits to be written is."""


class Connections:
    """Who holds a connection."""

    def __init__(self, is_proxy: Callable[[str], bool] = lambda _: False) -> None:
        """`is_proxy`: many stand behind this address, so it is not held to the limit of one."""
        self._is_proxy = is_proxy
        self._strangers: dict[Abortable, str] = {}
        """In the order of arrival, with their addresses."""
        self._of_address: dict[str, dict[Abortable, None]] = {}
        self._known: dict[Abortable, str] = {}
        self._of_subject: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def arrived(self, connection: Abortable, address: str) -> None:
        """A new one; the oldest stranger is cut off when there are too many."""
        self._strangers[connection] = address
        same = self._of_address.setdefault(address, {})
        same[connection] = None
        if len(same) > STRANGERS_PER_ADDRESS_MAX and not self._is_proxy(address):
            self._cut_off(next(iter(same)))
        elif len(self._strangers) > STRANGERS_MAX:
            self._cut_off(next(iter(self._strangers)))

    def let_in(self, connection: Abortable, subject: str) -> None:
        """A request was let in: its connection is a stranger's no more, unless its sender has many."""
        if connection not in self._strangers or len(self._known) >= KNOWN_MAX:
            return
        if self._of_subject[subject] >= KNOWN_PER_SUBJECT_MAX:
            return
        self._forget(connection)
        self._known[connection] = subject
        self._of_subject[subject] += 1

    def left(self, connection: Abortable) -> None:
        """It has ended."""
        self._forget(connection)
        subject = self._known.pop(connection, None)
        if subject is not None:
            self._of_subject[subject] -= 1
            if not self._of_subject[subject]:
                del self._of_subject[subject]

    def _cut_off(self, connection: Abortable) -> None:
        self._forget(connection)
        connection.abort()

    def _forget(self, connection: Abortable) -> None:
        address = self._strangers.pop(connection, None)
        if address is not None:
            same = self._of_address[address]
            del same[connection]
            if not same:
                del self._of_address[address]


class TimedProtocol(H11Protocol):
    """uvicorn's protocol, which by itself limits only how long a connection may idle between two requests."""

    held: Connections
    """Those of its server."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """`app_state` becomes the state of every request."""
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
        self.gone = asyncio.Event()
        self._request_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Cut it off now."""
        self.transport.abort()

    def let_in(self, subject: str) -> None:
        """A request of this connection was let in."""
        self.held.let_in(self, subject)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.held.arrived(self, self.client[0] if self.client else "")
        self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.gone.set()
        self.held.left(self)
        self._stop_request_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request, or several."""
        super().data_received(data)
        self._time()

    def on_response_complete(self) -> None:
        """The next request may begin, or has begun: then this is no idle connection, which is only closed."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._unset_keepalive_if_required()
        self._time()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._write_timer = self._write_timer or self.loop.call_later(WRITE_S, self.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        self._stop_write_timer()

    def _time(self) -> None:
        """Keep the timer while the client owes a part of a request; single bytes do not wind it up again."""
        if self.transport.is_closing() or self._is_whole() or self.timeout_keep_alive_task is not None:
            self._stop_request_timer()
        elif self._request_timer is None:
            self._request_timer = self.loop.call_later(REQUEST_S, self._give_up)

    def _give_up(self) -> None:
        """Who sent half a request is told so; who sent nothing, or reads half an answer, is only cut off."""
        answers = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        has_begun = bool(self.conn.trailing_data[0]) or self.conn.their_state is h11.SEND_BODY
        if answers or not has_begun:
            self.abort()
            return
        self.transport.write(_half_a_request())
        self.transport.close()
        self._write_timer = self._write_timer or self.loop.call_later(WRITE_S, self.abort)

    def _is_whole(self) -> bool:
        """Whether a request has arrived that is being answered."""
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


def _half_a_request() -> bytes:
    detail = f"the request was not whole within {REQUEST_S:g} s: send it again"
    answer = ProblemError(HTTPStatus.REQUEST_TIMEOUT, "REQUEST_TIMEOUT", detail).response("")
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 408 Request Timeout\r\n{head}connection: close\r\n\r\n".encode() + bytes(answer.body)


def protocol_for(connections: Connections) -> type[TimedProtocol]:
    """What uvicorn makes for each connection."""

    class Counted(TimedProtocol):
        held = connections

    return Counted
