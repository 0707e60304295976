"""What strangers write to the fleet's Redis is not believed."""

import asyncio
import time
from collections.abc import Callable

import pytest
import structlog
from redis.asyncio import Redis
from tests.support.buses import answers, bus, heartbeat, signed, until
from tests.support.valkey import Valkey

from market_maker.fleet.bus import FleetBus
from market_maker.fleet.message import FleetMessage
from market_maker.fleet.seal import AGE_MS_MAX, Seal

pytestmark = pytest.mark.usefixtures("patient")


@pytest.mark.parametrize(
    "forge",
    [
        lambda beat: beat,
        lambda beat: Seal(b"another secret").sealed("mm:instance:x-1", beat, 10**12),
        lambda beat: signed("mm:instance:y-1", beat),
        lambda beat: signed("mm:status:x-1", beat),
        lambda beat: signed("mm:instance:x-1", beat, 2 * AGE_MS_MAX),
        lambda beat: signed("mm:instance:x-1", beat, -2 * AGE_MS_MAX - 60_000),
        lambda beat: signed("mm:instance:x-1", beat).replace(b'"beat":9', b'"beat":8'),
        lambda _: b"",
        lambda _: b"x",
        lambda _: b"\xff" * 200,
    ],
)
async def test_a_beat_that_the_fleet_did_not_sign_just_now_for_its_place_is_none(
    valkey: Valkey, forge: Callable[[bytes], bytes]
) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        # Made now: what was dated ahead when the tests were collected is minutes later no longer ahead.
        await redis.set("mm:instance:x-1", forge(heartbeat("x-1", 9).encode()))
        await redis.sadd("mm:instances", "x-1")
        assert await end.instances() == (heartbeat("a-1"),)


async def test_a_beat_that_is_signed_is_believed(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await redis.set("mm:instance:x-1", signed("mm:instance:x-1", heartbeat("x-1", 9).encode()))
        await redis.sadd("mm:instances", "x-1")
        assert await end.instances() == (heartbeat("x-1", 9),)


async def test_without_a_secret_an_instance_believes_itself_alone(valkey: Valkey) -> None:
    alone = FleetBus(valkey.url, "a-1", None)
    try:
        async with bus(valkey, "b-1", None) as other:
            assert await alone.beat(heartbeat("a-1"))
            assert await other.beat(heartbeat("b-1"))
            assert await alone.instances() == (heartbeat("a-1"),)
            assert await other.instances() == (heartbeat("b-1"),)
    finally:
        await alone.close()


async def test_a_request_or_answer_that_the_fleet_did_not_sign_is_none(valkey: Valkey) -> None:
    carried_out: list[bytes] = []

    async def never(body: bytes) -> bytes:
        carried_out.append(body)
        await asyncio.Event().wait()
        return b""

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", never), Redis.from_url(valkey.url) as redis:
        await until(lambda: answers(asker, "b-1"))
        forged = FleetMessage("1", "b-1", b"forged", int(time.time() * 1000) + 60_000).encode()
        asking = asyncio.create_task(asker.ask("c-1", b"asked", 1.0))
        await until(lambda: _holds(carried_out, b"asked"))
        for text in (forged, signed("mm:requests:b-1", forged)):
            await redis.publish("mm:requests:c-1", text)
        for message_id in list(asker._requests._waiting):
            answer = FleetMessage(message_id, "c-1", b"it is paused").encode()
            for text in (answer, Seal(b"another").sealed("mm:answers:b-1", answer, int(time.time() * 1000))):
                assert await redis.publish("mm:answers:b-1", text) == 1
        assert await asking is None
    assert carried_out == [b"asked"]


async def _holds(found: list[bytes], wanted: bytes) -> bool:
    return wanted in found


async def test_a_signed_request_that_is_sent_again_is_carried_out_once(valkey: Valkey) -> None:
    carried_out: list[bytes] = []

    async def note(body: bytes) -> bytes:
        carried_out.append(body)
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", note), Redis.from_url(valkey.url) as redis:
        await until(lambda: answers(asker, "c-1"))
        request = FleetMessage("1", "b-1", b"enable", int(time.time() * 1000) + 60_000).encode()
        text = signed("mm:requests:c-1", request)
        with structlog.testing.capture_logs() as logged:
            for _ in range(3):
                await redis.publish("mm:requests:c-1", text)
            assert await answers(asker, "c-1")
    assert carried_out.count(b"enable") == 1
    assert sum(line["event"] == "fleet_bus_request_repeated" for line in logged) == 2


async def test_what_strangers_make_large_is_not_read(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        monkeypatch.setattr("market_maker.fleet.bus.TOTAL_BYTES_MAX", 5_000)
        for number in range(9):
            await redis.set(f"mm:instance:b-{number}", b"x" * 1_000)
            await redis.sadd("mm:instances", f"b-{number}")
        with structlog.testing.capture_logs() as logged:
            assert await end.instances() == (heartbeat("a-1"),)
        assert len([line for line in logged if "more than" in line["reason"]]) >= 4
        monkeypatch.setattr("market_maker.fleet.bus.INDEX_BYTES_MAX", 50_000)
        await redis.sadd("mm:instances", b"y" * 100_000)
        assert await end.instances() == ()
