"""From a market data message to the answers of the orders that it causes, through the real stack.

PostgreSQL, the embedded broker, the sandbox exchange and the service run as processes of this machine.
The symbol requotes on every change of the mid, ten milliseconds apart at the least. The clock starts
when the message has been read and the quote interval allows an evaluation; tick to wire ends when the order's
bytes are in the kernel, tick to order at its answer. What the embedded broker itself takes is in neither (it
does not wake a waiting fetch). The stages are means.
"""

import asyncio
from typing import Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.report import Row
from market_maker.demo.arguments import parse_arguments
from market_maker.demo.http import JsonClient
from market_maker.demo.stack import start_stack
from market_maker.demo.trading import DemoOperator
from market_maker.telemetry.stages import STAGES

SECONDS: Final = 20.0
WIRE_P50_US_MAX: Final = 350.0
WIRE_P99_US_MAX: Final = 1_000.0
P50_US_MAX: Final = 1_300.0
P99_US_MAX: Final = 3_000.0
ACK_US_MAX: Final = 50_000.0
QUICK: Final = {"QUOTE_UPDATE_INTERVAL": "1ms", "MAX_ORDERS_PER_SECOND": "1000"}
CONFIG: Final = {"quote_interval_ms": "10", "price_threshold_bps": "0", "volatility_multiplier": False}


def rows() -> list[Row]:
    """Percentiles of a run of SECONDS."""
    latency, stages = asyncio.run(_measure())
    return [
        Row("tick to wire, p50", latency["tick_to_wire_p50"], "us", WIRE_P50_US_MAX),
        Row("tick to wire, p99", latency["tick_to_wire_p99"], "us", WIRE_P99_US_MAX),
        Row("tick to order, p50", latency["tick_to_order_p50"], "us", P50_US_MAX),
        Row("tick to order, p99", latency["tick_to_order_p99"], "us", P99_US_MAX),
        Row("order to its answer, p50", latency["order_ack_p50"], "us"),
        Row("order to its answer, p99", latency["order_ack_p99"], "us", ACK_US_MAX),
        Row("evaluation, whole step in the service, p50", latency["quote_p50"], "us", 1_000.0),
        *(Row(f"stage {name}, mean", took_us, "us") for name, took_us in stages.items()),
    ]


async def _measure() -> tuple[dict[str, Any], dict[str, float]]:
    arguments = parse_arguments(
        ["--symbols", "BTCUSDT", "--levels", "1", "--http-port", "0", "--metrics-port", "0"]
    )
    stack = await start_stack(arguments, QUICK)
    try:
        async with aiohttp.ClientSession() as session:
            desk = DemoOperator(JsonClient(session, stack.api_url), stack.require_service)
            await desk.wait_until_live()
            await desk.configure(["BTCUSDT"], arguments)
            await desk.api.put("/v1/mm-configs/BTCUSDT", CONFIG)
            await JsonClient(session, stack.sandbox_url).post("/sandbox/start")
            await desk.enable()
            await asyncio.sleep(SECONDS)
            overall: dict[str, Any] = await desk.api.get("/v1/mm/status")
            async with session.get(stack.metrics_url) as metrics:
                stages = _means(await metrics.text())
            await desk.stop(shadow=False)
    finally:
        await stack.stop()
    latency: dict[str, Any] = overall["latency_us"]
    return latency, stages


def _means(exposition: str) -> dict[str, float]:
    """The mean of each stage in microseconds, from the service's metrics."""
    totals: dict[str, dict[str, float]] = {stage: {} for stage in STAGES}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples if family.name == "mm_tick_stage_latency_seconds" else ():
            if sample.name.endswith(("_sum", "_count")):
                totals[sample.labels["stage"]][sample.name.rpartition("_")[2]] = sample.value
    return {stage: each["sum"] / each["count"] * 1e6 for stage, each in totals.items() if each["count"]}
