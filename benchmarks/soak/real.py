"""The real service on the demo's stack of real servers, looked at from outside."""

import asyncio
import time
from typing import Final

import aiohttp

from benchmarks.capacity.exposition import parse
from benchmarks.process_figures import look
from benchmarks.soak.samples import Sample
from benchmarks.soak.virtual import describe
from market_maker.demo.arguments import DemoArguments, parse_arguments
from market_maker.demo.http import JsonClient
from market_maker.demo.processes import DemoError
from market_maker.demo.stack import Stack, start_stack
from market_maker.demo.trading import DemoOperator

SAMPLES: Final = 60
SPEED: Final = 5.0
"""Market seconds per second: caches that fill within an hour are full within the warm-up."""
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT", "DOTUSDT", "BNBUSDT")
WANTED: Final = ("mm_asyncio_tasks", "mm_order_requests_total", "mm_fills_total", "mm_state_gauge")
SETTINGS: Final = {
    "QUOTE_UPDATE_INTERVAL": "10ms",
    "MAX_ORDERS_PER_SECOND": "100",
    "KILL_SWITCH_RESPONSE_TIMEOUT_MS": "5000",
    "KILL_SWITCH_KAFKA_LAG_THRESHOLD": "1m",
}
"""A busy machine must not end the run."""
CONFIG: Final = {"quote_interval_ms": "50", "price_threshold_bps": "1"}
"""Livelier than the defaults: many orders in little time."""


def run_real(seconds: float, symbols: int) -> list[Sample]:
    """Run and sample sixty times; prints each sample."""
    if not 1 <= symbols <= len(SYMBOLS):
        raise SystemExit(f"--symbols: the real soak has 1 to {len(SYMBOLS)}")
    return asyncio.run(_run(seconds, SYMBOLS[:symbols]))


async def _run(seconds: float, symbols: tuple[str, ...]) -> list[Sample]:
    arguments = parse_arguments(["--symbols", ",".join(symbols), "--http-port", "0", "--metrics-port", "0"])
    stack = await start_stack(arguments, SETTINGS)
    try:
        async with aiohttp.ClientSession() as session:
            desk = await _quoting(stack, session, symbols, arguments)
            samples = await _samples(stack, session, seconds)
            await desk.stop(shadow=False)
    finally:
        await stack.stop()
    return samples


async def _quoting(
    stack: Stack, session: aiohttp.ClientSession, symbols: tuple[str, ...], arguments: DemoArguments
) -> DemoOperator:
    desk = DemoOperator(JsonClient(session, stack.api_url), stack.require_service)
    await desk.wait_until_live()
    await desk.configure(symbols, arguments)
    for symbol in symbols:
        await desk.api.put(f"/v1/mm-configs/{symbol}", CONFIG)
    await JsonClient(session, stack.sandbox_url).post("/sandbox/start")
    await desk.enable()
    return desk


async def _samples(stack: Stack, session: aiohttp.ClientSession, seconds: float) -> list[Sample]:
    samples: list[Sample] = []
    began_s = time.monotonic()
    for number in range(1, SAMPLES + 1):
        await asyncio.sleep(max(0.0, began_s + number * seconds / SAMPLES - time.monotonic()))
        stack.require_service()
        assert stack.service is not None
        seen = look(stack.service.pid)
        async with session.get(stack.metrics_url) as response:
            page = parse(await response.text(), WANTED)
        if page.total("mm_state_gauge", state="ACTIVE") < page.total("mm_state_gauge"):
            raise DemoError(f"a symbol does not quote any more; see {stack.directory}/service.log")
        samples.append(
            Sample(
                time.monotonic() - began_s,
                seen.rss_mib,
                0,
                round(page.total("mm_asyncio_tasks")),
                seen.descriptors,
                seen.threads,
                round(page.total("mm_order_requests_total", request="place")),
                round(page.total("mm_fills_total")),
            )
        )
        print(describe(samples[-1]), flush=True)
    return samples
