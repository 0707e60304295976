"""An HTTP server in a thread of its own: it answers even while the client's event loop stands still."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from market_maker.core.instrument import Instrument
from market_maker.core.orders.checked_order import SEAL, CheckedOrder
from market_maker.core.side import Side

ENDS_WITHIN_S = 0.1
"""What is still being answered when the server ends, or was only just connected, is given up then."""


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[web.Request, Seen], Awaitable[web.StreamResponse]]


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    """Always the same answer; bytes go out as they are, anything else as JSON."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def respond(_request: web.Request, _seen: Seen) -> web.StreamResponse:
        return web.Response(status=status, body=payload, headers=headers)

    return respond


async def accept(_request: web.Request, seen: Seen) -> web.StreamResponse:
    """Accept a placement."""
    body = {
        "order_id": f"x-{seen.json['client_order_id']}",
        "client_order_id": seen.json["client_order_id"],
        "status": "open",
        "created_at": "2026-11-20T00:00:00Z",
    }
    return web.Response(status=201, body=json.dumps(body).encode())


async def drop(request: web.Request, _seen: Seen) -> web.StreamResponse:
    """Break the connection instead of answering."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def telling(respond: Answer, left: threading.Semaphore) -> Answer:
    """The same answers; `left` is released for each that has left."""

    async def answered(request: web.Request, seen: Seen) -> web.StreamResponse:
        response = await respond(request, seen)
        await response.prepare(request)
        await response.write_eof()
        left.release()
        return response

    return answered


def is_gone(transport: asyncio.Transport) -> bool:
    """Whether its socket is closed."""
    sock = transport.get_extra_info("socket")
    return sock is None or sock.fileno() < 0


class OrderServer:
    """Answers every request with `self.respond`, unless held back."""

    def __init__(self, respond: Answer = accept) -> None:
        self.respond = respond
        self.requests: list[Seen] = []
        self.connections_lost = 0
        self.url = ""
        self._held: set[str] = set()
        self.loop = asyncio.new_event_loop()
        self._gate: asyncio.Event
        self._started = threading.Event()
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(),))

    def hold(self, *methods: str) -> None:
        """Answer requests of these methods only after `release`."""
        self._held.update(methods)

    def release(self) -> None:
        """Answer what was held back, and hold nothing any more."""
        self._held.clear()
        self.loop.call_soon_threadsafe(self._gate.set)

    async def released(self) -> None:
        """In an answer: wait for `release`."""
        await self._gate.wait()

    def end(self) -> None:
        """Serve no longer; called in the loop."""
        self._stop.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self.loop.call_soon_threadsafe(self.end)
        self._thread.join()
        self.loop.close()

    async def _serve(self) -> None:
        self._gate, self._stop = asyncio.Event(), asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=ENDS_WITHIN_S)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set()
        await self._stop.wait()
        # Python 3.11 loses a connection that is being accepted while its server closes: from here on nothing
        # new, and a turn for what has come.
        self.loop.remove_reader(listening)
        await asyncio.sleep(0)
        await runner.cleanup()
        # What is still being accepted, or has something left to send, would outlive the loop.
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        while transports := [each for each in vars(self.loop)["_transports"].values() if not is_gone(each)]:
            for transport in transports:
                transport.abort()
            await asyncio.sleep(0)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        seen = Seen(
            request.method,
            request.raw_path.partition("?")[0],
            dict(request.query),
            dict(request.headers),
            await request.read(),
            peer,
        )
        self.requests.append(seen)
        if request.method in self._held:
            try:
                await self._gate.wait()
            except asyncio.CancelledError:
                self.connections_lost += 1
                raise
        return await self.respond(request, seen)


def checked_order(
    client_order_id: str = "0197-1", *, side: Side = Side.BUY, ticks: int = 6_000_001, lots: int = 15
) -> CheckedOrder:
    """An order as the pre-trade check would make it, on a grid of 0.01 and 0.00001."""
    grid = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    return CheckedOrder(
        client_order_id,
        grid.symbol,
        side,
        0,
        ticks,
        lots,
        grid.price(ticks),
        grid.quantity(lots),
        SEAL,
    )


class OpenGate:
    """Lets orders pass while it is open."""

    def __init__(self, *, open_for: int = 1_000_000) -> None:
        self.left = open_for
        """How many more it lets pass."""

    def is_open(self) -> bool:
        return self.left > 0

    def lets_pass(self) -> bool:
        self.left -= 1
        return self.left >= 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- the condition is made true by another thread
            await asyncio.sleep(0)
