"""Somebody counts the epoch up: what the old owner may still do, and who has the symbol in the end."""

import asyncio
import time

import pytest
from tests.support.owning import BTC, Instance, found, until
from tests.support.surroundings import Surroundings

from market_maker.bootstrap import restore
from market_maker.core.events import BookInvalid
from market_maker.core.states import State
from market_maker.ownership import leaving
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository, Release


async def test_no_order_leaves_once_the_renewal_has_seen_another_owner(around: Surroundings) -> None:
    north = await _quoting(around)
    await OwnerRepository(Database(around.pool)).claim([BTC], "south")
    await until(lambda: not north.holds(BTC))
    before = around.venue.heard()
    if north.supervisor.worker(BTC) is not None:
        north.show_book(BTC)
    await until(lambda: north.supervisor.worker(BTC) is None)
    await asyncio.sleep(0.1)
    assert around.venue.heard() == before, "not even a cancel: the orders are the new owner's to clear"


async def test_records_under_an_old_epoch_change_nothing_and_are_never_acknowledged(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    kept = north.fill(BTC, "kept")
    await until(lambda: north.committable(BTC) == kept.offset + 1)
    await OwnerRepository(Database(around.pool)).claim([BTC], "south")
    dropped = north.fill(BTC, "dropped")
    later = north.order_event(BTC)
    await until(lambda: not north.holds(BTC))
    await until(lambda: north.offsets.in_flight() == 0)
    assert later.offset > dropped.offset
    assert north.committable(BTC) == dropped.offset
    assert [row["trade_id"] for row in await around.pool.fetch("SELECT * FROM mm_fills")] == ["kept"]
    assert await around.pool.fetchval("SELECT position FROM mm_positions WHERE symbol = $1", BTC) == 1


async def test_a_symbol_that_somebody_else_took_is_not_taken_back(around: Surroundings) -> None:
    north = await _quoting(around)
    await OwnerRepository(Database(around.pool)).claim([BTC], "south")
    await until(lambda: north.supervisor.worker(BTC) is None)
    for _ in range(3):
        await north.ownership.tenancy.renew()
    row = await around.owner(BTC)
    assert (row["instance_id"], row["epoch"]) == ("south", 2)


async def test_a_symbol_that_nobody_owns_since_is_taken_again_afresh(around: Surroundings) -> None:
    north = await _quoting(around)
    actor = north.worker(BTC)
    await around.pool.execute("UPDATE mm_owners SET epoch = epoch + 1, instance_id = NULL")
    await until(lambda: north.holds(BTC) and north.worker(BTC) is not actor)
    await north.taken(BTC)
    assert north.worker(BTC).tenure.epoch == 3
    assert north.state(BTC) is State.PAUSED
    await north.clear(BTC)
    assert around.venue.resting(BTC) == 0


async def test_a_symbol_that_its_taker_gives_up_again_is_taken_by_whose_partition_it_is(
    around: Surroundings,
) -> None:
    north = await _quoting(around)
    owners = OwnerRepository(Database(around.pool))
    [claim] = await owners.claim([BTC], "south")
    await until(lambda: north.supervisor.worker(BTC) is None)
    await owners.release([Release(BTC, claim.epoch, resume=True)])
    await north.taken(BTC)
    assert north.worker(BTC).tenure.epoch == 3


async def test_fills_whose_records_were_dropped_are_read_again_and_counted_once(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    await around.pool.execute("UPDATE mm_owners SET epoch = epoch + 1, instance_id = NULL")
    dropped = north.fill(BTC, "dropped")
    await until(lambda: north.reads_again > 0)
    north.again()
    north.fill(BTC, "dropped", offset=dropped.offset)
    await north.taken(BTC)
    await until(lambda: north.committable(BTC) == dropped.offset + 1)
    assert north.symbol(BTC).inventory.position == 1
    assert not north.symbol(BTC).kill
    fills = await around.pool.fetch("SELECT * FROM mm_fills")
    assert [row["trade_id"] for row in fills] == ["dropped"]


async def test_a_replay_of_more_fills_than_are_remembered_counts_none_twice_at_the_next_owner(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "TRADE_KEYS_MAX", 1)
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    sources = [north.fill(BTC, f"t{number}") for number in range(4)]
    await until(lambda: north.committable(BTC) == sources[-1].offset + 1)
    assert await north.revoke()
    south = await around.start("south")
    south.assign(BTC)
    await south.taken(BTC)
    for number, source in enumerate(sources):
        south.fill(BTC, f"t{number}", offset=source.offset)
    last = south.fill(BTC, "new")
    await until(lambda: south.committable(BTC) == last.offset + 1)
    assert south.symbol(BTC).inventory.position == 5
    assert south.journal.troubled == {}
    assert await around.pool.fetchval("SELECT position FROM mm_positions WHERE symbol = $1", BTC) == 5


async def test_a_row_that_names_us_though_no_actor_is_here_is_given_back(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    await OwnerRepository(Database(around.pool)).claim([BTC], "north")

    async def released() -> bool:
        row = await around.owner(BTC)
        return row["released_at"] is not None and row["instance_id"] is None

    await found(released)
    assert north.supervisor.worker(BTC) is None


async def test_a_symbol_whose_partition_went_long_ago_is_released(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = await _quoting(around)
    north.lose()
    await until(lambda: north.worker(BTC).engine.is_clear)
    await asyncio.sleep(0.2)
    assert north.holds(BTC)
    monkeypatch.setattr(leaving, "LOST_NS", 0)

    async def released() -> bool:
        return (await around.owner(BTC))["instance_id"] is None

    await found(released)
    assert not north.holds(BTC)
    row = await around.owner(BTC)
    assert (row["instance_id"], row["resume"]) == (None, False)
    assert row["released_at"] is not None


async def test_what_an_actor_had_not_sent_when_it_was_stopped_never_leaves(around: Surroundings) -> None:
    north = await _quoting(around)
    actor = north.worker(BTC)
    await north.supervisor.stop(BTC)
    before = around.venue.heard()
    actor.step(BookInvalid(time.monotonic_ns(), "its orders must go"))
    assert not actor.tenure.is_current
    await until(lambda: len(north.supervisor._requests) == 0)
    assert around.venue.heard() == before


async def _quoting(around: Surroundings) -> Instance:
    """An instance whose symbol is ACTIVE."""
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    return north
