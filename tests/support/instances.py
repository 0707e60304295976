"""A fleet: several services of one consumer group on one PostgreSQL and one Valkey, and their guard.

Fixture: `start_fleet` starts one for the test, `await start_fleet(KAFKA_SESSION_TIMEOUT="6s")`, on the shared
exchange unless another is given.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from tests.support.guard_process import GuardProcess
from tests.support.operator import until
from tests.support.sandbox import SandboxServers
from tests.support.service import Site, service_environment, service_process, site_of, skip_history, small

from lab.postgres_server import free_port

NORTH, SOUTH = "north", "south"
GUARD_SILENCE_S = 3.0
SESSION_TIMEOUT_S = 6.0
SHARE_S_MAX = 30.0
"""For two starts and the group's first assignments, on a busy machine."""
TRADE_EVERY_S = 0.05

StartFleet = Callable[..., Awaitable["Fleet"]]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a symbol."""

    name: str
    """The instance's name without its random part; empty: nobody."""
    instance_id: str
    epoch: int
    claimed_at: datetime


@dataclass(slots=True)
class Fleet:
    """Its instances by name, each with its own API, all for one account."""

    sites: dict[str, Site]
    guard: GuardProcess

    @property
    def north(self) -> Site:
        return self.sites[NORTH]

    @property
    def south(self) -> Site:
        return self.sites[SOUTH]

    async def owners(self) -> dict[str, Owner]:
        """By symbol, as PostgreSQL has it."""
        connection = await asyncpg.connect(self.north.service.environment["POSTGRES_URL"])
        try:
            rows = await connection.fetch("SELECT * FROM mm_owners")
        finally:
            await connection.close()
        return {row["symbol"]: _owner(row) for row in rows}

    async def owned_by(self, name: str) -> list[str]:
        """The symbols of an instance."""
        return sorted(symbol for symbol, owner in (await self.owners()).items() if owner.name == name)

    async def all_owned(self, symbols: Iterable[str], *names: str, timeout_s: float = SHARE_S_MAX) -> None:
        """Wait until these instances, each of them, and no others own the symbols."""
        wanted = set(symbols)
        found: Mapping[str, Owner] = {}

        async def owned() -> bool:
            nonlocal found
            found = await self.owners()
            owners = {symbol: found[symbol].name if symbol in found else "" for symbol in wanted}
            return set(owners.values()) == set(names)

        try:
            await until(f"{' and '.join(names)} own {sorted(wanted)}", owned, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; {found}; {self.log_tails()}") from None

    async def quote(self, symbols: Iterable[str], **config: Any) -> None:
        """Configure symbols, wait until both instances own some of them, and let all quote."""
        wanted = list(symbols)
        for symbol in wanted:
            await self.north.operator.configure(symbol, **config)
        await self.all_owned(wanted, NORTH, SOUTH)
        await self.enable(wanted)

    async def enable(self, symbols: Iterable[str], through: str = NORTH) -> None:
        """Enable symbols through one of the instances, and wait until all quote."""
        operator = self.sites[through].operator

        async def one(symbol: str) -> None:
            refusal: Any = None

            async def enabled() -> bool:
                nonlocal refusal
                refusal = await operator.control(symbol, "enable")
                return bool(refusal.status == 200)

            try:
                await until(f"{symbol} is enabled", enabled, SHARE_S_MAX)
            except AssertionError as error:
                raise AssertionError(f"{error}; {refusal}") from None
            await operator.quoting(symbol, SHARE_S_MAX)

        await asyncio.gather(*(one(symbol) for symbol in symbols))

    async def interventions(self) -> float:
        """How many symbols the guard has taken away so far."""
        return (await self.guard.metrics())["mm_guard_interventions_total"]

    def log_tails(self) -> str:
        """The ends of all logs."""
        processes = {"guard": self.guard, **{name: site.service for name, site in self.sites.items()}}
        return "\n".join(f"--- {name}\n{process.log_tail()}" for name, process in processes.items())


async def trade_all_the_time(site: Site, symbol: str) -> None:
    """Load: somebody else hits the quotes of a symbol, on both sides in turn, until cancelled."""
    for side in itertools.cycle(("sell", "buy")):
        await site.exchange.trade(symbol, side, small(symbol))
        await asyncio.sleep(TRADE_EVERY_S)


def _owner(row: Any) -> Owner:
    instance_id = row["instance_id"] or ""
    return Owner(instance_id.rpartition("-")[0], instance_id, row["epoch"], row["claimed_at"])


@pytest.fixture
async def start_fleet(
    shared_exchange: SandboxServers,
    start_exchange: Callable[..., SandboxServers],  # ends after the services on it
    database_url: str,
    valkey_url: str,
    service_directory: Path,
    http: aiohttp.ClientSession,
) -> AsyncIterator[StartFleet]:
    """Start instances named north and south, and a guard; all are gone after the test.

    `of_north` are settings of one of the two.
    """
    fleets: list[Fleet] = []

    async def start(
        exchange: SandboxServers = shared_exchange,
        of_north: Mapping[str, str] = MappingProxyType({}),
        **settings: str,
    ) -> Fleet:
        account = str(uuid4())
        common = service_environment(exchange, database_url, valkey_url, account)
        common |= {"KAFKA_SESSION_TIMEOUT": f"{SESSION_TIMEOUT_S:g}s", **settings}
        await asyncio.to_thread(skip_history, exchange, common["KAFKA_CONSUMER_GROUP"])
        sites = {}
        for name in (NORTH, SOUTH):
            ports = {"HTTP_PORT": str(free_port()), "METRICS_PORT": str(free_port())}
            own = of_north if name == NORTH else {}
            process = service_process({**common, **ports, "INSTANCE_NAME": name, **own}, service_directory)
            sites[name] = site_of(process, exchange, http)
        guard = GuardProcess(common, service_directory / f"guard-{account}.log", f"{GUARD_SILENCE_S:g}s")
        fleet = Fleet(sites, guard)
        fleets.append(fleet)
        guard.start()
        await asyncio.gather(*(site.start() for site in sites.values()))
        await until("the guard looks", guard.looks)
        return fleet

    yield start
    for fleet in fleets:
        fleet.guard.close()
        for site in fleet.sites.values():
            site.service.close()
        # Whatever the test did to the services, the exchange is shared.
        await fleet.north.exchange.ask("DELETE", "/v1/orders", account_id=fleet.north.account)
        await fleet.north.exchange.clear_faults()
