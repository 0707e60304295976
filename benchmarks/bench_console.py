"""The console at 200 symbols that change five times a second: `python -m benchmarks console [--seconds 20]`.

The admin API is the real one, in a process of its own, behind it a desk whose pictures change. Chromium loads
the fleet's page and tells each task of its main thread that took longer than 50 ms once loading is over. Then
the service's CPU time is looked at in turns without a stream, with one and with all of them: what they cost
is the middle of the turns' differences, since a machine that others use is slower in one than in the next.

At last the demo's stack trades one symbol (as in `tick_to_order`), in turns without a stream and with them.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from multiprocessing.connection import Connection
from statistics import median
from typing import Final

import aiohttp
import uvloop
from playwright.async_api import async_playwright

from benchmarks.bench_tick_to_order import trading
from benchmarks.capacity.exposition import parse, quantile
from benchmarks.process_figures import look_cpu
from benchmarks.report import Row, table
from lab.api import Alone
from lab.desk import FakeDesk
from lab.desk_records import NOW_NS, order_view, view_of
from market_maker.api.app import create_app
from market_maker.api.security import NoAuth
from market_maker.api.server import ApiServer
from market_maker.bootstrap.heap import Heap
from market_maker.core.config import SymbolConfig
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.core.view import ReferenceView
from market_maker.fleet.view import FleetView

SYMBOLS: Final = 200
PER_SECOND: Final = 5
STREAMS: Final = 32
STREAMS_PER_ADDRESS: Final = 8
LOADING_S: Final = 3.0
LONG_MS: Final = 50.0
TURNS: Final = 5
RATIO_MAX: Final = 1.1
OBSERVE: Final = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({type: "longtask"});
}"""


def main(arguments: list[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks console", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each part is measured")
    seconds = parser.parse_args(arguments).seconds
    spawned = multiprocessing.get_context("spawn")
    here, there = spawned.Pipe()
    server = spawned.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        port = here.recv()
        assert server.pid is not None
        print(table("console", asyncio.run(_rows(f"http://127.0.0.1:{port}", server.pid, seconds))))
    finally:
        server.kill()
        server.join()
    print(table("tick to order", asyncio.run(_tick_to_order(seconds / TURNS))))


def _serve(pipe: Connection) -> None:
    uvloop.run(_api(pipe))


async def _api(pipe: Connection) -> None:
    symbols = [f"S{number:03}-USDT" for number in range(SYMBOLS)]
    desk = FakeDesk(views={symbol: view_of(SymbolConfig(symbol)) for symbol in symbols})
    app = create_app(desk, NoAuth(), "benchmark", FleetView(desk, Alone()))
    server = ApiServer(app, "127.0.0.1", 0)
    await server.start()
    Heap(lambda: SYMBOLS).settle()
    pipe.send(server.port)
    draw = random.Random(1)
    for symbol in itertools.cycle(symbols):
        _move(desk, symbol, draw)
        await asyncio.sleep(1 / (SYMBOLS * PER_SECOND))


def _move(desk: FakeDesk, symbol: str, draw: random.Random) -> None:
    mid = Decimal(10_000 + draw.randrange(-50, 50)) / 100
    view = desk.views[symbol]
    spread = Decimal(draw.randrange(3, 9)) / 100
    desk.change(
        symbol,
        at_ns=NOW_NS + time.monotonic_ns(),
        state=State.ACTIVE,
        reference=ReferenceView(mid, "book", view.book.sequence, uncertain=False),
        book=replace(view.book, best_bid=mid - spread, best_ask=mid + spread, data_ns=time.monotonic_ns()),
        orders=(order_view(Side.BUY, str(mid - spread)), order_view(Side.SELL, str(mid + spread))),
        pnl=replace(view.pnl, realized=mid - 100, inventory_usdt=mid * 3),
    )


async def _rows(url: str, pid: int, seconds: float) -> list[Row]:
    tasks = await _long_tasks(url, seconds)
    shares: dict[int, list[float]] = {0: [], 1: [], STREAMS: []}
    for streams, found in [*shares.items()] * TURNS:
        async with AsyncExitStack() as stack:
            await _open_streams(stack, url, streams)
            found.append(await _share(pid, seconds / TURNS))
    with_one, with_all = (
        median(share - without for share, without in zip(shares[streams], shares[0], strict=True))
        for streams in (1, STREAMS)
    )
    return [
        Row("longest task of the page after loading, 200 symbols", max(tasks, default=0.0), "ms", LONG_MS),
        Row("tasks over 50 ms", len(tasks), "", 0),
        Row("the service without a stream", median(shares[0]), "%"),
        Row("what one stream costs it", with_one, "%"),
        Row(f"what {STREAMS} streams cost it", with_all, "%", 5.0),
    ]


async def _tick_to_order(seconds: float) -> list[Row]:
    """p99 without and with streams, in turns, each added up over its turns."""
    found: dict[int, Counter[float]] = {0: Counter(), STREAMS: Counter()}
    async with trading() as (stack, session, _):
        for streams, counts in [*found.items()] * TURNS:
            async with AsyncExitStack() as stacked:
                await _open_streams(stacked, stack.api_url, streams)
                before = await _latencies(session, stack.metrics_url)
                await asyncio.sleep(seconds)
                after = await _latencies(session, stack.metrics_url)
            counts.update({edge: count - before.get(edge, 0.0) for edge, count in after.items()})
    without, with_streams = (1e6 * (quantile(0.99, {}, counts) or 0.0) for counts in found.values())
    return [
        Row("p99 without a stream", without, "us"),
        Row(f"p99 with {STREAMS} streams", with_streams, "us"),
        Row("with them, of what it is without", with_streams / without if without else 0.0, "", RATIO_MAX),
    ]


async def _latencies(session: aiohttp.ClientSession, metrics_url: str) -> dict[float, float]:
    name = "mm_tick_to_order_latency_seconds"
    async with session.get(metrics_url) as answer:
        return parse(await answer.text(), (name,)).buckets(name)


async def _long_tasks(url: str, seconds: float) -> list[float]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(url)
        await page.get_by_role("link", name="S000-USDT").wait_for()
        await asyncio.sleep(LOADING_S)
        await page.evaluate(OBSERVE)
        await asyncio.sleep(seconds)
        found: list[float] = await page.evaluate("window.longTasks")
        await browser.close()
    return found


async def _share(pid: int, seconds: float) -> float:
    """Of one core, in percent."""
    before, began = look_cpu(pid), time.monotonic()
    await asyncio.sleep(seconds)
    return 100 * (look_cpu(pid) - before) / (time.monotonic() - began)


async def _open_streams(stack: AsyncExitStack, url: str, count: int) -> None:
    """As many readers, settled: what opening them takes is over."""
    for number in range(count):
        await _listen(stack, url, f"127.0.0.{number // STREAMS_PER_ADDRESS + 2}")
    await asyncio.sleep(1)


async def _listen(stack: AsyncExitStack, url: str, address: str) -> None:
    """A reader that throws away what it hears, from an address of its own."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    session = await stack.enter_async_context(aiohttp.ClientSession(url, connector=connector))
    answer = await stack.enter_async_context(session.get("/v1/mm/stream", timeout=aiohttp.ClientTimeout()))
    assert answer.status == 200, answer.status
    reading = asyncio.create_task(_throw_away(answer))
    stack.callback(reading.cancel)


async def _throw_away(answer: aiohttp.ClientResponse) -> None:
    async for _ in answer.content.iter_any():
        pass
