"""`market-maker guard` as a process: what it says at its start and end, and that it does its work."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from tests.support.guard import RestingOrders, StubInstance
from tests.support.guard_process import GuardProcess
from tests.support.operator import until
from tests.support.valkey import Valkey

from market_maker.core.states import KillReason
from market_maker.repositories.executor import Database
from market_maker.repositories.states import StateRepository

BTC, ETH = "BTCUSDT", "ETHUSDT"
StartGuard = Callable[..., GuardProcess]


@pytest.fixture
def environment(database_url: str, valkey: Valkey, resting: RestingOrders) -> dict[str, str]:
    return {
        "POSTGRES_URL": database_url,
        "REDIS_URL": valkey.url,
        "ORDER_SERVICE_URL": resting.server.url,
        "KAFKA_SESSION_TIMEOUT": "6s",
    }


@pytest.fixture
def start_guard(environment: Mapping[str, str], tmp_path: Path) -> Iterator[StartGuard]:
    guards: list[GuardProcess] = []

    def start(**settings: str) -> GuardProcess:
        guard = GuardProcess({**environment, **settings}, tmp_path / f"guard-{len(guards)}.log", "2s")
        guards.append(guard)
        guard.start()
        return guard

    yield start
    for guard in guards:
        guard.close()


@pytest.fixture
async def lost(valkey: Valkey, pool: asyncpg.Pool, resting: RestingOrders) -> AsyncIterator[StubInstance]:
    """Lives until it is told to die, with orders at the exchange."""
    instance = StubInstance("lost-1", valkey.url, pool)
    await instance.take(BTC, ETH)
    await instance.live()
    resting.place(BTC, ETH)
    yield instance
    await instance.close()


async def no_order(resting: RestingOrders) -> bool:
    return resting.left(BTC, ETH) == 0


async def tried(resting: RestingOrders) -> bool:
    return len(resting.requests(BTC)) > 2


async def test_a_silent_instances_orders_are_gone_and_its_symbols_halted(
    start_guard: StartGuard, lost: StubInstance, resting: RestingOrders, pool: asyncpg.Pool
) -> None:
    guard = start_guard()
    await until("the guard looks", guard.looks)
    assert (await guard.metrics())["mm_guard_instances{state=alive}"] == 1
    await lost.die()
    await until("no order is left", lambda: no_order(resting))
    states = StateRepository(Database(pool))

    async def all_halted() -> bool:
        stored = (await states.load_all()).values()
        return [one.kill_reason for one in stored] == [KillReason.OWNER_LOST] * 2

    await until("both are HALTED", all_halted)

    async def is_done() -> bool:
        return guard.log_tail().count('"how": "cleared"') == 2

    await until("both are proven clear", is_done)
    metrics = await guard.metrics()
    assert metrics["mm_guard_interventions_total"] == 2
    assert guard.terminate() == 0, guard.log_tail()


async def test_a_guard_ends_in_order_and_takes_its_sign_of_life_along(
    start_guard: StartGuard, valkey: Valkey
) -> None:
    guard = start_guard()
    async with Redis.from_url(valkey.url) as redis:

        async def is_seen() -> bool:
            return bool(await redis.scard("mm:guards") == 1)

        await until("its sign of life is there", is_seen)
        assert guard.terminate() == 0, guard.log_tail()
        assert await redis.keys("*") == []
    assert "Traceback" not in guard.log_tail()


async def test_a_guard_that_is_told_to_end_in_the_middle_says_so_and_the_next_one_goes_on(
    start_guard: StartGuard, lost: StubInstance, resting: RestingOrders
) -> None:
    guard = start_guard()
    await until("the guard looks", guard.looks)
    resting.down = True
    await lost.die()
    await until("it tries", lambda: tried(resting))
    assert guard.terminate() == 0, guard.log_tail()
    assert "guard_interventions_given_up" in guard.log_tail()
    resting.down = False
    start_guard()
    await until("the next one cleared them", lambda: no_order(resting))


async def test_a_guard_starts_while_everything_is_away_and_says_that_it_is_blind(
    start_guard: StartGuard,
) -> None:
    nowhere = "127.0.0.1:1"
    guard = start_guard(POSTGRES_URL=f"postgresql://u:secret@{nowhere}/x", REDIS_URL=f"redis://{nowhere}/0")

    async def is_blind() -> bool:
        return (await guard.metrics()).get("mm_guard_blind") == 1

    await until("it is blind", is_blind)
    assert "secret" not in guard.log_tail()
    assert guard.terminate() == 0, guard.log_tail()


async def test_a_frozen_guard_that_goes_on_gives_a_living_instance_its_time(
    start_guard: StartGuard, lost: StubInstance, resting: RestingOrders
) -> None:
    guard = start_guard()
    await until("the guard looks", guard.looks)
    before = (await guard.metrics())["mm_guard_last_look_timestamp_seconds"]
    guard.freeze()
    await asyncio.sleep(2.5)  # longer than GUARD_SILENCE: time itself is what is tested
    guard.thaw()

    async def looks_again() -> bool:
        return (await guard.metrics())["mm_guard_last_look_timestamp_seconds"] > before + 2.5

    await until("it looks again", looks_again)
    assert resting.server.requests == []
    assert resting.left(BTC, ETH) == 4


def test_wrong_settings_are_told_all_at_once(start_guard: StartGuard) -> None:
    guard = start_guard(POSTGRES_URL="", GUARD_SILENCE_="5s", REDIS_URL="http://x", FLEET_SECRET="")
    assert guard.wait() == 2
    assert "3 settings must be corrected" in guard.log_tail()
    assert "FLEET_SECRET is not set: required" in guard.log_tail()
    assert "POSTGRES_URL" in guard.log_tail()


def test_a_taken_port_is_told_with_the_name_of_its_setting(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    guard = GuardProcess(environment, tmp_path / "guard.log")
    with socket.create_server(("127.0.0.1", int(guard.environment["GUARD_METRICS_PORT"]))):
        guard.start()
        assert guard.wait() == 1
    assert "GUARD_METRICS_PORT: cannot listen" in guard.log_tail()


def test_a_misspelt_setting_of_the_guard_is_told(start_guard: StartGuard) -> None:
    guard = start_guard(GUARD_SILENSE="5s", POSTGRES_URL="postgresql://localhost")
    assert guard.wait() == 1
    assert "GUARD_SILENSE is not a setting of the guard" in guard.log_tail()
    assert "the database name is missing" in guard.log_tail()


def test_a_guard_does_not_start_on_a_database_that_it_could_not_write_to(
    start_guard: StartGuard, empty_database_url: str
) -> None:
    guard = start_guard(POSTGRES_URL=empty_database_url)
    assert guard.wait() == 1
    assert "run `market-maker migrate`" in guard.log_tail()
