"""What a long history costs: `python -m benchmarks history`.

One real service on Apache Kafka, PostgreSQL and Valkey, quoting against the bare exchange of the load tool.
First what it stores in a while of trading. Then it is started twice on as many stored fills as are asked for:
without checkpoints, when it has to fold all of them, and with those that the first start has left; then the
whole history is checked in the background while it quotes. A symbol's time runs from its row in mm_owners to
the answer that it is ACTIVE.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

from benchmarks.capacity.fleet import Fleet, Instance
from benchmarks.capacity.matrix import market
from benchmarks.capacity.servers import Servers, start_servers
from benchmarks.history.earlier_fills import store
from benchmarks.history.sizes import growth, largest, presence_row
from benchmarks.process_figures import look
from market_maker.demo.http import AnswerError
from market_maker.demo.processes import DemoError

PARTITIONS: Final = 12
RATE: Final = 5.0
"""Deltas a second and symbol."""
TAKEN_S_MAX: Final = 3_600.0
LOOK_S: Final = 0.2
SAMPLE_S: Final = 1.0
CHECKED: Final = "history_checked"


@dataclass(slots=True)
class Start:
    """How long each symbol took from its taking until it was ACTIVE."""

    load: float
    """Of the machine when it began."""
    median_s: float
    slowest_s: float
    all_s: float
    """From the process' start to the last symbol."""
    cpu_s: float
    """Of the service until then: what a start takes on a machine that has nothing else to do."""
    rss_mib: float
    """At its end."""


@dataclass(slots=True)
class Check:
    """The whole history, read behind the trading."""

    seconds: float = 0.0
    symbols: int = 0
    """Whose history was read to its end."""
    rss_mib: list[float] = field(default_factory=list)
    """At its beginning, at the most, and at its end."""
    kills: int = 0


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks history", description=__doc__)
    parser.add_argument("--fills", type=int, default=10_000_000)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--trading-s", type=float, default=180.0, help="how long to trade for the sizes")
    parser.add_argument("--starts", type=int, default=3, help="how often to start from checkpoints")
    parser.add_argument("--check-s", type=float, default=3_600.0, help="how long to watch the check at most")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--only-sizes", action="store_true", help="trade only; the rest of the file stays")
    options = parser.parse_args(arguments)
    found = asyncio.run(_measure(options))
    if options.json is not None:
        kept = json.loads(options.json.read_text()) if options.only_sizes else {}
        options.json.write_text(json.dumps({**kept, **found}, indent=1) + "\n")


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    names = [f"S{number:03d}USDT" for number in range(1, options.symbols + 1)]
    servers = await start_servers(names, PARTITIONS)
    try:
        async with aiohttp.ClientSession() as http, market(servers, names) as (dial, _):
            dial.rate.value = RATE
            found = {"traded": await _trading(servers, http, names, options.trading_s)}
            print(f"traded for {options.trading_s:g} s: {found}", flush=True)
            if not options.only_sizes:
                found |= await _long_history(servers, http, names, options)
    finally:
        await servers.stop()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    return {"machine": machine, "symbols": options.symbols, **found}


async def _trading(
    servers: Servers, http: aiohttp.ClientSession, names: list[str], seconds: float
) -> dict[str, Any]:
    """The first symbol quotes by a model that learns."""
    fleet = Fleet(servers, http, names)
    await fleet.prepare("trading")
    await _quote_by_glft(fleet.database_url, names[0])
    [instance] = fleet.instances = [fleet.instance("trading-1", {})]
    await instance.child.start()
    try:
        await fleet.enable()
        grown = await growth(fleet.database_url, seconds)
        learned_bytes = await largest(fleet.database_url, "mm_learned", "learned")
    finally:
        await fleet.stop()
    return {
        "seconds": seconds,
        "rate": RATE,
        "tables": [asdict(table) for table in grown],
        "learned_bytes": learned_bytes,
        "presence_row_bytes": await presence_row(fleet.database_url),
    }


async def _quote_by_glft(url: str, symbol: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE mm_configs SET model = 'glft' WHERE symbol = $1", symbol)
    await connection.close()


async def _long_history(
    servers: Servers, http: aiohttp.ClientSession, names: list[str], options: argparse.Namespace
) -> dict[str, Any]:
    fleet = Fleet(servers, http, names)
    await fleet.prepare("history")
    began_s = time.monotonic()
    stored_bytes = await store(fleet.database_url, names, options.fills)
    print(f"{options.fills:,} fills stored in {time.monotonic() - began_s:.0f} s", flush=True)
    starts: dict[str, list[Start]] = {"folding_everything": [], "from_checkpoints": []}
    plan = ["folding_everything", *["from_checkpoints"] * options.starts]
    for number, name in enumerate(plan, 1):
        [instance] = fleet.instances = [fleet.instance(f"{name}-{number}", {})]
        starts[name].append(await _start(fleet, instance, goes_on=number == len(plan)))
        print(f"{name}: {starts[name][-1]}", flush=True)
        if number < len(plan):
            await fleet.stop()
    check = await _check(instance, len(names), options.check_s)
    print(f"check: {check}", flush=True)
    await fleet.stop()
    return {
        "fills": options.fills,
        "fill_bytes": stored_bytes / options.fills,
        "checkpoint_bytes": await largest(fleet.database_url, "mm_checkpoints", "fold"),
        "starts": {name: [asdict(start) for start in made] for name, made in starts.items()},
        "check": asdict(check),
    }


async def _start(fleet: Fleet, instance: Instance, *, goes_on: bool) -> Start:
    """`goes_on`: the symbols go on quoting; else each is paused as soon as it was ACTIVE."""
    began_s, load = time.time(), os.getloadavg()[0]
    await instance.child.start()
    asking = (_enabled(instance, symbol, goes_on=goes_on) for symbol in fleet.symbols)
    active_s = await asyncio.gather(*asking)
    now = look(instance.child.pid)
    connection = await asyncpg.connect(fleet.database_url)
    rows = await connection.fetch("SELECT symbol, extract(epoch FROM claimed_at) AS at_s FROM mm_owners")
    await connection.close()
    taken_s = {row["symbol"]: float(row["at_s"]) for row in rows}
    took = [at_s - taken_s[symbol] for symbol, at_s in zip(fleet.symbols, active_s, strict=True)]
    return Start(load, statistics.median(took), max(took), max(active_s) - began_s, now.cpu_s, now.rss_mib)


async def _enabled(instance: Instance, symbol: str, *, goes_on: bool) -> float:
    """Ask until it is ACTIVE; when that was."""
    deadline_s = time.monotonic() + TAKEN_S_MAX
    while time.monotonic() < deadline_s:
        instance.child.require_running()
        with suppress(AnswerError, aiohttp.ClientError, TimeoutError):
            await instance.api.post(f"/v1/mm-configs/{symbol}/enable")
            at_s = time.time()
            if not goes_on:
                await instance.api.post(f"/v1/mm-configs/{symbol}/pause")
            return at_s
        await asyncio.sleep(LOOK_S)
    raise DemoError(f"{symbol} cannot be enabled")


async def _check(instance: Instance, symbols: int, seconds: float) -> Check:
    """Watch until every symbol's history was read, or time is over."""
    check, began_s = Check(), time.monotonic()
    rss = [look(instance.child.pid).rss_mib]
    while check.symbols < symbols and time.monotonic() - began_s < seconds:
        await asyncio.sleep(SAMPLE_S)
        rss.append(look(instance.child.pid).rss_mib)
        log = await asyncio.to_thread(instance.child.log.read_text)
        check.symbols, check.kills = log.count(f'"{CHECKED}"'), log.count('"kill_switch"')
    check.seconds = time.monotonic() - began_s
    check.rss_mib = [rss[0], max(rss), rss[-1]]
    return check
