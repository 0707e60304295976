"""Symbols come to an instance: the epoch, the actor, the market, the kills that waited."""

import asyncio
from decimal import Decimal

from tests.support.owning import BTC, DOGE, ETH, LONG_NS, SOL, found, until
from tests.support.surroundings import Surroundings

from market_maker.core.states import Cause, State
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.owners import OwnerRepository


async def test_symbols_of_assigned_partitions_are_taken_paused_with_an_epoch(around: Surroundings) -> None:
    await around.configure(BTC, ETH, enabled=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    assert north.state(BTC) is State.PAUSED
    assert north.worker(BTC).tenure.epoch == 1
    row = await around.owner(BTC)
    assert (row["epoch"], row["instance_id"], row["released_at"]) == (1, "north", None)
    assert north.supervisor.worker(ETH) is None
    assert not await around.pool.fetch("SELECT * FROM mm_owners WHERE symbol = $1", ETH)


async def test_a_symbol_cannot_be_enabled_before_its_market_was_cleared(around: Surroundings) -> None:
    await around.configure(BTC)
    around.venue.server.hold("DELETE", "GET")
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    north.show_book(BTC)
    assert await north.refusals(BTC) == {"NOT_PROVEN_ZERO"}
    around.venue.server.release()
    await until(lambda: north.worker(BTC).engine.is_clear)
    north.show_book(BTC)
    assert await north.refusals(BTC) == set()


async def test_a_symbol_whose_owner_did_not_release_it_waits_for_its_lease(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    north = await around.start("north", last_lease_ns=LONG_NS)
    north.assign(BTC, ETH)
    await until(lambda: north.holds(BTC))
    await north.taken(ETH)
    assert "RETIRED" in await north.refusals(BTC)
    north.last_lease_ends(BTC)
    await north.taken(BTC)
    assert (await around.owner(BTC))["epoch"] == 2

    def cleared_once_more() -> bool:
        asked = [seen for seen in around.venue.server.requests if BTC in str(seen.query)]
        return [seen.method for seen in asked].count("DELETE") >= 2

    await until(cleared_once_more)


async def test_an_unlisted_symbol_is_left_out_without_an_owner_and_the_others_are_taken(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH)
    await around.pool.execute("UPDATE mm_configs SET symbol = $1 WHERE symbol = $2", DOGE, ETH)
    north = await around.start("north")
    north.assign(BTC, DOGE)
    await north.taken(BTC)
    await until(lambda: not north.ownership.expected)
    assert north.supervisor.worker(DOGE) is None
    assert not await around.pool.fetch(
        "SELECT * FROM mm_owners WHERE instance_id <> 'north' OR symbol = $1", DOGE
    )


async def test_a_symbol_that_metadata_cannot_describe_now_waits_and_the_others_are_taken(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH, SOL)
    around.directory.go_away(ETH)
    north = await around.start("north")
    north.assign(BTC, ETH, SOL)
    await north.taken(BTC, SOL)
    await until(lambda: north.ownership.expected == {ETH})
    around.directory.come_back()
    await north.taken(ETH)
    await until(lambda: not north.ownership.expected)


async def test_symbols_that_wait_for_metadata_take_no_room_from_the_others(around: Surroundings) -> None:
    waiting = [f"A{number}-USDT" for number in range(9)]
    await around.configure(*waiting, ETH)
    for symbol in waiting:
        around.directory.go_away(symbol)
    north = await around.start("north")
    north.assign(*waiting, ETH)
    await north.taken(ETH)
    await until(lambda: north.ownership.expected == set(waiting))


async def test_postgresql_away_is_waited_for(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    async with around.pool.acquire() as silent, silent.transaction():
        await silent.execute("LOCK TABLE mm_owners IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        while not await silent.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - PostgreSQL tells nobody who waits
            await asyncio.sleep(0.01)
        assert north.ownership.expected == {BTC}
        assert not north.holds(BTC)
    await north.taken(BTC)
    assert north.failures == []


async def test_a_kill_that_waited_for_an_owner_halts_the_symbol_and_is_done_once_that_is_durable(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    kills = KillOrderRepository(Database(around.pool))
    orders = await kills.order([BTC], "operator", "now")
    north = await around.start("north")
    states: list[str | None] = []
    marked = kills.mark_done

    async def watched(ids: object) -> int:
        row = await around.pool.fetchrow("SELECT state FROM mm_states WHERE symbol = $1", BTC)
        states.append(row["state"] if row is not None else None)
        return await marked(list(orders))

    north.errands._kills.mark_done = watched  # type: ignore[method-assign] # looks at what is durable then
    north.assign(BTC)
    await until(lambda: bool(north.supervisor.worker(BTC)) and north.state(BTC) is State.HALTED)
    assert north.symbol(BTC).kill.measured == "now"
    await found(lambda: _is_done(kills, orders))
    assert states[:1] == ["HALTED"]
    assert "HALTED" in await north.refusals(BTC)


async def test_a_kill_that_waited_strikes_before_the_last_owners_lease_has_ended(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    await KillOrderRepository(Database(around.pool)).order([BTC], "operator", "now")
    north = await around.start("north", last_lease_ns=LONG_NS)
    north.assign(BTC)
    await until(lambda: bool(north.supervisor.worker(BTC)) and north.state(BTC) is State.HALTED)
    assert north.symbol(BTC).retired != ""


async def test_a_symbol_accepts_no_enable_while_the_kills_that_waited_are_looked_up(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_kill_orders IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        await until(lambda: north.holds(BTC) and north.worker(BTC).engine.is_clear)
        north.show_book(BTC)
        assert await north.refusals(BTC) == {"RETIRED"}
    await north.taken(BTC)
    north.show_book(BTC)
    assert (await north.ask(BTC, Cause.ENABLE)).problems == ()


async def _is_done(kills: KillOrderRepository, orders: object) -> bool:
    return len(await kills.done(list(orders))) == 1  # type: ignore[call-overload] # ids by symbol


async def test_books_are_not_read_on_the_old_grid_once_metadata_has_told_of_a_new_one(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    old = north.table.reader(BTC.encode())
    around.directory.listing.update_instrument(0, BTC, tick_size=Decimal("0.2"))
    await north.markets.refresh(BTC)
    assert old is not None
    assert old.superseded, "what is read from here on is newer than what the engine is about to hear"
    await until(lambda: north.symbol(BTC).instrument.tick_size == Decimal("0.2"))
    north.markets.show_grids()
    new = north.table.reader(BTC.encode())
    assert new is not None
    assert not new.superseded
