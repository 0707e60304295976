"""Instances over one database and one venue."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from tests.support.owning import LAST_LEASE_NS, LEASE_COMMAND_S, NEVER_NS, Instance
from tests.support.owning_parts import Directory, Venue

from market_maker.bootstrap.meters import Meters
from market_maker.clients.metadata import MetadataClient
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient
from market_maker.core.config import SymbolConfig
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.database import open_pool
from market_maker.repositories.executor import Database


class Surroundings:
    """What several instances share."""

    def __init__(
        self, url: str, pool: asyncpg.Pool, venue: Venue, directory: Directory, metadata: str
    ) -> None:
        self.pool = pool
        self.venue = venue
        self.directory = directory
        self._url = url
        self._metadata = metadata
        self._ends: list[Callable[[], Awaitable[object]]] = []

    async def configure(self, *symbols: str, **settings: Any) -> None:
        """Store configurations; the Metadata Service lists their symbols."""
        configs = ConfigRepository(Database(self.pool))
        self.directory.list(*symbols)
        for symbol in symbols:
            await configs.insert(SymbolConfig(symbol, volatility_multiplier=False, **settings))

    async def start(
        self, name: str, url: str | None = None, *, last_lease_ns: int = LAST_LEASE_NS
    ) -> Instance:
        """A new instance; `url` is another way to the same database."""
        meters = Meters(shadow_mode=False)
        meters.loop_lag.start()
        self._ends.append(_stopping(meters))
        where = url or self._url
        sizes = {"all": 8, "journal": 2, "lease": 1}
        pools = {
            use: await open_pool(
                where, max_size=size, command_timeout_s=LEASE_COMMAND_S if use == "lease" else 10.0
            )
            for use, size in sizes.items()
        }
        for pool in pools.values():
            self._ends.append(_closing(pool))
        orders = OrderServiceClient(
            self.venue.server.url,
            Account("maker", "maker"),
            meters.loop_lag,
            response_timeout_ns=NEVER_NS,
            on_report=meters.requested,
        )
        self._ends.append(orders.close)
        metadata = MetadataClient(self._metadata, deadline_s=0.5)
        self._ends.append(metadata.close)
        instance = Instance(name, pools, orders, metadata, meters, last_lease_ns)
        await instance.start()
        self._ends.append(instance.stop)
        return instance

    async def owner(self, symbol: str) -> asyncpg.Record:
        """The symbol's row of `mm_owners`."""
        row = await self.pool.fetchrow("SELECT * FROM mm_owners WHERE symbol = $1", symbol)
        assert row is not None
        return row

    async def close(self) -> None:
        """End all instances, the youngest first."""
        for end in reversed(self._ends):
            await end()


def _stopping(meters: Meters) -> Callable[[], Awaitable[object]]:
    async def stop() -> None:
        meters.loop_lag.stop()

    return stop


def _closing(pool: asyncpg.Pool) -> Callable[[], Awaitable[object]]:
    async def close() -> None:
        pool.terminate()

    return close


@asynccontextmanager
async def surroundings(url: str, pool: asyncpg.Pool, venue: Venue) -> AsyncIterator[Surroundings]:
    """Servers to share; instances that the test starts end with the block."""
    directory = Directory()
    around = Surroundings(url, pool, venue, directory, await directory.start())
    try:
        yield around
    finally:
        await around.close()
        await directory.stop()
