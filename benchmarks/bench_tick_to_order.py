"""From a market data message to the answers of the orders that it causes, through the real stack.

PostgreSQL, the embedded broker, the sandbox exchange and the service run as processes of this machine.
The symbol requotes on every change of the mid, ten milliseconds apart at the least. The clock starts
when the message has been read and the quote interval allows an evaluation; it stops at the order's
answer. What the embedded broker itself takes is not in it (it does not wake a waiting fetch).
"""

import asyncio
from typing import Any, Final

import aiohttp

from benchmarks.report import Row
from market_maker.demo.arguments import parse_arguments
from market_maker.demo.http import JsonClient
from market_maker.demo.stack import start_stack
from market_maker.demo.trading import Desk

SECONDS: Final = 20.0
P50_US_MAX: Final = 700.0
P99_US_MAX: Final = 1_500.0
ACK_US_MAX: Final = 50_000.0
QUICK: Final = {"QUOTE_UPDATE_INTERVAL": "1ms", "MAX_ORDERS_PER_SECOND": "1000"}
CONFIG: Final = {"quote_interval_ms": "10", "price_threshold_bps": "0", "volatility_multiplier": False}


def rows() -> list[Row]:
    """Percentiles of a run of SECONDS."""
    latency = asyncio.run(_measure())
    return [
        Row("tick to order, p50", latency["tick_to_order_p50"], "us", P50_US_MAX),
        Row("tick to order, p99", latency["tick_to_order_p99"], "us", P99_US_MAX),
        Row("order to its answer, p50", latency["order_ack_p50"], "us"),
        Row("order to its answer, p99", latency["order_ack_p99"], "us", ACK_US_MAX),
        Row("evaluation, whole step in the service, p50", latency["quote_p50"], "us", 1_000.0),
    ]


async def _measure() -> dict[str, Any]:
    arguments = parse_arguments(
        ["--symbols", "BTCUSDT", "--levels", "1", "--http-port", "0", "--metrics-port", "0"]
    )
    stack = await start_stack(arguments, QUICK)
    try:
        async with aiohttp.ClientSession() as session:
            desk = Desk(JsonClient(session, stack.api_url), stack.require_service)
            await desk.wait_until_live()
            await desk.configure(["BTCUSDT"], arguments)
            await desk.api.put("/v1/mm-configs/BTCUSDT", CONFIG)
            await JsonClient(session, stack.sandbox_url).post("/sandbox/start")
            await desk.enable()
            await asyncio.sleep(SECONDS)
            overall: dict[str, Any] = await desk.api.get("/v1/mm/status")
            await desk.stop(shadow=False)
    finally:
        await stack.stop()
    latency: dict[str, Any] = overall["latency_us"]
    return latency
