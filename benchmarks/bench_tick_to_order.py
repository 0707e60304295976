"""From a market data message to the answers of the orders that it causes, through the real stack.

PostgreSQL, the embedded broker, the sandbox exchange and the service run as processes of this machine.
The symbol requotes on every change of the mid, ten milliseconds apart at the least. The clock starts
when the message has been read and the quote interval allows an evaluation; tick to wire ends when the
order's bytes are in the kernel, tick to order at its answer. What the embedded broker itself takes is in
neither (it does not wake a waiting fetch).

Then the same on Apache Kafka against a bare exchange, where Java and Maven are there: 10 and 200 symbols of
the load tool, whose quotes have the document's pace.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, redirect_stdout
from typing import Any, Final

import aiohttp

from benchmarks.capacity.exposition import parse
from benchmarks.capacity.matrix import measure
from benchmarks.capacity.options import parse_options
from benchmarks.capacity.step import StepResult, stages_us
from benchmarks.report import Row
from lab.maven import NoJavaServerError
from market_maker.demo.arguments import parse_arguments
from market_maker.demo.http import JsonClient
from market_maker.demo.stack import Stack, start_stack
from market_maker.demo.trading import DemoOperator

SECONDS: Final = 20.0
WIRE_P50_US_MAX: Final = 350.0
WIRE_P99_US_MAX: Final = 1_000.0
P50_US_MAX: Final = 1_300.0
P99_US_MAX: Final = 3_000.0
ACK_US_MAX: Final = 50_000.0
KAFKA_SECONDS: Final = 30.0
KAFKA_BUDGETS_US: Final[dict[int, dict[str, tuple[float, float]]]] = {
    10: {"tick_to_wire": (350.0, 1_000.0), "tick_to_order": (700.0, 1_500.0)},
    200: {"tick_to_wire": (1_000.0, 10_000.0)},
}
"""By the number of symbols: p50 and p99."""
QUICK: Final = {"QUOTE_UPDATE_INTERVAL": "1ms", "MAX_ORDERS_PER_SECOND": "1000"}
CONFIG: Final = {"quote_interval_ms": "10", "price_threshold_bps": "0", "volatility_multiplier": False}


def rows() -> list[Row]:
    """Percentiles of a run of SECONDS on the demo's stack, then those on Apache Kafka."""
    latency, stages = asyncio.run(_measure())
    return [
        Row("tick to wire, p50", latency["tick_to_wire_p50"], "us", WIRE_P50_US_MAX),
        Row("tick to wire, p99", latency["tick_to_wire_p99"], "us", WIRE_P99_US_MAX),
        Row("tick to order, p50", latency["tick_to_order_p50"], "us", P50_US_MAX),
        Row("tick to order, p99", latency["tick_to_order_p99"], "us", P99_US_MAX),
        Row("order to its answer, p50", latency["order_ack_p50"], "us"),
        Row("order to its answer, p99", latency["order_ack_p99"], "us", ACK_US_MAX),
        Row("evaluation, whole step in the service, p50", latency["quote_p50"], "us", 1_000.0),
        *_stages("", stages),
        *_on_kafka(),
    ]


def _on_kafka() -> list[Row]:
    arguments = ["--instances", "1", "--rate", "40", "--steps", "1", "--seconds", f"{KAFKA_SECONDS:g}"]
    try:
        with redirect_stdout(sys.stderr):
            cells = measure(parse_options([*arguments, "--symbols", ",".join(map(str, KAFKA_BUDGETS_US))]))
    except NoJavaServerError as missing:
        return [Row(f"on Apache Kafka: not measured, {missing}", 0, "")]
    return [row for cell in cells for step in cell.steps for row in _kafka_rows(step)]


def _kafka_rows(step: StepResult) -> Iterator[Row]:
    name = f"Kafka, {step.symbols} symbols, "
    for figure, budgets in KAFKA_BUDGETS_US[step.symbols].items():
        for share, budget in zip(("p50", "p99"), budgets, strict=True):
            took_ms = getattr(step, f"{figure}_{share}_ms")
            yield Row(f"{name}{figure.replace('_', ' ')}, {share}", (took_ms or 0.0) * 1e3, "us", budget)
    yield from _stages(name, step.stages_us)


def _stages(name: str, stages: dict[str, tuple[float, float]]) -> Iterator[Row]:
    for stage, percentiles in stages.items():
        for share, took_us in zip(("p50", "p99"), percentiles, strict=True):
            yield Row(f"{name}stage {stage}, {share}", took_us, "us")


@asynccontextmanager
async def trading() -> AsyncIterator[tuple[Stack, aiohttp.ClientSession, DemoOperator]]:
    """The demo's stack with one symbol that requotes on every change of the mid."""
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
            yield stack, session, desk
            await desk.stop(shadow=False)
    finally:
        await stack.stop()


async def _measure() -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
    async with trading() as (stack, session, desk):
        await asyncio.sleep(SECONDS)
        overall: dict[str, Any] = await desk.api.get("/v1/mm/status")
        async with session.get(stack.metrics_url) as metrics:
            stages = stages_us([], [parse(await metrics.text(), ("mm_tick_stage_latency_seconds",))])
    latency: dict[str, Any] = overall["latency_us"]
    return latency, stages
