"""Kills by HTTP while strangers knock: how much longer one takes, and whether every pause gets through.

The admin API is the real one, in a process of its own, from socket to desk: connections, admission, a token
of an Auth Service verified by its key. What stands is set aside from the garbage collector, as the service
does. Behind it is a desk that answers at once. Another process floods it on loopback: without tokens, with
forged ones, and with one connection a request; who is cut off comes back. A third asks for kills and pauses,
as an operator does, on new connections.
"""

import asyncio
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from typing import Final

import aiohttp
import uvloop

from benchmarks.report import Row
from lab.api import Alone
from lab.auth import issuing, token
from lab.desk import FakeDesk
from lab.desk_records import view_of
from market_maker.api.app import create_app
from market_maker.api.bearer import BearerAuth
from market_maker.api.server import ApiServer
from market_maker.api.signed_out import SignedOut
from market_maker.bootstrap.heap import Heap
from market_maker.clients.auth import KeyStore, TokenVerifier
from market_maker.core.config import SymbolConfig
from market_maker.fleet.view import FleetView

SYMBOLS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
KILLS: Final = 300
WARM_UP_S: Final = 2.0
"""The flood's first knocks are answered at once: what is bounded is what goes on."""
FLOODS: Final = (50, 250)
TIMES_MAX: Final = 3.0
FORGED: Final = "Authorization: Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImVzLTEifQ.e30.c2lnbmF0dXJl\r\n"
KNOCKS: Final = (
    b"GET /v1/mm/status HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST /v1/mm/emergency/kill HTTP/1.1\r\nHost: x\r\n{FORGED}Content-Length: 0\r\n\r\n".encode(),
    b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
)


def rows() -> list[Row]:
    """The quiet kill, and the same under each flood."""
    spawned = multiprocessing.get_context("spawn")
    here, there = spawned.Pipe()
    server = spawned.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        port, bearer = here.recv()
        quiet, _ = asyncio.run(_operate(port, bearer))
        found = [Row("kill by HTTP, quiet, p99", quiet, "ms")]
        for connections in FLOODS:
            knocks, told = spawned.Pipe(duplex=False)
            flood = spawned.Process(target=_flood, args=(port, connections, told), daemon=True)
            flood.start()
            knocks.recv()
            time.sleep(WARM_UP_S)
            try:
                flooded, through = asyncio.run(_operate(port, bearer))
            finally:
                flood.kill()
                flood.join()
            found += [
                Row(f"kill by HTTP, {connections} strangers, p99", flooded, "ms", TIMES_MAX * quiet),
                Row(f"pauses that got through, {connections} strangers", through, "%", 100.0, at_least=True),
            ]
        return found
    finally:
        server.kill()
        server.join()


def _serve(pipe: Connection) -> None:
    uvloop.run(_api(pipe))


async def _api(pipe: Connection) -> None:
    async with issuing("es-1") as issuer:
        keys = KeyStore(issuer.url)
        await keys.refresh()
        desk = FakeDesk(views={symbol: view_of(SymbolConfig(symbol)) for symbol in SYMBOLS})
        access = BearerAuth(TokenVerifier(keys), SignedOut())
        app = create_app(desk, access, "benchmark", FleetView(desk, Alone()))
        server = ApiServer(app, "127.0.0.1", 0)
        await server.start()
        Heap(lambda: len(SYMBOLS)).settle()
        bearer = token("es-1", "mm:operate", "mm:emergency", exp=int(time.time()) + 600)
        pipe.send((server.port, bearer))
        await asyncio.Event().wait()


async def _operate(port: int, bearer: str) -> tuple[float, float]:
    """The p99 of a kill, in milliseconds, and how many of a hundred pauses were answered by their symbol."""
    took_ms: list[float] = []
    paused = 0
    headers = {"Authorization": f"Bearer {bearer}"}
    url = f"http://127.0.0.1:{port}/v1"
    for _ in range(KILLS):
        async with aiohttp.ClientSession(headers=headers) as session:
            began = time.perf_counter()
            async with session.post(f"{url}/mm/emergency/kill", json={"reason": "flood"}) as answer:
                await answer.read()
                assert answer.status in (200, 409), answer.status
            took_ms.append((time.perf_counter() - began) * 1e3)
            async with session.post(f"{url}/mm-configs/{SYMBOLS[0]}/pause") as answer:
                paused += answer.status in (200, 409)
        await asyncio.sleep(0.005)
    return statistics.quantiles(took_ms, n=100)[98], 100 * paused / KILLS


def _flood(port: int, connections: int, told: Connection) -> None:
    uvloop.run(_knock_with_all(port, connections, told))


async def _knock_with_all(port: int, connections: int, told: Connection) -> None:
    """Tells once it knocks: how long the process takes to start is not what is measured."""
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(_knock(port, KNOCKS[number % len(KNOCKS)]))
        told.send(None)


async def _knock(port: int, request: bytes) -> None:
    """As fast as one connection can; a new one whenever it is closed."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(request)
                if not await reader.read(65_536):
                    break
            writer.close()
        except OSError:
            await asyncio.sleep(0.01)
