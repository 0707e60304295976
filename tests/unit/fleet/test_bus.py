"""Instances hear of each other through a real Valkey, whatever stands in it."""

import time

import pytest
import structlog
from redis.asyncio import Redis
from tests.support.buses import SECRET, WAIT_S_MAX, answers, bus, heartbeat, signed, until
from tests.support.valkey import Valkey

from market_maker.api.signed_out import SignedOut
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.message import FleetMessage

pytestmark = pytest.mark.usefixtures("patient")


# --- heartbeats and status ---------------------------------------------------------------------


async def test_a_heartbeat_is_read_by_everybody_as_it_was_said(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as first, bus(valkey, "b-1", None) as second:
        assert await first.instances() == ()
        assert await second.beat(heartbeat("b-1", 7, "BTCUSDT", "ETHUSDT"))
        assert await first.beat(heartbeat("a-1", 1))
        for end in (first, second):
            assert await end.instances() == (
                heartbeat("a-1", 1),
                heartbeat("b-1", 7, "BTCUSDT", "ETHUSDT"),
            )


async def test_a_status_is_given_back_byte_for_byte_by_instance(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as first, bus(valkey, "b-1", None) as second:
        assert await first.publish_status(b'{"at":1}')
        assert await second.beat(heartbeat("b-1"))
        assert await second.statuses() == {"a-1": b'{"at":1}'}


async def test_signs_of_life_expire_by_themselves(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        began_ms = time.time_ns() // 1_000_000
        await end.beat(heartbeat("a-1"))
        await end.publish_status(b"{}")
        await end.guard_beat(b"{}")
        for key, ttl_s in (("mm:instance:a-1", 10), ("mm:status:a-1", 5), ("mm:guard:a-1", 5)):
            expires_ms = await redis.pexpiretime(key)
            assert began_ms + ttl_s * 1_000 <= expires_ms <= time.time_ns() // 1_000_000 + ttl_s * 1_000


async def test_an_expired_instance_is_found_no_more_and_leaves_no_trace(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        await redis.delete("mm:instance:a-1")
        assert await end.instances() == ()
        assert await redis.exists("mm:instances") == 0
        assert await end.beat(heartbeat("a-1", 2))
        assert await end.instances() == (heartbeat("a-1", 2),)


async def test_an_orderly_end_takes_everything_back_and_a_late_beat_does_not_bring_it_again(
    valkey: Valkey,
) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        await end.publish_status(b"{}")
        await end.guard_beat(b"{}")
        await end.leave()
        assert not await end.beat(heartbeat("a-1", 2))
        assert not await end.publish_status(b"{}")
        assert await redis.keys("*") == []


async def test_guards_are_counted(valkey: Valkey) -> None:
    async with bus(valkey, "g-1", None) as first, bus(valkey, "g-2", None) as second:
        assert await first.guards() == 0
        await first.guard_beat(b"{}")
        await second.guard_beat(b"{}")
        assert await first.guards() == 2
        assert await first.instances() == ()


def test_an_id_that_could_not_be_part_of_a_key_is_refused() -> None:
    for wrong in ("", "a:1", "a 1", "ä", "x" * 201):
        with pytest.raises(ValueError, match="is not an id"):
            FleetBus("redis://127.0.0.1:1/0", wrong, SECRET)


# --- garbage -----------------------------------------------------------------------------------


async def test_garbage_in_a_key_is_told_once_and_passed_over(valkey: Valkey) -> None:
    wrong = {
        "text": b"\xff\xfe",
        "list": b"[]",
        "beat": heartbeat("beat").encode().replace(b'"beat":1', b'"beat":"1"'),
        "bool": heartbeat("bool").encode().replace(b'"beat":1', b'"beat":true'),
        "time": heartbeat("time").encode().replace(b"2026-11", b"2026-99"),
        "zone": heartbeat("zone").encode().replace(b"Z", b""),
        "symbols": heartbeat("symbols", 1, "X").encode().replace(b'"X"', b"7"),
        "lines": heartbeat("lines", 1, "X\n\ndata: {}").encode(),
        "huge": heartbeat("huge", 1 << 63).encode(),
        "version": heartbeat("version").encode().replace(b"0.1.0", b"0" * 101),
        "other": heartbeat("a-1").encode(),
        "deep": b"[" * 100_000,
    }
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        for owner, text in wrong.items():
            await redis.set(f"mm:instance:{owner}", signed(f"mm:instance:{owner}", text))
        await redis.sadd("mm:instance:type", "a set")
        await redis.sadd("mm:instances", *wrong, "type", b"\xff", "two:parts")
        with structlog.testing.capture_logs() as logged:
            for _ in range(2):
                assert await end.instances() == (heartbeat("a-1"),)
    keys = [line["key"] for line in logged if line["event"] == "fleet_bus_garbage"]
    assert sorted(keys) == sorted([*(f"mm:instance:{owner}" for owner in (*wrong, "type")), "mm:instances"])


async def test_an_index_that_is_no_set_reads_as_nobody_and_not_as_redis_gone(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await redis.set("mm:instances", "nonsense")
        assert await end.instances() == ()


async def test_a_text_that_is_too_long_is_neither_written_nor_read(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        monkeypatch.setattr("market_maker.fleet.bus.TEXT_BYTES_MAX", 100)
        assert not await end.publish_status(b"x" * 101)
        await redis.set("mm:status:b-1", b"x" * 1000)
        await redis.sadd("mm:instances", "b-1")
        assert await end.statuses() == {}


async def test_garbage_on_a_channel_is_told_and_the_next_request_is_answered(valkey: Valkey) -> None:
    async with bus(valkey, "a-1", None) as _, bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1"))
        with structlog.testing.capture_logs() as logged:
            async with Redis.from_url(valkey.url) as redis:
                for text in (b"\xff", b"[]", b"{}", b'{"id":"1","from":"b-1"}', b'{"id":1}'):
                    assert await redis.publish("mm:requests:c-1", signed("mm:requests:c-1", text)) == 1
                half = FleetMessage("1", "b-1", b"").encode().replace(b'"body":""', b'"body":"\\ud800"')
                assert await redis.publish("mm:requests:c-1", signed("mm:requests:c-1", half)) == 1
            assert await answers(asker, "c-1")
    garbage = [line for line in logged if line["event"] == "fleet_bus_garbage"]
    assert [line["key"] for line in garbage] == ["mm:requests:c-1"] * 6
    assert all(line["reason"] for line in garbage)


async def test_a_message_that_is_too_long_is_not_sent_and_not_taken(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"), Redis.from_url(valkey.url) as redis:
        await until(lambda: answers(asker, "c-1"))
        monkeypatch.setattr("market_maker.fleet.questions.MESSAGE_BYTES_MAX", 300)
        assert await asker.ask("c-1", b"x" * 301, WAIT_S_MAX) is None
        with structlog.testing.capture_logs() as logged:
            await redis.publish("mm:requests:c-1", b"x" * 301)
            assert await answers(asker, "c-1")
    assert "301 bytes" in logged[0]["reason"]


# --- who has signed out ------------------------------------------------------------------------


async def test_who_signed_out_at_one_instance_is_signed_out_at_all_and_after_a_restart(
    valkey: Valkey,
) -> None:
    north, south, restarted = SignedOut(), SignedOut(), SignedOut()
    ends = int(time.time()) + 60
    north.add("a.b.c", ends)
    async with bus(valkey, "north", None) as one, bus(valkey, "south", None) as other:
        await one.share_signed_out(north)
        await other.share_signed_out(south)
        await other.share_signed_out(restarted)
    assert south.holds("a.b.x")
    assert restarted.known() == north.known()


async def test_what_somebody_else_left_where_the_signed_out_stand_is_passed_over(valkey: Valkey) -> None:
    redis = Redis.from_url(valkey.url)
    known = SignedOut()
    known.add("a.b.c", int(time.time()) + 60)
    async with bus(valkey, "north", None) as one:
        await redis.zadd("mm:signed-out", {b"garbage": time.time() + 60, b"\xff": time.time() + 60})
        await one.share_signed_out(known)
        assert len(known.known()) == 1
        await redis.set("mm:signed-out", "not a set")
        await one.share_signed_out(known)
        assert len(known.known()) == 1
        await redis.delete("mm:signed-out")
    await redis.aclose()
