import asyncio
import signal
import socket
import time

import aiohttp
import pytest

from lab.api import Alone, eventually, served
from lab.desk import FakeDesk
from market_maker.api.app import create_app
from market_maker.api.guard import BODY_BYTES_MAX
from market_maker.api.security import NoAuth
from market_maker.api.server import ApiServer, CannotListenError
from market_maker.core.commands import Problem
from market_maker.fleet.view import FleetView


async def test_it_answers_once_started_and_no_more_once_stopped(desk: FakeDesk) -> None:
    server = ApiServer(create_app(desk, NoAuth(), "1", FleetView(desk, Alone())), "127.0.0.1", 0)
    await server.start()
    url = f"http://127.0.0.1:{server.port}/health"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 200
            assert "Server" not in response.headers
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_an_end_waits_for_no_enable_that_waits(desk: FakeDesk) -> None:
    desk.change("BTC-USDT", enable_problems=(Problem("NO_VALID_BOOK", "no valid order book"),))
    server = ApiServer(create_app(desk, NoAuth(), "1", FleetView(desk, Alone())), "127.0.0.1", 0)
    await server.start()
    url = f"http://127.0.0.1:{server.port}/v1/mm-configs/BTC-USDT/enable"
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.post(url, json={"wait": 30}))
        await eventually(lambda: bool(desk.controls))
        await server.stop()
        assert (await asking).status == 409


async def test_a_port_in_use_is_named_with_the_fix(desk: FakeDesk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ApiServer(create_app(desk, NoAuth(), "1", FleetView(desk, Alone())), "127.0.0.1", port)
        with pytest.raises(CannotListenError, match=f"HTTP_PORT={port}.*stop what uses it"):
            await server.start()
    await server.stop()


async def test_signals_are_left_to_the_process(desk: FakeDesk) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with served(desk):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_long_body_without_a_length_is_refused(desk: FakeDesk) -> None:
    async with served(desk) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = (
            "POST /v1/mm/emergency/kill HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"%x\r\n%b\r\n" % (BODY_BYTES_MAX + 1, b" " * (BODY_BYTES_MAX + 1))
        writer.write(head.encode() + chunk)
        await writer.drain()
        assert b" 413 " in await reader.readline()
        writer.close()
    assert desk.controls == []


async def test_what_was_audited_just_before_the_stop_is_written(desk: FakeDesk) -> None:
    async with served(desk) as url, aiohttp.ClientSession(url) as session:
        response = await session.post("/v1/mm/emergency/kill", json={"reason": "last"})
        assert response.status == 200
    assert [row.symbol for row in desk.trail] == ["BTC-USDT", "ETH-USDT"]


async def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement(desk: FakeDesk) -> None:
    """A delayed ACK takes 40 ms, once a connection's first quick ones are used up."""
    took_s = []
    async with served(desk) as url, aiohttp.ClientSession() as session:
        for _ in range(30):
            began = time.perf_counter()
            async with session.get(f"{url}/v1/mm/status") as response:
                await response.read()
            took_s.append(time.perf_counter() - began)
    assert min(took_s[20:]) < 0.03
