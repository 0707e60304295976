"""The whole measurement: all numbers of symbols on all numbers of instances, until each breaks."""

import asyncio
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import aiohttp

from benchmarks.capacity.fleet import Fleet
from benchmarks.capacity.generator import SNAPSHOT_EVERY_S, Dial, generate
from benchmarks.capacity.options import Options, parse_options
from benchmarks.capacity.servers import Servers, start_servers
from benchmarks.capacity.step import StepResult, run_step
from benchmarks.capacity.table import headings, knees, row
from benchmarks.capacity.versions import NOW, Version, checked_out
from market_maker.demo.processes import DemoError

WARM_RATE = 2.0
"""Deltas per second and symbol while the symbols are enabled."""
END_S = 10.0


def main(arguments: Sequence[str]) -> None:
    """`python -m benchmarks capacity`."""
    options = parse_options(arguments)
    cells = measure(options)
    results = [result for cell in cells for result in cell.steps]
    print(knees(results))
    if options.json is not None:
        options.json.write_text(json.dumps(document(cells), indent=1) + "\n")


def measure(options: Options) -> "list[Cell]":
    """Every cell, one after the other; NoJavaServerError where Apache Kafka cannot run."""
    return asyncio.run(_measure(options))


@dataclass(slots=True)
class Cell:
    """One fleet at rising rates."""

    symbols: int
    instances: int
    start_s: float = 0.0
    """From starting the processes until every symbol has its owner and every instance its share."""
    enable_s: float = 0.0
    """From the first enable's request to the last one's answer; a symbol needs a snapshot for it."""
    steps: list[StepResult] = field(default_factory=list)


def document(cells: Sequence[Cell]) -> dict[str, Any]:
    """Everything measured, and on what."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    return {
        "machine": machine,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cells": [asdict(cell) for cell in cells],
    }


async def _measure(options: Options) -> list[Cell]:
    with ExitStack() as stack:
        versions = [NOW]
        if options.against is not None:
            versions.insert(0, stack.enter_context(checked_out(options.against)))
        return await _cells(options, versions)


async def _cells(options: Options, versions: Sequence[Version]) -> list[Cell]:
    names = [f"S{number:03d}USDT" for number in range(1, max(options.symbols) + 1)]
    servers = await start_servers(names, options.partitions)
    cells: list[Cell] = []
    print(headings(), flush=True)
    try:
        async with aiohttp.ClientSession() as session:
            for instances, count, version in product(options.instances, options.symbols, versions):
                fleet = Fleet(servers, session, names[:count], version)
                cells.append(Cell(count, instances))
                try:
                    await _fill(cells[-1], servers, fleet, options)
                except DemoError as problem:
                    print(f"{count} symbols, {version.name}, not measured: {problem}", file=sys.stderr)
    finally:
        await servers.stop()
    return cells


async def _fill(cell: Cell, servers: Servers, fleet: Fleet, options: Options) -> None:
    """One fleet at rising rates; ends at the first step that does not hold."""
    async with market(servers, fleet.symbols) as (dial, pid):
        beside = {**servers.pids(), "generator": pid}
        try:
            began_s = time.monotonic()
            await fleet.start(f"s{cell.symbols}-i{cell.instances}-{fleet.version.name}", cell.instances, {})
            cell.start_s = time.monotonic() - began_s
            dial.rate.value = WARM_RATE
            cell.enable_s = await fleet.enable()
            for step in range(options.steps):
                rate = options.rate * 2**step
                if rate * len(fleet.symbols) > options.total_rate_max:
                    break
                cell.steps.append(await run_step(fleet, dial, beside, rate, options))
                print(row(cell.steps[-1]), flush=True)
                if cell.steps[-1].verdict:
                    break
        finally:
            codes = await fleet.stop()
            if any(codes):
                print(f"exit codes of the instances: {codes}", file=sys.stderr)


@asynccontextmanager
async def market(
    servers: Servers, symbols: Sequence[str], snapshot_every_s: float = SNAPSHOT_EVERY_S
) -> AsyncIterator[tuple[Dial, int]]:
    """The generator's process, at rest to begin with."""
    spawn = multiprocessing.get_context("spawn")
    dial = Dial.make(spawn, snapshot_every_s)
    process = spawn.Process(
        target=generate, args=(servers.kafka.address, servers.schema_ids, symbols, dial), daemon=True
    )
    process.start()
    try:
        yield dial, process.pid or 0
    finally:
        dial.rate.value = -1.0
        await asyncio.to_thread(process.join, END_S)
        process.terminate()
