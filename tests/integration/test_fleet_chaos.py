"""Whatever befalls the fleet, in whatever order: no fill lost or doubled, no order left, no change untold.

CHAOS_SEEDS=1,2,3 runs other sequences than the one below, CHAOS_STEPS=20 longer ones.
"""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random

import pytest
from tests.support.instances import NORTH, SOUTH, Fleet, StartFleet, trade_all_the_time
from tests.support.kafka_exchange import KafkaExchange
from tests.support.operator import until
from tests.support.published import require_no_gap
from tests.support.valkey import Valkey

from lab.postgres_server import PostgresServer
from market_maker.repositories.migrations import migrate

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
STEPS = int(os.environ.get("CHAOS_STEPS", "5"))
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "12").split(",")]
STANDS_S = (0.5, 2.0, 4.5, 9.0)
"""How long something stands still: shorter than a lease, the guard's silence, a session; longer."""
BACK_S_MAX = 60.0


class Blows:
    """What may befall a fleet; each is over when its method returns, and tells what it was."""

    def __init__(
        self, fleet: Fleet, exchange: KafkaExchange, database: PostgresServer, valkey: Valkey, chance: Random
    ) -> None:
        self.fleet = fleet
        self._exchange = exchange
        self._database = database
        self._valkey = valkey
        self._chance = chance

    async def next(self) -> str:
        """Let one of them happen."""
        blows: list[Callable[[], Awaitable[str]]] = [
            *(self.kill_instance, self.end_instance, self.freeze_instance, self.freeze_instance),
            *(self.freeze_database, self.kill_database, self.freeze_broker, self.stop_redis),
            *(self.refuse_cancels, self.lose_answers, self.kill_guard),
        ]
        return await self._chance.choice(blows)()

    async def kill_instance(self) -> str:
        name = self._chance.choice((NORTH, SOUTH))
        self.fleet.sites[name].service.kill()
        await self._pause()
        await self.fleet.sites[name].start()
        return f"{name} killed"

    async def end_instance(self) -> str:
        name = self._chance.choice((NORTH, SOUTH))
        try:
            code = await asyncio.to_thread(self.fleet.sites[name].service.terminate)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{name} does not end: {error}") from error
        await self._pause()
        await self.fleet.sites[name].start()
        return f"{name} ended with {code}"

    async def freeze_instance(self) -> str:
        name = self._chance.choice((NORTH, SOUTH))
        service = self.fleet.sites[name].service
        return f"{name} frozen for {await self._frozen(service.freeze, service.thaw)}"

    async def freeze_database(self) -> str:
        return f"PostgreSQL frozen for {await self._frozen(self._database.freeze, self._database.thaw)}"

    async def kill_database(self) -> str:
        await asyncio.to_thread(self._database.kill)
        await self._pause()
        self._database.start()
        return "PostgreSQL killed"

    async def freeze_broker(self) -> str:
        broker = self._exchange.broker
        return f"Kafka frozen for {await self._frozen(broker.freeze, broker.thaw)}"

    async def stop_redis(self) -> str:
        self._valkey.stop()
        await self._pause()
        self._valkey.start()
        return "Redis stopped"

    async def refuse_cancels(self) -> str:
        for operation in ("cancel", "cancel_all"):
            await self.fleet.north.exchange.fault(operation, "error")
        await self._pause()
        await self.fleet.north.exchange.clear_faults()
        return "cancels refused"

    async def lose_answers(self) -> str:
        await self.fleet.north.exchange.fault("place", "drop")
        await self._pause()
        await self.fleet.north.exchange.clear_faults()
        return "answers lost"

    async def kill_guard(self) -> str:
        self.fleet.guard.kill()
        what = await self.kill_instance()
        self.fleet.guard.start()
        return f"guard killed, {what}"

    async def _frozen(self, freeze: Callable[[], None], thaw: Callable[[], None]) -> str:
        seconds = self._chance.choice(STANDS_S)
        freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            thaw()
        return f"{seconds:g} s"

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, 4.0))


@pytest.fixture
def exchange(shared_exchange: KafkaExchange) -> Iterator[KafkaExchange]:
    """The shared exchange, whose broker the test may freeze."""
    yield shared_exchange
    shared_exchange.broker.recover()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_after_any_sequence_of_blows_fills_agree_and_no_order_is_left(
    seed: int,
    own_postgres: PostgresServer,
    valkey: Valkey,
    exchange: KafkaExchange,
    start_fleet: StartFleet,
) -> None:
    await migrate(own_postgres.url())
    chance = Random(seed)  # noqa: S311 - a test's chance
    fleet = await start_fleet(POSTGRES_URL=own_postgres.url(), REDIS_URL=valkey.url)
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True)
    blows = Blows(fleet, exchange, own_postgres, valkey, chance)
    load = [asyncio.ensure_future(trade_all_the_time(fleet.north, symbol)) for symbol in SYMBOLS]
    story: list[str] = []
    try:
        for _ in range(STEPS):
            story.append(await blows.next())
            if chance.random() < 0.7:
                await asyncio.gather(*(bring_back(fleet, symbol) for symbol in SYMBOLS))
        await end(load)
        await require_a_sound_fleet(fleet, exchange)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {story}: {error}; {fleet.log_tails()}") from error
    finally:
        await end(load)


async def end(load: Sequence[asyncio.Task[None]]) -> None:
    for task in load:
        task.cancel()
    await asyncio.gather(*load, return_exceptions=True)


async def bring_back(fleet: Fleet, symbol: str) -> None:
    """Reset a symbol that was halted, and enable it."""
    operator = fleet.north.operator
    answer = None

    async def active() -> bool:
        nonlocal answer
        answer = await operator.control(symbol, "enable")
        if answer.status == 409 and "HALTED" in answer.reasons:
            await operator.emergency("reset", symbol)
        return answer.status == 200

    try:
        await until(f"{symbol} is ACTIVE again", active, BACK_S_MAX)
    except AssertionError as error:
        raise AssertionError(f"{error}; {answer}") from None


async def require_a_sound_fleet(fleet: Fleet, exchange: KafkaExchange) -> None:
    """Both own symbols, all can quote and trade, and in the end everything agrees."""
    await fleet.all_owned(SYMBOLS, NORTH, SOUTH, timeout_s=BACK_S_MAX)
    await asyncio.gather(*(bring_back(fleet, symbol) for symbol in SYMBOLS))
    for symbol in SYMBOLS:
        await fleet.north.trade_against(symbol)
    assert (await fleet.south.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await fleet.south.operator.clear(symbol)
        await fleet.south.require_equal_fills(symbol)
    assert await fleet.south.orders_at_exchange() == 0
    await require_no_gap(fleet.south, exchange, SYMBOLS)
