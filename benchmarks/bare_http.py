"""An HTTP/1.1 server that costs as little as Python allows: one asyncio.Protocol, no framework.

For benchmarks of what calls it. It understands requests with a Content-Length and requests without a body.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final, cast

import orjson
import uvloop

Answer = Callable[[str, str, bytes], tuple[str, bytes]]
"""Method, target and body to status and JSON."""
CREATED: Final = "201 Created"
OK: Final = "200 OK"
HOST: Final = "127.0.0.1"
_HEAD: Final = (
    b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n"
    b"Server-Timing: own;dur=%.3f\r\nContent-Length: %d\r\n\r\n"
)
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class BareHttp(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; what is written leaves at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        began_ns = time.perf_counter_ns()
        self._received += data
        assert self._transport is not None
        while (request := self._request()) is not None:
            status, body = self._answer(*request)
            took_ms = (time.perf_counter_ns() - began_ns) / 1e6
            self._transport.write(_HEAD % (status.encode(), took_ms, len(body)) + body)

    def _request(self) -> tuple[str, str, bytes] | None:
        head, end, rest = self._received.partition(_HEAD_END)
        if not end:
            return None
        lower = head.lower()
        at = lower.find(_LENGTH)
        length = 0 if at < 0 else int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return None
        self._received = rest[length:]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        return method, target, rest[:length]


def accept(_method: str, _target: str, body: bytes) -> tuple[str, bytes]:
    """Every order is accepted."""
    order = orjson.loads(body) if body else {"client_order_id": ""}
    return CREATED, orjson.dumps(
        {
            "order_id": "x",
            "client_order_id": order["client_order_id"],
            "status": "open",
            "created_at": "2026-11-20T00:00:00Z",
        }
    )


@contextmanager
def accepting() -> Iterator[str]:
    """The address of such a server in a process of its own."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        yield f"http://{HOST}:{here.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(ready: Connection) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: BareHttp(accept), HOST, 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())
