"""What an order costs on its way to the Order Service and back: time, and our own CPU.

Against a small aiohttp server in a process of its own, on loopback.
"""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from multiprocessing.connection import Connection

import aiohttp
import uvloop
from aiohttp import web

from benchmarks.report import Row
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient
from market_maker.core.events import RequestOutcome
from market_maker.core.orders.checked_order import SEAL, CheckedOrder
from market_maker.core.side import Side
from market_maker.telemetry.loop_lag import LoopLagMonitor

BUDGET_US = 200
ORDERS = 3_000
AT_ONCE = 8
OURS = ("place", 1)
"""The way of sending that has a budget."""


def serve(ready: Connection) -> None:
    """Accept every order until the process ends."""

    async def accept(request: web.Request) -> web.Response:
        order = json.loads(await request.read())
        body = (
            f'{{"order_id":"x","client_order_id":"{order["client_order_id"]}",'
            '"status":"open","created_at":"2026-11-20T00:00:00Z"}'
        )
        return web.Response(status=201, body=body.encode(), content_type="application/json")

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/v1/orders", accept)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    uvloop.run(run())


def order(number: int) -> CheckedOrder:
    """An order as the pre-trade check would make it."""
    return CheckedOrder(
        f"0197f2d4-0000-7000-8000-{number:012d}",
        "BTC-USDT",
        Side.BUY,
        0,
        6_000_001,
        15,
        Decimal("60000.01"),
        Decimal("0.00015"),
        SEAL,
    )


class Always:
    """A gate that is never shut."""

    def is_open(self) -> bool:
        """Open."""
        return True

    def lets_pass(self) -> bool:
        """Every order."""
        return True


async def timed(send: Callable[[int], Awaitable[None]], count: int, at_once: int) -> dict[str, float]:
    """Send `count` orders, `at_once` under way at any time; microseconds per order."""
    latencies: list[int] = []
    numbers = iter(range(count))

    async def sender() -> None:
        for number in numbers:
            started = time.perf_counter_ns()
            await send(number)
            latencies.append(time.perf_counter_ns() - started)

    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    await asyncio.gather(*(sender() for _ in range(at_once)))
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    return {
        "p50_us": round(statistics.median(latencies) / 1e3, 1),
        "p99_us": round(statistics.quantiles(latencies, n=100)[98] / 1e3, 1),
        "cpu_us": round(cpu / count / 1e3, 1),
        "per_second": round(count / wall * 1e9),
    }


async def measure(url: str) -> list[Row]:
    """Our client beside a bare aiohttp session that posts the same body."""
    monitor = LoopLagMonitor()
    monitor.start()
    client = OrderServiceClient(
        url, Account("a", "u"), monitor, response_timeout_ns=1_000_000_000, on_report=lambda _report: None
    )
    orders = [order(number) for number in range(ORDERS)]

    async def ours(number: int) -> None:
        placed = await client.place(orders[number], None, Always(), lambda _late: None)
        assert placed.outcome is RequestOutcome.OK

    async with aiohttp.ClientSession() as session:

        async def bare(number: int) -> None:
            body = {"client_order_id": orders[number].client_order_id, "padding": "x" * 300}
            async with session.post(f"{url}/v1/orders", json=body) as response:
                await response.json()

        rows: list[Row] = []
        for name, send in (("aiohttp, bare", bare), ("place", ours)):
            for at_once in (1, AT_ONCE):
                await timed(send, ORDERS // 10, at_once)
                figures = await timed(send, ORDERS, at_once)
                rows += _rows(
                    f"{name}, {at_once} at once", figures, BUDGET_US if (name, at_once) == OURS else None
                )
    await client.close()
    monitor.stop()
    return rows


def rows() -> list[Row]:
    """One row per way of sending."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        return uvloop.run(measure(f"http://127.0.0.1:{here.recv()}"))
    finally:
        server.terminate()
        server.join()


def _rows(name: str, figures: dict[str, float], budget_us: float | None) -> list[Row]:
    return [
        Row(f"{name}, p50", figures["p50_us"], "us", budget_us),
        Row(f"{name}, p99", figures["p99_us"], "us"),
        Row(f"{name}, own CPU", figures["cpu_us"], "us"),
    ]
