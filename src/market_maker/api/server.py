"""The admin API's server, inside the running event loop: no signal handlers, no access log."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import uvicorn
from fastapi import FastAPI

from market_maker.api.connections import Connections, protocol_for
from market_maker.api.context import Waits
from market_maker.api.stream import Streams

_BACKLOG = 256
_HEAD_BYTES_MAX = 32_768
"""A token has 8,192 characters at most."""


class CannotListenError(Exception):
    """The address cannot be listened on; the message names the setting."""


class ApiServer:
    """Serves an app made by `create_app` on HTTP_PORT; port 0 takes a free one."""

    def __init__(self, app: FastAPI, host: str, port: int, proxies: Sequence[str] = ()) -> None:
        """`proxies`: addresses and networks whose X-Forwarded-For is believed; of nobody else it is."""
        self._app = app
        networks = [ip_network(proxy) for proxy in proxies]
        self.connections = Connections(lambda address: _is_within(address, networks))
        self._host = host
        self._port = port
        self._serving: asyncio.Task[None] | None = None
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=1,
            http=protocol_for(self.connections),
            h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
        )
        self._server = _Embedded(config)
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    def listen(self) -> None:
        """Take the port; requests wait until `start`. Raises CannotListenError."""
        self._listener = self._bind()

    async def start(self) -> None:
        """Return once requests are answered. Raises CannotListenError when it has to listen first."""
        listener = self._listener or self._bind()
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="admin-api")
        ready = asyncio.create_task(self._server.ready.wait(), name="admin-api-ready")
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            self._serving.result()

    async def stop(self) -> None:
        """End the streams and the waiting, answer what has been asked, stop listening."""
        if self._serving is None:
            return
        streams: Streams = self._app.state.streams
        streams.stop()
        waits: Waits = self._app.state.waits
        waits.stop(None)
        self._server.should_exit = True
        await self._serving
        self._serving = None

    def _bind(self) -> socket.socket:
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            listener = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
            # Head and body of an answer leave apart; without this the body waits for a delayed ACK, 40 ms.
            # asyncio does not set it on what a listener made elsewhere accepts.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise CannotListenError(
                f"HTTP_PORT={self._port}: cannot listen on {self._host}:{self._port}"
                f" ({error.strerror}): stop what uses it, or set another HTTP_PORT"
            ) from error
        self._port = listener.getsockname()[1]
        return listener


def _is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:  # a socket without an address
        return False


class _Embedded(uvicorn.Server):
    """A server that leaves signals to the process that it lives in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
