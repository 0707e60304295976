"""What stops when instances come and go: `python -m benchmarks rebalance`.

Real services on Apache Kafka, PostgreSQL and Valkey against the bare exchange of the load tool, which notes
for how long each symbol had no order. Each change of the fleet is made twice: with resume_on_clean_handover,
and without it, when what was stopped waits for a person (who then enables it, before the next change). There
is no guard: the orders of a process that was killed rest until somebody has taken its symbols.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import asyncpg

from benchmarks.capacity.fleet import Fleet, Instance
from benchmarks.capacity.matrix import market
from benchmarks.capacity.servers import Servers, start_servers

RATE: Final = 2.0
"""Deltas a second and symbol."""
SETTLED_S: Final = 3.0
"""Nothing has changed for so long: the change is over."""
SETTLE_S_MAX: Final = 60.0
LOOK_S: Final = 0.1
HEADINGS: Final = (
    "| | owners that changed (needed) | kept their owner and left ACTIVE | their longest time without quotes "
    "| stopped: on by themselves, waiting for a person | without quotes, median / longest |\n"
    "|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str]) -> None:
    """Measure and print the table as it goes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks rebalance", description=__doc__)
    parser.add_argument("--symbols", type=int, default=48)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--snapshot-s", type=float, default=1.0, help="seconds between a symbol's snapshots")
    parser.add_argument("--no-place", action="store_true", help="without KAFKA_INSTANCE_ID")
    asyncio.run(_measure(parser.parse_args(arguments)))


@dataclass(frozen=True, slots=True)
class Symbol:
    """What PostgreSQL says of one."""

    owner: str
    """The instance's name; a process that was started again has the same."""
    process: str
    state: str
    transitions: int


@dataclass(slots=True)
class Group:
    """The instances by name, and what can happen to them."""

    fleet: Fleet
    http: aiohttp.ClientSession
    exchange_url: str
    has_places: bool
    running: dict[str, Instance]
    over: set[str]
    """Processes that have ended; their symbols are nobody's until they name another."""

    async def start(self, name: str) -> None:
        """Start one."""
        place = {"KAFKA_INSTANCE_ID": name} if self.has_places else {}
        instance = self.fleet.instance(name, {"INSTANCE_NAME": name, **place})
        await instance.child.start()
        self.running[name] = instance
        self.fleet.instances = list(self.running.values())

    async def end(self, name: str, how: signal.Signals) -> None:
        """End one and wait for its end."""
        instance = self.running.pop(name)
        self.fleet.instances = list(self.running.values())
        self.over |= {symbol.process for symbol in (await self.look()).values() if symbol.owner == name}
        instance.child.stop_signal = how
        await instance.child.stop()

    async def look(self) -> dict[str, Symbol]:
        """Every symbol as it is now."""
        connection = await asyncpg.connect(self.fleet.database_url)
        try:
            rows = await connection.fetch(
                "SELECT symbol, coalesce(instance_id, '') AS process, coalesce(state, '') AS state, "
                "coalesce(version, 0) AS version FROM mm_owners LEFT JOIN mm_states USING (symbol)"
            )
        finally:
            await connection.close()
        return {
            row["symbol"]: Symbol(
                row["process"].rpartition("-")[0], row["process"], row["state"], row["version"]
            )
            for row in rows
        }

    async def reset(self) -> None:
        """A machine that is too busy kills by late answers; the next change begins anew."""
        halted = [name for name, symbol in (await self.look()).items() if symbol.state == "HALTED"]
        if halted:
            api = next(iter(self.running.values())).api
            await api.post("/v1/mm/reset", {"symbols": halted, "reason": "the next change"})

    async def presence(self) -> dict[str, float]:
        """The longest time without an order of each symbol since this was last asked."""
        async with self.http.get(f"{self.exchange_url}/presence") as answer:
            found: dict[str, float] = await answer.json()
        return found

    async def settled(self) -> dict[str, Symbol]:
        """Return once every symbol has an owner that runs and nothing changes any more."""
        deadline_s, since_s = time.monotonic() + SETTLE_S_MAX, time.monotonic()
        before: dict[str, Symbol] = {}
        while time.monotonic() < deadline_s:
            now = await self.look()
            processes = {symbol.process for symbol in now.values()}
            owners = {symbol.owner for symbol in now.values()}
            if now != before or owners != self.running.keys() or processes & self.over:
                before, since_s = now, time.monotonic()
            if time.monotonic() - since_s > SETTLED_S and len(now) == len(self.fleet.symbols):
                return now
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"the fleet does not come to rest: {before}")


Change = Callable[[Group], Awaitable[None]]


async def _joins(group: Group) -> None:
    await group.start("d")


async def _leaves(group: Group) -> None:
    await group.end("d", signal.SIGINT)


async def _restarts(group: Group) -> None:
    await group.end("b", signal.SIGTERM)
    await group.start("b")


async def _is_killed_and_started(group: Group) -> None:
    await group.end("b", signal.SIGKILL)
    await group.start("b")


async def _is_killed(group: Group) -> None:
    await group.end("b", signal.SIGKILL)


async def _comes_back(group: Group) -> None:
    await group.start("b")


CHANGES: Final[tuple[tuple[str, Change, str], ...]] = (
    ("a 4th joins", _joins, "d"),
    ("it leaves for good", _leaves, "d"),
    ("one restarts in order", _restarts, "b"),
    ("one is killed, started at once", _is_killed_and_started, "b"),
    ("one is killed, stays away", _is_killed, "b"),
    ("it comes back", _comes_back, "b"),
)
"""Each with the instance that it concerns."""


async def _measure(options: argparse.Namespace) -> None:
    names = [f"S{number:03d}USDT" for number in range(1, options.symbols + 1)]
    servers = await start_servers(names, options.partitions)
    try:
        async with aiohttp.ClientSession() as http:
            for resumes in (True, False):
                print(f"\nresume_on_clean_handover={str(resumes).lower()}\n\n{HEADINGS}", flush=True)
                await _round(servers, http, names, options, resumes=resumes)
    finally:
        await servers.stop()


async def _round(
    servers: Servers,
    http: aiohttp.ClientSession,
    names: list[str],
    options: argparse.Namespace,
    *,
    resumes: bool,
) -> None:
    fleet = Fleet(servers, http, names)
    await fleet.prepare("with" if resumes else "without")
    group = Group(fleet, http, servers.exchange_url, not options.no_place, {}, set())
    async with market(servers, names, options.snapshot_s) as (dial, _):
        try:
            dial.rate.value = RATE
            await _resume(group, resumes=resumes)
            for name in "abcdefgh"[: options.instances]:
                await group.start(name)
            await group.settled()
            for what, change, concerned in CHANGES:
                await group.reset()
                await fleet.enable()
                before = await group.settled()
                await group.presence()
                await change(group)
                after = await group.settled()
                print(_row(what, concerned, before, after, await group.presence()), flush=True)
        finally:
            await fleet.stop()


async def _resume(group: Group, *, resumes: bool) -> None:
    connection = await asyncpg.connect(group.fleet.database_url)
    await connection.execute("UPDATE mm_configs SET resume_on_clean_handover = $1", resumes)
    await connection.close()


def _row(
    what: str, concerned: str, before: dict[str, Symbol], after: dict[str, Symbol], quiet_s: dict[str, float]
) -> str:
    moved = {name for name in before if before[name].owner != after[name].owner}
    kept = {name for name in before if before[name].process == after[name].process}
    left = [name for name in kept if before[name] != after[name]]
    needed = {name for name in moved if concerned in (before[name].owner, after[name].owner)}
    stopped = before.keys() - kept
    waiting = [name for name in stopped if after[name].state != "ACTIVE"]
    gaps = sorted(quiet_s.get(name, 0.0) for name in stopped if name not in waiting)
    cells: tuple[Any, ...] = (
        what,
        f"{len(moved)} ({len(needed)})",
        f"{len(left)} of {len(kept)}",
        f"{max((quiet_s.get(name, 0.0) for name in kept), default=0.0):.2f} s",
        f"{len(gaps)}, {len(waiting)}",
        f"{gaps[len(gaps) // 2]:.1f} / {gaps[-1]:.1f} s" if gaps else "-",
    )
    return f"| {' | '.join(cells)} |"
