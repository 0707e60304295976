"""Symbols that go on by themselves: after a clean hand-over only, and only where the desk said so."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from structlog.typing import EventDict
from tests.support.owning import BTC, Instance, until
from tests.support.surroundings import Surroundings

from market_maker.core.states import Cause, State
from market_maker.ownership import watch
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.owners import OwnerRepository


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


async def test_a_symbol_that_was_active_goes_on_at_the_next_owner(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    south = await _taken_by_south(around)
    assert south.state(BTC) is State.PAUSED, "it waits for a book"
    await south.clear(BTC)
    south.show_book(BTC)
    await until(lambda: south.state(BTC) is State.ACTIVE)
    assert south.symbol(BTC).state_actor == "system"
    await until(lambda: around.venue.resting(BTC) == 2)


async def test_it_goes_on_at_the_same_instance_too(around: Surroundings) -> None:
    north = await _handed_over(around, resume_on_clean_handover=True)
    north.assign(BTC)
    await north.taken(BTC)
    north.show_book(BTC)
    await until(lambda: north.state(BTC) is State.ACTIVE)


async def test_it_stays_paused_where_the_desk_did_not_say_so(around: Surroundings) -> None:
    await _handed_over(around)
    south = await _taken_by_south(around)
    await _does_not_go_on(south)


async def test_it_stays_paused_when_the_hand_over_was_long_ago(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    await around.pool.execute(
        "UPDATE mm_owners SET released_at = released_at - $1::interval", timedelta(seconds=61)
    )
    await _does_not_go_on(await _taken_by_south(around))


async def test_it_stays_paused_when_its_owner_did_not_release_it(around: Surroundings) -> None:
    await around.configure(BTC, enabled=True, resume_on_clean_handover=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    north.lose()
    await _does_not_go_on(await _taken_by_south(around))


async def test_it_stays_paused_when_it_was_not_active(around: Surroundings) -> None:
    await around.configure(BTC, enabled=True, resume_on_clean_handover=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    await north.ask(BTC, Cause.PAUSE)
    await north.clear(BTC)
    assert await north.revoke()
    await _does_not_go_on(await _taken_by_south(around))


async def test_it_stays_paused_when_an_operator_stops_it_during_the_hand_over(
    around: Surroundings,
) -> None:
    await around.configure(BTC, enabled=True, resume_on_clean_handover=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    around.venue.broken = BTC
    revoked = asyncio.ensure_future(north.revoke())
    await until(lambda: north.state(BTC) is State.PAUSED)
    north.ownership.operator_spoke(BTC)  # what the desk does with every request of an operator
    around.venue.broken = ""
    assert await revoked
    assert not (await around.owner(BTC))["resume"]


async def test_an_operators_word_ends_the_waiting(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    south = await _taken_by_south(around)
    south.ownership.operator_spoke(BTC)
    await _does_not_go_on(south)


async def test_a_killed_symbol_does_not_go_on(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    await KillOrderRepository(Database(around.pool)).order([BTC], "operator", "now")
    south = await around.start("south")
    south.assign(BTC)
    await until(lambda: south.holds(BTC) and south.state(BTC) is State.HALTED)
    await south.taken(BTC)
    await south.clear(BTC)
    assert (await south.ask(BTC, Cause.RESET)).problems == ()
    await _does_not_go_on(south)


async def test_an_operators_word_counts_from_the_moment_that_there_is_an_actor(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    south = await around.start("south")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_kill_orders IN ACCESS EXCLUSIVE MODE")
        south.assign(BTC)
        await until(lambda: south.holds(BTC))
        south.ownership.operator_spoke(BTC)
    await south.taken(BTC)
    await _does_not_go_on(south)


async def test_what_was_about_to_go_on_when_it_was_handed_over_again_goes_on_at_the_next(
    around: Surroundings,
) -> None:
    north = await _handed_over(around, resume_on_clean_handover=True)
    north.assign(BTC)
    await north.taken(BTC)
    assert await north.revoke()
    south = await _taken_by_south(around)
    await south.clear(BTC)
    south.show_book(BTC)
    await until(lambda: south.state(BTC) is State.ACTIVE)


async def test_what_was_about_to_go_on_does_not_after_its_partition_was_lost(around: Surroundings) -> None:
    north = await _handed_over(around, resume_on_clean_handover=True)
    north.assign(BTC)
    await north.taken(BTC)
    north.lose()
    north.assign(BTC)
    await north.taken(BTC)
    await _does_not_go_on(north)


async def test_waiting_ends_after_a_time_with_a_line_that_says_what_was_missing(
    around: Surroundings, lines: list[EventDict]
) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    south = await _taken_by_south(around)
    await south.clear(BTC)
    south.ownership.machine._instance.of(BTC).go_on_until_ns = 0
    await until(lambda: any(line["event"] == "not_resumed" for line in lines))
    [line] = [line for line in lines if line["event"] == "not_resumed"]
    assert (line["symbol"], line["problems"]) == (BTC, ["NO_VALID_BOOK"])
    await _does_not_go_on(south)


async def test_a_symbol_of_nobody_does_not_go_on_once_an_operator_has_said_so(around: Surroundings) -> None:
    await _handed_over(around, resume_on_clean_handover=True)
    assert await OwnerRepository(Database(around.pool)).forget_resume([BTC]) == 1
    await _does_not_go_on(await _taken_by_south(around))


async def _handed_over(around: Surroundings, **settings: bool) -> Instance:
    """An instance that has just released its ACTIVE symbol."""
    await around.configure(BTC, enabled=True, **settings)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    assert await north.revoke()
    assert (await around.owner(BTC))["resume"]
    return north


async def _taken_by_south(around: Surroundings) -> Instance:
    south = await around.start("south")
    south.assign(BTC)
    await south.taken(BTC)
    return south


async def _does_not_go_on(instance: Instance) -> None:
    """Nothing stands against it any more, and it stays PAUSED all the same."""
    await instance.clear(BTC)
    instance.show_book(BTC)
    await asyncio.sleep(2 * watch.LOOK_EVERY_S)
    assert instance.state(BTC) is State.PAUSED
    instance.show_book(BTC)
    assert await instance.refusals(BTC) == set()
