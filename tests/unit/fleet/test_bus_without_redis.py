"""The bus while Redis is away, hangs, or is something else."""

import asyncio
import time

import pytest
import structlog
from tests.support.buses import (
    A_LITTLE_S,
    SECRET,
    WAIT_S_MAX,
    answers,
    bus,
    echo,
    heartbeat,
    told,
    until,
)
from tests.support.valkey import Valkey

from market_maker.fleet.bus import FleetBus


async def test_without_redis_everything_says_so_within_its_time_and_nothing_is_raised(
    valkey: Valkey,
) -> None:
    valkey.stop()
    async with bus(valkey, "b-1") as end:
        began = time.monotonic()
        assert await end.instances() is None
        assert await end.statuses() is None
        assert await end.guards() is None
        assert not await end.beat(heartbeat("b-1"))
        assert not await end.publish_status(b"{}")
        assert await end.ask("c-1", b"?", WAIT_S_MAX) is None
        await end.leave()
        assert time.monotonic() - began < WAIT_S_MAX


async def test_a_redis_that_hangs_is_given_up_after_a_second(valkey: Valkey) -> None:
    async with bus(valkey, "b-1", None) as end:
        assert await end.instances() == ()
        valkey.freeze()
        began = time.monotonic()
        assert await end.instances() is None
        assert 0.5 < time.monotonic() - began < WAIT_S_MAX
        valkey.thaw()
        await until(lambda: end.beat(heartbeat("b-1")))


async def test_everything_goes_on_by_itself_when_redis_was_away_for_a_while(valkey: Valkey) -> None:
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1"))
        assert await asker.beat(heartbeat("b-1"))
        with structlog.testing.capture_logs() as logged:
            valkey.stop()
            assert not await asker.beat(heartbeat("b-1", 2))
            assert await asker.ask("c-1", b"?", A_LITTLE_S) is None
            valkey.start()
            await until(lambda: asker.beat(heartbeat("b-1", 3)))
            await until(lambda: answers(asker, "c-1"))
        assert await asker.instances() == (heartbeat("b-1", 3),)
    codes = [line["event"] for line in logged]
    assert "fleet_bus_lost" in codes
    assert "fleet_bus_back" in codes


async def test_a_subscription_that_has_died_silently_is_noticed_and_made_again(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_maker.fleet.questions.PING_EVERY_S", 0.1)
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1"))
        with structlog.testing.capture_logs() as logged:
            valkey.freeze()  # as a machine that is gone without a word
            await until(lambda: told(logged, "fleet_bus_lost"))
            valkey.thaw()
            await until(lambda: answers(asker, "c-1"))


async def test_a_server_that_speaks_something_else_is_as_good_as_none() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    end = FleetBus(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", "a-1", SECRET)
    serving = asyncio.get_running_loop().create_task(end.run(echo))
    assert await end.instances() is None
    assert not await end.beat(heartbeat("a-1"))
    assert await end.ask("b-1", b"?", A_LITTLE_S) is None
    assert not serving.done()
    serving.cancel()
    await asyncio.wait([serving])
    await end.close()
    server.close()
    await server.wait_closed()
