"""Partitions go: what an instance still does for their symbols, and how it gets them back."""

import asyncio
from decimal import Decimal

import pytest
from tests.support.owning import BTC, ETH, LONG_NS, Instance, found, until
from tests.support.surroundings import Surroundings

from market_maker.core.states import Cause, State
from market_maker.ownership import turns
from market_maker.ownership.states import Hold, Stage
from market_maker.ownership.watch import is_out_of_market
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository, Release


async def test_a_revoked_symbol_is_paused_cleared_saved_and_released(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    assert around.venue.resting(BTC) == 2
    assert await north.revoke()
    assert around.venue.resting(BTC) == 0
    assert north.state(BTC) is State.PAUSED
    row = await around.owner(BTC)
    assert (row["instance_id"], row["epoch"], row["resume"]) == (None, 1, True)
    assert row["released_at"] is not None
    stored = await around.pool.fetchval("SELECT state FROM mm_states WHERE symbol = $1", BTC)
    assert stored == "PAUSED"
    statuses = await around.pool.fetch("SELECT status FROM mm_orders")
    assert [row["status"] for row in statuses] == ["cancelled", "cancelled"]


async def test_nothing_leaves_for_a_symbol_that_was_released_and_nothing_is_tried_again_until_it_is_back(
    around: Surroundings, capsys: pytest.CaptureFixture[str]
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    assert await north.revoke()
    before = around.venue.heard()
    north.show_book(BTC)
    assert "RETIRED" in await north.refusals(BTC)
    north.supervisor.clear(BTC, "test")
    for _ in range(5):  # each step after the backoff would begin another round
        north.symbol(BTC).clearing.next_round_ns = 0
        await north.ask(BTC, Cause.PAUSE)
    assert around.venue.heard() == before
    assert "withheld" not in capsys.readouterr().out
    north.assign(BTC)
    await north.clear(BTC)
    assert around.venue.heard() > before


async def test_a_symbol_that_comes_back_before_anybody_had_it_goes_on_with_the_same_actor(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    actor = north.worker(BTC)
    assert await north.revoke()
    north.assign(BTC)
    await north.taken(BTC)
    assert north.worker(BTC) is actor
    assert actor.tenure.epoch == 2
    assert actor.engine.is_clear
    north.show_book(BTC)
    assert await north.refusals(BTC) == set()
    await until(lambda: around.venue.resting(BTC) == 2)


async def test_a_symbol_that_comes_back_needs_no_word_from_the_metadata_service(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    assert await north.revoke()
    around.directory.go_away()
    north.assign(BTC)
    await north.taken(BTC)


async def test_a_symbol_that_somebody_had_meanwhile_is_restored_from_the_database(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    actor = north.worker(BTC)
    assert await north.revoke()
    owners = OwnerRepository(Database(around.pool))
    [claim] = await owners.claim([BTC], "south")
    await owners.release([Release(BTC, claim.epoch, resume=False)])
    north.assign(BTC)
    await north.taken(BTC)
    assert north.worker(BTC) is not actor
    assert north.worker(BTC).tenure.epoch == 3


async def test_an_event_that_comes_before_the_new_epoch_counts_under_it(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    assert await north.revoke()
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_owners IN EXCLUSIVE MODE")
        north.assign(BTC)
        source = north.fill(BTC, "late")
        assert north.router.waiting == 1
    await north.taken(BTC)
    await until(lambda: north.committable(BTC) == source.offset + 1)
    assert north.symbol(BTC).inventory.position == 1
    assert await _fills(around) == ["late"]
    assert not north.symbol(BTC).kill


async def test_an_actor_whose_last_record_came_too_late_is_not_woken(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    actor = north.worker(BTC)
    assert await north.revoke()
    await around.pool.execute("UPDATE mm_owners SET epoch = epoch + 1")
    north.supervisor.sinks[BTC].deliver(north.execution("late", north.next_source(BTC)))
    await until(lambda: north.supervisor.worker(BTC) is None)
    await around.pool.execute("UPDATE mm_owners SET epoch = epoch - 1")
    north.assign(BTC)
    await north.taken(BTC)
    assert north.worker(BTC) is not actor
    assert north.symbol(BTC).inventory.position == 0


async def test_a_symbol_that_cannot_prove_zero_is_not_released_and_keeps_no_other_back(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "CLEAR_NS", 800_000_000)
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.activate(BTC, ETH)
    around.venue.broken = BTC
    assert await north.revoke()
    await found(lambda: _is_released(around, ETH))
    row = await around.owner(BTC)
    assert (row["instance_id"], row["released_at"]) == ("north", None)
    south = await around.start("south", last_lease_ns=LONG_NS)
    south.assign(BTC, ETH)
    await south.taken(ETH)
    await until(lambda: south.holds(BTC) and "just being taken" not in south.symbol(BTC).retired)
    assert south.symbol(BTC).retired == "the last owner's lease is running out"
    around.venue.broken = ""
    south.last_lease_ends(BTC)
    await south.taken(BTC)
    await south.clear(BTC)
    assert around.venue.resting(BTC) == 0


async def test_a_symbol_whose_last_owner_may_still_send_is_not_released_as_if_nobody_could(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    north = await around.start("north", last_lease_ns=LONG_NS)
    north.assign(BTC)
    await until(lambda: north.holds(BTC) and north.worker(BTC).engine.is_clear)
    assert north.symbol(BTC).retired
    assert await north.revoke()
    row = await around.owner(BTC)
    assert (row["instance_id"], row["released_at"]) == ("north", None)


async def test_a_revoked_symbol_is_not_let_in_again_when_its_last_owners_lease_ends(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    north = await around.start("north", last_lease_ns=LONG_NS)
    north.assign(BTC)
    await until(lambda: north.holds(BTC))
    north.lose()
    north.last_lease_ends(BTC)
    await until(lambda: _is_alone(north))
    assert north.symbol(BTC).retired == Hold.LOST.value


async def test_a_symbol_kept_within_its_last_owners_lease_waits_for_its_end(around: Surroundings) -> None:
    await around.configure(BTC)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    north = await around.start("north", last_lease_ns=LONG_NS)
    north.assign(BTC)
    await until(lambda: north.holds(BTC))
    north.lose()
    north.assign(BTC)
    await until(lambda: not north.ownership.expected)
    assert north.symbol(BTC).retired
    assert not _is_alone(north)
    north.last_lease_ends(BTC)
    await north.taken(BTC)
    assert _is_alone(north)
    assert north.worker(BTC).tenure.epoch == 2


async def test_when_partitions_are_lost_quoting_stops_and_the_actor_clears_until_it_is_fenced(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    before = around.venue.heard()
    north.lose()
    await until(lambda: around.venue.resting(BTC) == 0)
    assert north.state(BTC) is State.PAUSED
    assert not around.venue.placed_since(before)
    assert north.holds(BTC)
    assert (await around.owner(BTC))["instance_id"] == "north"
    await OwnerRepository(Database(around.pool)).claim([BTC], "south")
    await until(lambda: north.supervisor.worker(BTC) is None)


async def test_lost_partitions_that_come_back_at_once_find_the_same_actor(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    actor = north.worker(BTC)
    north.lose()
    north.assign(BTC)
    await north.taken(BTC)
    assert north.worker(BTC) is actor
    assert actor.tenure.epoch == 1
    await north.activate(BTC)


async def test_a_rebalance_that_does_not_wait_leaves_the_symbol_to_the_lease(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    actor = north.worker(BTC)
    around.venue.broken = BTC
    assert not await north.revoke(timeout_s=0.1)
    assert north.holds(BTC)
    around.venue.broken = ""
    await until(lambda: around.venue.resting(BTC) == 0)
    north.assign(BTC)
    await north.taken(BTC)
    assert north.worker(BTC) is actor
    assert not north.ownership.machine.may_go_on(BTC), "it is PAUSED by now, whoever has it next"


async def test_a_release_that_was_cut_short_is_made_good(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT * FROM mm_owners FOR UPDATE")
        revoked = asyncio.ensure_future(north.revoke(timeout_s=0.1))
        await until(lambda: not north.holds(BTC))
        assert not await revoked
    await found(lambda: _is_released(around))
    assert north.failures == []


def _is_alone(instance: Instance) -> bool:
    """Whether the last owner of BTC can certainly send no more."""
    return instance.ownership.machine._instance.of(BTC).is_alone


async def _fills(around: Surroundings) -> list[str]:
    return [row["trade_id"] for row in await around.pool.fetch("SELECT trade_id FROM mm_fills ORDER BY id")]


async def _is_released(around: Surroundings, symbol: str = BTC) -> bool:
    row = await around.owner(symbol)
    return row["instance_id"] is None and row["released_at"] is not None


async def test_an_active_symbol_without_orders_is_paused_before_it_is_released(around: Surroundings) -> None:
    await around.configure(BTC, order_size_usdt=Decimal(1))  # less than an order may be worth
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    north.show_book(BTC)
    assert await north.refusals(BTC) == set()
    assert north.worker(BTC).engine.is_out_of_market
    assert not is_out_of_market(north.worker(BTC))
    assert await north.revoke()
    assert await around.pool.fetchval("SELECT state FROM mm_states WHERE symbol = $1", BTC) == "PAUSED"
    row = await around.owner(BTC)
    assert (row["instance_id"], row["resume"]) == (None, True)


async def test_a_kill_in_the_moment_of_the_release_is_durable_before_it(around: Surroundings) -> None:
    await around.configure(BTC, enabled=True, resume_on_clean_handover=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_states IN ACCESS EXCLUSIVE MODE")
        revoked = asyncio.ensure_future(north.revoke())
        await until(lambda: north.ownership.machine.stage(BTC) is Stage.SAVING)
        await north.ask(BTC, Cause.KILL)
    assert await revoked
    assert await around.pool.fetchval("SELECT state FROM mm_states WHERE symbol = $1", BTC) == "HALTED"
    row = await around.owner(BTC)
    assert (row["instance_id"], row["resume"]) == (None, False)
