"""Instances ask each other through a real Valkey."""

import asyncio
import time
from itertools import count

import pytest
import structlog
from redis.asyncio import Redis
from tests.support.buses import (
    A_LITTLE_S,
    WAIT_S_MAX,
    answers,
    bus,
    echo,
    signed,
    told,
    until,
)
from tests.support.valkey import Valkey

from market_maker.fleet.link import FleetLink
from market_maker.fleet.message import FleetMessage

pytestmark = pytest.mark.usefixtures("patient")


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
            assert (
                await asker.ask("c-1", b"slow", 2.0) is None
            )  # in which the question arrives, on a busy machine too
            assert asked.is_set()
            go_on.set()
            await until(lambda: told(logged, "fleet_bus_answer_too_late"))
        assert late.is_set()
        assert await answers(asker, "c-1")


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
            await until(lambda: told(logged, "fleet_bus_answer_too_late"))
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
        assert await told(logged, "fleet_bus_request_refused")
        held.set()
        assert await first == b"echo hold"


async def test_while_the_other_does_not_listen_a_request_has_no_answer(valkey: Valkey) -> None:
    async with bus(valkey, "b-1") as asker, bus(valkey, "c-1", None) as deaf:
        await until(lambda: answers(asker, "b-1"))
        assert await asker.ask("c-1", b"?", A_LITTLE_S) is None
        serving = asyncio.get_running_loop().create_task(deaf.run(echo))
        await until(lambda: answers(asker, "c-1"))
        serving.cancel()
        await asyncio.wait([serving])
