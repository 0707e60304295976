"""Instances hear of each other and ask each other through a real Valkey, whatever it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from tests.support.valkey import Valkey

from lab.fleet_secret import FLEET_SECRET
from market_maker.api.signed_out import SignedOut
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.heartbeat import Heartbeat
from market_maker.fleet.link import FleetLink
from market_maker.fleet.message import FleetMessage
from market_maker.fleet.seal import AGE_MS_MAX, Seal

SECRET = FLEET_SECRET.encode()
SEAL = Seal(SECRET)
BORN = datetime(2026, 11, 20, 9, 33, tzinfo=UTC)
A_LITTLE_S = 0.3
WAIT_S_MAX = 30.0


def heartbeat(instance_id: str, beat: int = 1, *symbols: str) -> Heartbeat:
    return Heartbeat(instance_id, beat, BORN, symbols, "0.1.0")


def signed(place: str, text: bytes, ago_ms: int = 0) -> bytes:
    """As one of the fleet signs it; Redis runs on this machine, by this clock."""
    return SEAL.sealed(place, text, int(time.time() * 1000) - ago_ms)


async def echo(body: bytes) -> bytes:
    return b"echo " + body


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis answers, it is not given up because the machine stands still for a moment."""
    if request.function not in WITHOUT_REDIS:
        for limit in (
            "fleet.link.ANSWER_S_MAX",
            "fleet.questions.ANSWER_S_MAX",
            "clients.redis.PING_TIMEOUT_S",
        ):
            monkeypatch.setattr(f"market_maker.{limit}", WAIT_S_MAX)


@asynccontextmanager
async def bus(
    valkey: Valkey, instance_id: str, answer: Callable[[bytes], Awaitable[bytes]] | None = echo
) -> AsyncIterator[FleetBus]:
    """One end of the bus; it serves requests unless `answer` is None."""
    end = FleetBus(valkey.url, instance_id, SECRET)
    serving = None if answer is None else asyncio.get_running_loop().create_task(end.run(answer))
    try:
        yield end
    finally:
        if serving is not None:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        await end.close()


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not await condition():  # noqa: ASYNC110 -- made true by another process
            await asyncio.sleep(0.01)


async def answers(asker: FleetBus, instance_id: str, body: bytes = b"there?") -> bool:
    return await asker.ask(instance_id, body, WAIT_S_MAX / 3) == b"echo " + body


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
        monkeypatch.setattr("market_maker.fleet.board.TEXT_BYTES_MAX", 100)
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


# --- strangers who can write to Redis ----------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        heartbeat("x-1", 9).encode(),
        Seal(b"another secret").sealed("mm:instance:x-1", heartbeat("x-1", 9).encode(), 10**12),
        signed("mm:instance:y-1", heartbeat("x-1", 9).encode()),
        signed("mm:status:x-1", heartbeat("x-1", 9).encode()),
        signed("mm:instance:x-1", heartbeat("x-1", 9).encode(), 2 * AGE_MS_MAX),
        signed("mm:instance:x-1", heartbeat("x-1", 9).encode(), -2 * AGE_MS_MAX - 60_000),
        signed("mm:instance:x-1", heartbeat("x-1", 9).encode()).replace(b'"beat":9', b'"beat":8'),
        b"",
        b"x",
        b"\xff" * 200,
    ],
)
async def test_a_beat_that_the_fleet_did_not_sign_just_now_for_its_place_is_none(
    valkey: Valkey, forged: bytes
) -> None:
    async with bus(valkey, "a-1", None) as end, Redis.from_url(valkey.url) as redis:
        await end.beat(heartbeat("a-1"))
        await redis.set("mm:instance:x-1", forged)
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
        monkeypatch.setattr("market_maker.fleet.board.TOTAL_BYTES_MAX", 5_000)
        for number in range(9):
            await redis.set(f"mm:instance:b-{number}", b"x" * 1_000)
            await redis.sadd("mm:instances", f"b-{number}")
        with structlog.testing.capture_logs() as logged:
            assert await end.instances() == (heartbeat("a-1"),)
        assert len([line for line in logged if "more than" in line["reason"]]) >= 4
        monkeypatch.setattr("market_maker.fleet.board.INDEX_BYTES_MAX", 50_000)
        await redis.sadd("mm:instances", b"y" * 100_000)
        assert await end.instances() == ()


# --- requests ----------------------------------------------------------------------------------


async def test_any_bytes_travel_unchanged(valkey: Valkey) -> None:
    body = bytes(range(256)) + "Ätsch \U0001f600".encode()
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1", body))


async def test_an_instance_can_ask_itself(valkey: Valkey) -> None:
    async with bus(valkey, "b-1") as asker:
        await until(lambda: answers(asker, "b-1"))


async def test_two_requests_answered_out_of_order_each_get_their_own_answer(valkey: Valkey) -> None:
    second_has_come = asyncio.Event()

    async def first_waits(body: bytes) -> bytes:
        if body == b"first":
            await second_has_come.wait()
        elif body == b"second":
            second_has_come.set()
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", first_waits):
        await until(lambda: answers(asker, "c-1"))
        first, second = await asyncio.gather(
            asker.ask("c-1", b"first", WAIT_S_MAX), asker.ask("c-1", b"second", 5.0)
        )
    assert (first, second) == (b"echo first", b"echo second")


async def test_an_answer_that_comes_too_late_is_passed_over(valkey: Valkey) -> None:
    asked, go_on, late = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(body: bytes) -> bytes:
        if body == b"slow":
            asked.set()
            await go_on.wait()
            late.set()
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", slow):
        await until(lambda: answers(asker, "c-1"))
        with structlog.testing.capture_logs() as logged:
            assert await asker.ask("c-1", b"slow", 0.2) is None
            assert asked.is_set()
            go_on.set()
            await until(lambda: _told(logged, "fleet_bus_answer_too_late"))
        assert late.is_set()
        assert await answers(asker, "c-1")


async def _told(logged: Any, event: str) -> bool:
    return any(line["event"] == event for line in logged)


async def test_a_request_that_nobody_waits_for_any_more_is_not_carried_out(valkey: Valkey) -> None:
    carried_out: list[bytes] = []

    async def note(body: bytes) -> bytes:
        carried_out.append(body)
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", note), Redis.from_url(valkey.url) as redis:
        await until(lambda: answers(asker, "c-1"))
        seconds, microseconds = await redis.time()
        now_ms = seconds * 1000 + microseconds // 1000
        with structlog.testing.capture_logs() as logged:
            for expires_ms in (now_ms - 1, None):
                stale = FleetMessage("1", "b-1", b"enable", expires_ms).encode()
                await redis.publish("mm:requests:c-1", signed("mm:requests:c-1", stale))
            fresh = FleetMessage("2", "b-1", b"pause", now_ms + 60_000).encode()
            await redis.publish("mm:requests:c-1", signed("mm:requests:c-1", fresh))
            await until(lambda: _told(logged, "fleet_bus_answer_too_late"))
    assert carried_out[-1] == b"pause"
    assert b"enable" not in carried_out


async def test_while_a_process_stood_still_over_the_time_of_redis_it_may_have_gone_on(valkey: Valkey) -> None:
    """What has expired by then must not count as fresh for as long as the process stood still."""
    looks_ns = count(0, 2_000_000_000)
    link = FleetLink(valkey.url, clock_ns=lambda: next(looks_ns))
    before_ms = time.time_ns() // 1_000_000
    at_least_ms, at_most_ms = await link.known_ms(), link.latest_ms()  # asked, answered, and looked twice
    await link.close()
    assert at_least_ms is not None
    assert at_most_ms is not None
    assert before_ms + 2_000 <= at_least_ms < before_ms + 2_000 + WAIT_S_MAX * 1_000
    assert at_most_ms - at_least_ms == 2 * 2_000


async def test_a_request_to_nobody_has_no_answer(valkey: Valkey) -> None:
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1"))
        assert await asker.ask("d-1", b"?", WAIT_S_MAX) is None


async def test_a_request_of_which_our_own_code_makes_an_error_is_told_and_not_answered(
    valkey: Valkey,
) -> None:
    async def broken(body: bytes) -> bytes:
        if body == b"break":
            raise ZeroDivisionError("a defect")
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", broken):
        await until(lambda: answers(asker, "c-1"))
        with structlog.testing.capture_logs() as logged:
            assert await asker.ask("c-1", b"break", A_LITTLE_S) is None
        assert isinstance(logged[0]["exc_info"], ZeroDivisionError)
        assert await answers(asker, "c-1")


async def test_more_requests_than_can_be_worked_on_at_a_time_are_not_answered(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, held = asyncio.Event(), asyncio.Event()

    async def hold(body: bytes) -> bytes:
        if body == b"hold":
            holding.set()
            await held.wait()
        return b"echo " + body

    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", hold):
        await until(lambda: answers(asker, "c-1"))
        first = asyncio.get_running_loop().create_task(asker.ask("c-1", b"hold", WAIT_S_MAX))
        await holding.wait()
        monkeypatch.setattr("market_maker.fleet.questions.UNDER_WAY_MAX", 1)
        with structlog.testing.capture_logs() as logged:
            assert await asker.ask("c-1", b"more", A_LITTLE_S) is None
        assert await _told(logged, "fleet_bus_request_refused")
        held.set()
        assert await first == b"echo hold"


# --- Redis gone --------------------------------------------------------------------------------


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


async def test_while_the_other_does_not_listen_a_request_has_no_answer(valkey: Valkey) -> None:
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", None) as deaf:
        await until(lambda: answers(asker, "b-1"))
        assert await asker.ask("c-1", b"?", A_LITTLE_S) is None
        serving = asyncio.get_running_loop().create_task(deaf.run(echo))
        await until(lambda: answers(asker, "c-1"))
        serving.cancel()
        await asyncio.wait([serving])


async def test_a_subscription_that_has_died_silently_is_noticed_and_made_again(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_maker.fleet.questions.PING_EVERY_S", 0.1)
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1"):
        await until(lambda: answers(asker, "c-1"))
        with structlog.testing.capture_logs() as logged:
            valkey.freeze()  # as a machine that is gone without a word
            await until(lambda: _told(logged, "fleet_bus_lost"))
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


WITHOUT_REDIS = {
    test_without_redis_everything_says_so_within_its_time_and_nothing_is_raised,
    test_a_redis_that_hangs_is_given_up_after_a_second,
    test_everything_goes_on_by_itself_when_redis_was_away_for_a_while,
    test_a_subscription_that_has_died_silently_is_noticed_and_made_again,
    test_a_server_that_speaks_something_else_is_as_good_as_none,
}


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
