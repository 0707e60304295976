"""One rebalance right after the other, takings that are stopped half-way, and the end of the process."""

import asyncio

from tests.support.owning import BTC, ETH, SOL, WAIT_S_MAX, found, until
from tests.support.surroundings import Surroundings

from market_maker.core.states import State
from market_maker.ownership.states import Stage
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository


async def test_a_symbol_whose_partition_stays_hears_nothing_when_others_come_and_go(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH, SOL)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.activate(BTC)
    north.assign(ETH)
    await north.taken(ETH)
    assert await north.revoke(ETH)
    north.assign(SOL, ETH)
    await north.taken(SOL, ETH)
    north.lose(SOL)
    assert north.symbol(BTC).state is State.ACTIVE
    assert not north.symbol(BTC).retired
    assert (await around.owner(BTC))["epoch"] == 1
    rows = await around.pool.fetch("SELECT state, version FROM mm_states WHERE symbol = $1", BTC)
    assert [tuple(row) for row in rows] == [("ACTIVE", 1)]  # its only transition


async def test_what_is_being_taken_is_taken_though_other_partitions_come_and_go_meanwhile(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH)
    around.directory.go_away(BTC)
    north = await around.start("north")
    north.assign(BTC)
    north.assign(ETH)
    await north.taken(ETH)
    assert north.supervisor.worker(BTC) is None
    assert await north.revoke(ETH)
    assert north.ownership.expected == {BTC}
    around.directory.come_back()
    await north.taken(BTC)
    assert not north.holds(ETH)


async def test_a_symbol_that_was_lost_and_comes_back_may_be_enabled_though_another_goes_meanwhile(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC, ETH)
    north.lose(BTC)
    north.assign(BTC)
    assert await north.revoke(ETH)
    await until(lambda: not north.symbol(BTC).retired)


async def test_a_taking_that_hangs_keeps_no_rebalance_waiting(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_owners IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        await asyncio.sleep(0.05)
        assert await north.revoke()
    assert not north.ownership.expected
    assert not north.holds(BTC)


async def test_a_taking_by_the_desk_that_hangs_keeps_no_rebalance_waiting(around: Surroundings) -> None:
    north = await around.start("north")
    north.assign(BTC)
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_owners IN ACCESS EXCLUSIVE MODE")
        await around.configure(BTC)
        await north.markets.read_configs()
        taking = asyncio.ensure_future(north.ownership.take(BTC))
        await until(lambda: north.ownership.machine.stage(BTC) is Stage.CLAIMING)
        assert await north.revoke()
    async with asyncio.timeout(WAIT_S_MAX):
        await taking
    assert not north.holds(BTC)
    await asyncio.sleep(0.1)
    assert not north.holds(BTC)


async def test_a_claim_that_comes_through_after_the_partition_has_gone_is_given_back(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_fills IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        await found(lambda: _is_named(around, "north"))
        north.lose()
        await until(lambda: north.ownership.machine.stage(BTC) is Stage.FREE)
    assert north.supervisor.worker(BTC) is None
    await found(lambda: _is_named(around, None))


async def test_lost_and_assigned_in_one_breath_takes_what_is_assigned(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC)
    north.lose()
    north.assign(ETH, BTC)
    assert north.ownership.expected == {BTC, ETH}
    await north.taken(BTC, ETH)
    await asyncio.sleep(0)
    assert not north.ownership.expected


async def test_what_waits_for_a_symbol_is_kept_when_its_taking_begins_anew(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    around.directory.go_away()
    north.assign(BTC)
    north.assign(BTC)
    source = north.fill(BTC, "early")
    for _ in range(5):
        await asyncio.sleep(0)
    assert north.router.waiting == 1
    around.directory.come_back()
    await north.taken(BTC)
    await until(lambda: north.committable(BTC) == source.offset + 1)
    assert north.symbol(BTC).inventory.position == 1
    assert north.router.counters.strays == {}


async def test_nothing_waits_for_a_symbol_that_two_asked_to_take_at_once(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_kill_orders IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        await until(lambda: north.holds(BTC))
        again = asyncio.ensure_future(north.ownership.take(BTC))
        await asyncio.sleep(0)
    await again
    source = north.fill(BTC, "first")
    await until(lambda: north.committable(BTC) == source.offset + 1)
    assert north.symbol(BTC).inventory.position == 1


async def test_nothing_waits_for_a_symbol_that_is_no_longer_configured(around: Surroundings) -> None:
    await around.configure(BTC)
    around.directory.go_away()
    north = await around.start("north")
    north.assign(BTC)
    source = north.fill(BTC, "stray")
    assert north.router.waiting == 1
    await ConfigRepository(Database(around.pool)).delete(BTC)
    await until(lambda: north.committable(BTC) == source.offset + 1)
    assert not north.ownership.expected


async def test_of_two_instances_that_share_symbols_each_has_its_own_after_every_rebalance(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH, SOL)
    north, south = await around.start("north"), await around.start("south")
    north.assign(BTC, ETH, SOL)
    await north.taken(BTC, ETH, SOL)
    assert await north.revoke()
    north.assign(BTC, ETH)
    south.assign(SOL)
    assert await south.revoke()
    assert await north.revoke()
    north.assign(BTC)
    south.assign(ETH, SOL)
    await north.taken(BTC)
    await south.taken(ETH, SOL)
    owners = (await OwnerRepository(Database(around.pool)).look("")).owners
    assert owners == {BTC: "north", ETH: "south", SOL: "south"}
    assert not north.holds(ETH)
    assert not north.failures + south.failures


async def test_a_process_that_ends_takes_nothing_more_and_lets_nothing_be_enabled(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    north.ownership.close()
    assert await north.revoke()
    north.assign(BTC)
    await asyncio.sleep(0.1)
    assert not north.holds(BTC)
    north.show_book(BTC)
    assert "RETIRED" in await north.refusals(BTC)
    assert (await around.owner(BTC))["instance_id"] is None


async def test_an_instance_that_has_left_gives_no_sign_of_life_any_more(around: Surroundings) -> None:
    north = await around.start("north")
    owners = OwnerRepository(Database(around.pool))
    assert "north" in await owners.beats()
    await north.ownership.tenancy.leave()
    await north.ownership.tenancy.renew()
    assert await owners.beats() == {}


async def _is_named(around: Surroundings, instance: str | None) -> bool:
    rows = await around.pool.fetch("SELECT instance_id FROM mm_owners WHERE symbol = $1", BTC)
    return [row["instance_id"] for row in rows] == [instance]
