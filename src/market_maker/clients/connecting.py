"""Connections as they are made: how long each one takes, and how many stand.

Making one (name, TCP, TLS) is no part of an exchange's time to answer: nothing was asked yet.
"""

import time
from contextvars import ContextVar
from ssl import SSLContext
from typing import Final
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

HANDSHAKE_NS_MAX: Final = 2_000_000_000
"""So much may making a connection add to the time that a request has; a server that is away is no excuse."""


class Handshake:
    """The time that one request has spent on making connections."""

    __slots__ = ("_since_ns", "_spent_ns")

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._spent_ns = 0

    def begins(self) -> None:
        """A connection is being made for the request."""
        self._since_ns = time.monotonic_ns()

    def ends(self) -> None:
        """It stands, or failed."""
        self._spent_ns = self.spent_ns(time.monotonic_ns())
        self._since_ns = None

    def spent_ns(self, now_ns: int) -> int:
        """Until now, within what is allowed."""
        under_way_ns = 0 if self._since_ns is None else now_ns - self._since_ns
        return min(HANDSHAKE_NS_MAX, self._spent_ns + under_way_ns)


handshake_of: Final[ContextVar[Handshake]] = ContextVar("handshake_of")
"""The handshake of this task's request."""


class CountingConnector(aiohttp.TCPConnector):
    """Tells each request how long its connection takes to be made, and knows which ones stand."""

    def __init__(self, connections_max: int, idle_s: float | None, tls: SSLContext | None) -> None:
        """Without `idle_s` a connection serves one request only."""
        super().__init__(
            limit=connections_max,
            ttl_dns_cache=60,
            keepalive_timeout=idle_s,
            force_close=idle_s is None,
            ssl=tls if tls is not None else True,
        )
        self._made: WeakSet[ResponseHandler] = WeakSet()

    @property
    def standing(self) -> int:
        """How many connections there are, idle or in use."""
        return sum(one.is_connected() for one in self._made)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- the library's own signature
    ) -> ResponseHandler:
        handshake = handshake_of.get()
        handshake.begins()
        try:
            made = await super()._create_connection(req, traces, timeout)
        finally:
            handshake.ends()
        self._made.add(made)
        return made
