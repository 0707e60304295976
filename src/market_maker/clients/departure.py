"""The last step of a request on its way out: where a new order can still be held back.

aiohttp keeps a request's headers until the first part of its body is written, and then gives both to the
connection in one piece; asyncio and uvloop pass what they are given on to the kernel at once. So a body
that asks its gate when it is told to write itself asks at the last moment: between the gate's answer and
the system call nothing else of this process runs. A body that is held back raises, and aiohttp closes the
connection on which nothing was written.

An answer that nobody asked for (one given twice, say) would be taken for the answer to the next request of
its connection. So no request leaves on a connection on which something waits to be read.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Protocol

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

Left = Callable[[int], None]
"""Gets the monotonic time, in nanoseconds, at which a request was given to the kernel."""

on_left: Final[ContextVar[Left]] = ContextVar("on_left")
"""Who wants to know when the request of this task leaves. Called again when it has to be repeated."""


class Gate(Protocol):
    """Decides over one order, at the moment at which it would leave."""

    def is_open(self) -> bool:
        """Whether it would be let pass now; changes nothing."""

    def lets_pass(self) -> bool:
        """Whether it passes. Asked once; the order leaves at once if so."""


class WithheldError(Exception):
    """The gate did not let a request pass; nothing of it was sent."""


class UnaskedAnswerError(aiohttp.ClientConnectionError):
    """Something waits to be read before the request was sent; nothing of it was."""


class GatedBody(aiohttp.BytesPayload):
    """A request's body that asks before the request's first byte is written."""

    def __init__(self, body: bytes, gate: Gate) -> None:
        super().__init__(body)
        self._gate = gate
        self.withheld = False
        """Whether the gate has held it back."""

    @property
    def may_start(self) -> bool:
        """Whether it is worth taking a connection: a request that is held back costs one."""
        return self._gate.is_open()

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the whole body, or raise WithheldError."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body up to a length, or raise WithheldError. Nothing may await before the write."""
        if not self._gate.lets_pass():
            self.withheld = True
            raise WithheldError
        await super().write_with_length(writer, content_length)
        on_left.get()(time.monotonic_ns())


class NotedRequest(aiohttp.ClientRequest):
    """A request that says when it has left. What has no body is written here, at once and whole."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request, or what comes before its body. Raises UnaskedAnswerError."""
        protocol = conn.protocol
        if protocol is not None and protocol.should_close:
            raise UnaskedAnswerError("the connection holds an answer that nobody asked for")
        response = await super().send(conn)
        if not isinstance(self.body, aiohttp.Payload):
            on_left.get()(time.monotonic_ns())
        return response
