"""One HTTP/1.1 connection to the exchange: at most one request at a time, and none on what is unread.

A request is given to the kernel in the call that sends it: the transport's buffer is limited to nothing,
which makes uvloop write at once as asyncio does. An answer that nobody asked for (one given twice, say) would
be taken for the answer to the next request, so nothing leaves while something waits to be read, here or in
the kernel, and what comes unasked ends the connection.
"""

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

BODY_BYTES_MAX: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete HTTP answer."""

    status: int
    body: bytes
    retry_after: str | None = None
    server_timing: str | None = None
    """What the server says of its own time (W3C Server-Timing)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection failed, or the answer was no HTTP or too long: the request's fate is unknown."""

    detail: str


def broken(error: BaseException) -> Broken:
    """What an exception of a connection means."""
    return Broken(f"{type(error).__name__}: {error}"[:300])


class Connection(asyncio.Protocol):
    """Parses answers as they come; `on_idle` is told when it can be used again, `on_gone` when never more."""

    def __init__(
        self, on_idle: Callable[["Connection"], None], on_gone: Callable[["Connection"], None], *, keeps: bool
    ) -> None:
        """With `keeps` false it serves one request."""
        self._on_idle, self._on_gone, self._keeps = on_idle, on_gone, keeps
        self._transport: asyncio.Transport | None = None
        self._unread = select.poll()
        self._parser = HttpResponseParser(self)
        self._heard: Callable[[HttpReply | Broken], None] | None = None
        self._reply: HttpReply | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._retry_after: str | None = None
        self._server_timing: str | None = None
        self._has_end = self._ends_with_connection = False
        self.idle_since_ns = 0
        """For the lane's use."""

    async def open(self, address: tuple[str, int], tls: SSLContext | None, handshake_s: float) -> None:
        """Connect. Raises OSError, also for a certificate that is not trusted."""
        loop = asyncio.get_running_loop()
        plain, _ = await loop.create_connection(lambda: self, *address)
        if tls is not None:
            try:
                self._transport = await loop.start_tls(
                    plain, self, tls, server_hostname=address[0], ssl_handshake_timeout=handshake_s
                )
            except BaseException:
                plain.abort()
                raise

    # --- what the lane does ------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_quiet(self) -> bool:
        """Whether it stands and nothing waits to be read on it."""
        return self.is_open and not self._unread.poll(0)

    def send(self, request: bytes, heard: Callable[[HttpReply | Broken], None]) -> None:
        """Give a request to the kernel; `heard` gets its answer. Only when nothing is under way."""
        if self._heard is not None or self._transport is None:
            raise RuntimeError("a connection carries one request at a time, and none after its end")
        self._heard = heard
        self._transport.write(request)

    def close(self) -> None:
        """End it; whoever waits for an answer is not told."""
        self._heard = None
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands, encrypted or not."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse it. What nobody asked for ends the connection."""
        if self._heard is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._reply is None:
                self._fail(broken(error))
                return
            self._keeps = False
        if self._reply is not None:
            self._answered(self._reply)
        elif self._body_bytes > BODY_BYTES_MAX:
            self._fail(Broken(f"answer longer than {BODY_BYTES_MAX} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and so is the answer, unless its end is the connection's."""
        self._transport = None
        self._on_gone(self)
        heard, self._heard = self._heard, None
        if heard is None:
            return
        if exc is None and self._ends_with_connection and self._body_bytes <= BODY_BYTES_MAX:
            heard(self._make_reply())
        else:
            heard(broken(exc or ConnectionError("the server closed the connection without a whole answer")))

    # --- httptools ---------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request makes the connection useless."""
        if self._reply is not None:
            self._keeps = False
            return
        self._body, self._body_bytes = [], 0
        self._retry_after = self._server_timing = None
        self._has_end = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the answer."""
        match name.lower():
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"server-timing":
                self._server_timing = value.decode("latin-1")
            case b"content-length" | b"transfer-encoding":
                self._has_end = True

    def on_headers_complete(self) -> None:
        """Without a length its body ends with the connection; before this nothing of it counts."""
        self._ends_with_connection = not self._has_end

    def on_body(self, body: bytes) -> None:
        """A part of the answer's body."""
        self._body_bytes += len(body)
        if self._reply is None and self._body_bytes <= BODY_BYTES_MAX:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole; one of the 100s is not the answer yet."""
        self._ends_with_connection = False
        if self._reply is None and self._parser.get_status_code() >= 200:
            self._keeps = self._keeps and self._parser.should_keep_alive()
            self._reply = self._make_reply()

    # --- inside ------------------------------------------------------------------------------------

    def _make_reply(self) -> HttpReply:
        return HttpReply(
            self._parser.get_status_code(), b"".join(self._body), self._retry_after, self._server_timing
        )

    def _answered(self, reply: HttpReply) -> None:
        heard, self._heard, self._reply = self._heard, None, None
        if self._keeps:
            self._on_idle(self)
        else:
            self.close()
        if heard is not None:
            heard(reply)

    def _fail(self, what: Broken) -> None:
        heard = self._heard
        self.close()
        if heard is not None:
            heard(what)
