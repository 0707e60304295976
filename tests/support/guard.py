"""What a guard watches, without the service: instances that give signs of life, and an exchange over HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import pytest
from aiohttp import web

from lab.fleet_secret import FLEET_SECRET
from lab.order_client import RESTING
from lab.order_server import OrderServer, Seen
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.heartbeat import Heartbeat
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository, Release

BEAT_S = 0.2


class RestingOrders:
    """Orders at an exchange, by symbol, behind a real HTTP server; it may be down."""

    def __init__(self) -> None:
        self.symbols: dict[str, int] = {}
        self.down = False
        self.server = OrderServer(self._respond)

    def place(self, *symbols: str, orders: int = 2) -> None:
        for symbol in symbols:
            self.symbols[symbol] = orders

    def left(self, *symbols: str) -> int:
        return sum(self.symbols.get(symbol, 0) for symbol in symbols)

    def requests(self, symbol: str) -> list[str]:
        """Methods of all requests about a symbol."""
        return [seen.method for seen in list(self.server.requests) if seen.query.get("symbol") == symbol]

    async def _respond(self, _request: web.Request, seen: Seen) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503, body=b'{"code": "DOWN", "message": "down"}')
        symbol = seen.query["symbol"]
        if seen.method == "DELETE":
            return web.json_response({"cancelled": self.symbols.pop(symbol, 0)})
        assert seen.method == "GET", f"a guard sent {seen.method} {seen.path}"
        orders = [
            {**RESTING, "order_id": f"x-{number}", "client_order_id": f"c-{number}", "symbol": symbol}
            for number in range(self.symbols.get(symbol, 0))
        ]
        return web.Response(body=json.dumps({"orders": orders, "next_cursor": None}).encode())


class StubInstance:
    """Claims symbols and gives signs of life, as an instance does; `die` leaves everything as it is."""

    def __init__(self, name: str, redis_url: str, pool: asyncpg.Pool) -> None:
        self.name = name
        self.owners = OwnerRepository(Database(pool))
        self.symbols: dict[str, int] = {}
        self.beats_in_redis = self.beats_in_postgres = True
        self._bus = FleetBus(redis_url, name, FLEET_SECRET.encode())
        self.signs = 0
        """How many have been given, wherever."""
        self._beat = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lives(self) -> bool:
        """Whether it goes on giving signs of life."""
        return bool(self._tasks)

    async def take(self, *symbols: str) -> None:
        claims = await self.owners.claim(symbols, self.name)
        self.symbols |= {claim.symbol: claim.epoch for claim in claims}

    async def live(self) -> None:
        """Give the first sign of life, and go on."""
        for give_sign in (self._give_sign_in_redis, self._give_sign_in_postgres):
            await give_sign()
            self._tasks.append(asyncio.get_running_loop().create_task(self._again(give_sign)))

    async def die(self) -> None:
        """As kill -9."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def end(self) -> None:
        """In order: nothing in the market, symbols released, row and keys deleted."""
        releases = [Release(symbol, epoch, resume=False) for symbol, epoch in self.symbols.items()]
        await self.owners.release(releases)
        await self.die()
        await self._bus.leave()
        await self.owners.forget_instance(self.name)

    async def close(self) -> None:
        await self.die()
        await self._bus.close()

    async def _again(self, give_sign: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await give_sign()

    async def _give_sign_in_redis(self) -> None:
        if self.beats_in_redis:
            self._beat += 1
            born = datetime(2026, 11, 20, tzinfo=UTC)
            self.signs += await self._bus.beat(
                Heartbeat(self.name, self._beat, born, tuple(self.symbols), "0")
            )

    async def _give_sign_in_postgres(self) -> None:
        if self.beats_in_postgres:
            with suppress(Exception):  # the database may be away: then there is no sign in it
                await self.owners.beat(self.name)
                self.signs += 1


@pytest.fixture
def resting() -> Iterator[RestingOrders]:
    """An exchange over HTTP."""
    orders = RestingOrders()
    with orders.server:
        yield orders
