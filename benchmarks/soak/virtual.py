"""Hours of virtual time in minutes: quoting, fills, and each hour everything that a desk may do."""

import asyncio
import gc
import logging
import sys
import time
from pathlib import Path
from typing import Final

import structlog

from benchmarks.process_figures import look
from benchmarks.soak.samples import Sample
from benchmarks.soak.trading import VirtualService
from benchmarks.soak.virtual_loop import VirtualLoop
from market_maker.core.states import Cause

HOUR_S: Final = 3_600.0
ROUTINE: Final = (Cause.PAUSE, Cause.RESUME, Cause.KILL, Cause.RESET, Cause.ENABLE)


def run_virtual(hours: int, symbols: int) -> list[Sample]:
    """Run and sample once an hour; prints each sample."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(_run(loop, hours, [f"S{number:03d}USDT" for number in range(1, symbols + 1)]))


async def _run(loop: VirtualLoop, hours: int, symbols: list[str]) -> list[Sample]:
    service = VirtualService(loop, symbols)
    began_ns, began_s = loop.clock_ns(), time.monotonic()
    samples: list[Sample] = []
    await service.start()
    for hour in range(1, hours + 1):
        await asyncio.sleep(began_ns / 1e9 + hour * HOUR_S - 60 - loop.time())
        service.require_quoting()
        await service.desk(*ROUTINE)
        await asyncio.sleep(began_ns / 1e9 + hour * HOUR_S - loop.time())
        samples.append(_sample(loop, service, (loop.clock_ns() - began_ns) / 1e9))
        print(f"{describe(samples[-1])}  ({time.monotonic() - began_s:.0f} s)", flush=True)
    await service.stop()
    return samples


def describe(sample: Sample) -> str:
    """One sample as a line."""
    return (
        f"{sample.at_s / HOUR_S:6.2f} h  {sample.rss_mib:7.1f} MiB  {sample.blocks:9,} blocks  "
        f"{sample.tasks:4} tasks  {sample.descriptors:3} files  {sample.threads:3} threads  "
        f"{sample.placed:9,} orders  {sample.fills:8,} fills"
    )


def _sample(loop: VirtualLoop, service: VirtualService, at_s: float) -> Sample:
    gc.collect()
    seen = look(int(Path("/proc/self").readlink().name))
    return Sample(
        at_s,
        seen.rss_mib,
        sys.getallocatedblocks(),
        len(asyncio.all_tasks(loop)),
        seen.descriptors,
        seen.threads,
        service.exchange.placed,
        service.exchange.fills,
    )
