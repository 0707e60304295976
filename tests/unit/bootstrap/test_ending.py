"""The orderly end of an instance: in which order, and what it leaves to its successor."""

import asyncio

import pytest
from tests.support.jumping_clock import JumpingClock
from tests.support.owning import BTC, ETH, Instance, until
from tests.support.surroundings import Surroundings

from market_maker.bootstrap import deadline, ending, service
from market_maker.bootstrap.deadline import Deadline
from market_maker.bootstrap.ending import Ending
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository
from market_maker.streams.consumer_options import ConsumerOptions


async def test_an_instance_that_ends_leaves_no_order_no_symbol_and_no_row(around: Surroundings) -> None:
    north = await _quoting(around)
    told: list[str] = []
    assert await _end(north, told) == []
    assert around.venue.resting(BTC) == 0
    assert told == ["published", "left"]
    row = await around.owner(BTC)
    assert (row["instance_id"], row["resume"]) == (None, True)
    assert row["released_at"] is not None
    assert await OwnerRepository(Database(around.pool)).beats() == {}


async def test_symbols_are_released_only_once_everything_is_durable(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "FLUSH_S_MAX", 0.1)
    north = await _quoting(around)
    told: list[str] = []
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_states IN ACCESS EXCLUSIVE MODE")
        failures = await _end(north, told)
    assert failures == ["not everything could be written to PostgreSQL"]
    assert told == []
    row = await around.owner(BTC)
    assert (row["instance_id"], row["released_at"]) == ("north", None)
    assert await OwnerRepository(Database(around.pool)).beats() != {}


async def test_a_symbol_that_may_have_orders_is_not_released_and_the_end_is_a_failure(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = await _quoting(around)
    proven_ns = north.symbol(ETH).clearing.proven_zero_ns
    around.venue.broken = BTC
    clock = JumpingClock(monkeypatch)
    end = asyncio.ensure_future(_end(north, []))
    await until(lambda: north.symbol(ETH).clearing.proven_zero_ns not in (None, proven_ns))
    clock.jump(ending.CLEAR_S_MAX)
    assert await end == [f"zero open orders not proven for {BTC}"]
    assert (await around.owner(BTC))["instance_id"] == "north"
    assert (await around.owner(ETH))["instance_id"] is None


async def test_a_rebalance_while_an_instance_ends_takes_nothing(around: Surroundings) -> None:
    north = await _quoting(around)
    around.venue.broken = BTC
    end = Ending(north.supervisor, north.journal, north.ownership, Deadline(_too_late))
    clearing = asyncio.ensure_future(end.clear_market())
    await asyncio.sleep(0)
    north.assign(BTC, ETH)
    await asyncio.sleep(0.1)
    assert north.symbol(BTC).retired == "the service is shutting down"
    around.venue.broken = ""
    await clearing
    await until(lambda: around.venue.resting(BTC) == 0)


def test_the_steps_of_an_end_fit_into_its_deadline() -> None:
    steps = (
        ending.CLEAR_S_MAX,
        ending.FLUSH_S_MAX,
        ending.FLUSH_S_MAX + ending.COUNT_S_MAX,
        ending.RELEASE_S_MAX,
        ending.LEAVE_S_MAX,
    )
    assert sum(steps) < deadline.END_S_MAX < 10
    assert ConsumerOptions("").close_timeout_s < ending.LEAVE_S_MAX
    assert service.API_S_MAX < 2 * ending.FLUSH_S_MAX


def _too_late(given_up: list[str]) -> None:
    raise AssertionError(given_up)


async def _end(north: Instance, told: list[str]) -> list[str]:
    """As the service does it."""

    async def publish(_seconds: float) -> int:
        told.append("published")
        return 0

    async def leave() -> None:
        told.append("left")

    end = Ending(north.supervisor, north.journal, north.ownership, Deadline(_too_late))
    await end.clear_market()
    end.note_unclear()
    if await end.flush(publish):
        await end.release(leave)
    return end.failures


async def _quoting(around: Surroundings) -> Instance:
    """An instance that quotes BTC and has ETH."""
    await around.configure(BTC, ETH, enabled=True)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.activate(BTC)
    await north.taken(ETH)
    await north.clear(ETH)
    return north
