"""Guards on real servers, with instances of straw, in a time that moves when all have looked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tests.support.counted import sample
from tests.support.guard import RestingOrders, StubInstance
from tests.support.valkey import Valkey

from lab.fleet_secret import FLEET_SECRET
from lab.order_client import make_client
from market_maker.core.states import KillReason
from market_maker.fleet.bus import FleetBus
from market_maker.guard.exchange import CancellingExchange
from market_maker.guard.gauges import GuardGauges
from market_maker.guard.intervention import Intervention
from market_maker.guard.records import GuardRecords
from market_maker.guard.sight import Sight
from market_maker.guard.watch import Watch
from market_maker.repositories.executor import Database
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.states import StateRecord, StateRepository
from market_maker.telemetry.guard_metrics import GUARD_METRICS
from market_maker.telemetry.metrics import Metrics

SILENCE_NS = 1_000_000_000
STEP_NS = 200_000_000
LEASE_NS = 100_000_000


class Site:
    """Real servers, instances of straw, and as many guards as a test wants."""

    def __init__(self, pool: asyncpg.Pool, url: str, valkey: Valkey, resting: RestingOrders) -> None:
        self.pool, self.url, self.valkey, self.resting = pool, url, valkey, resting
        self.database = Database(pool)
        self.metrics: list[Metrics] = []
        self._now_ns = SILENCE_NS
        """The guards' time. It moves when all that live have given a sign and every guard has begun to look
        since it moved last, however busy the machine is."""
        self._looked: dict[str, bool] = {}
        self._instances: dict[StubInstance, int] = {}
        """With the signs that each had given when time moved last."""
        self._ends: list[Callable[[], Awaitable[Any]]] = []

    async def instance(self, name: str, *symbols: str) -> StubInstance:
        """A living one that owns symbols with orders at the exchange."""
        instance = StubInstance(name, self.valkey.url, self.pool)
        self._ends.append(instance.close)
        self._instances[instance] = 0
        await instance.take(*symbols)
        await instance.live()
        self.resting.place(*symbols)
        return instance

    async def guard(self, name: str = "guard-1") -> Watch:
        """A guard that has looked once."""
        bus = FleetBus(self.valkey.url, name, FLEET_SECRET.encode())
        records = GuardRecords(self.url)
        client = make_client(self.resting.server.url, [])

        def clock_ns() -> int:
            self._looked[name] = True
            return self._now_ns

        sight, exchange = Sight(bus, records, SILENCE_NS, clock_ns), CancellingExchange(client)
        metrics = Metrics(GUARD_METRICS)
        self.metrics.append(metrics)
        watch = Watch(
            sight,
            bus,
            records,
            lambda case: Intervention(case, "1s", exchange, records, sight, LEASE_NS),
            GuardGauges(metrics),
        )
        await watch.judge()
        task = asyncio.get_running_loop().create_task(watch.run())

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])
            await bus.close()
            await records.close()
            await client.close()

        self._ends.append(end)
        return watch

    async def close(self) -> None:
        for end in reversed(self._ends):
            await end()

    async def state(self, symbol: str) -> StateRecord | None:
        return await StateRepository(self.database).get(symbol)

    async def is_halted(self, symbol: str) -> bool:
        stored = await self.state(symbol)
        return stored is not None and stored.kill_reason is KillReason.OWNER_LOST

    async def topics(self, symbol: str) -> list[str]:
        return [event.topic for event in reversed(await OutboxRepository(self.database).list(symbol))]

    def value(self, name: str, **labels: str) -> float:
        [value] = {sample(metrics, name, **labels) for metrics in self.metrics}
        assert value is not None
        return value

    async def until(self, condition: Callable[[], Awaitable[bool] | bool]) -> None:
        async with asyncio.timeout(15):
            while True:
                met = condition()
                if met is True or (not isinstance(met, bool) and await met):
                    return
                self._move_time()
                await asyncio.sleep(0.01)

    async def for_a_while(self, watch: Watch) -> None:
        """Until the guard has surely had the time to find somebody lost."""
        end_ns = self._now_ns + SILENCE_NS * 6 // 5
        while self._now_ns < end_ns:
            self._move_time()
            await watch.judge()
            await asyncio.sleep(0.05)

    def _move_time(self) -> None:
        living = {instance: instance.signs for instance in self._instances if instance.lives}
        if all(signs > self._instances[instance] for instance, signs in living.items()) and all(
            self._looked.values()
        ):
            self._instances |= living
            self._looked = dict.fromkeys(self._looked, False)
            self._now_ns += STEP_NS
