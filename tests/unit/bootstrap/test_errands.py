"""What others leave in PostgreSQL for the owner of a symbol: kills, and changes of configurations."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from tests.support.owning import BTC, ETH, Instance, found, until
from tests.support.surroundings import Surroundings

from market_maker.core.config import SymbolConfig
from market_maker.core.states import State
from market_maker.ownership.states import Hold
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository


async def test_a_kill_by_the_database_halts_a_quoting_symbol_and_is_done_once(around: Surroundings) -> None:
    north = await _quoting(around)
    kills = KillOrderRepository(Database(around.pool))
    orders = await kills.order([BTC], "operator", "now")

    async def done() -> bool:
        return await kills.done(list(orders)) == set(orders)

    await found(done)
    assert north.state(BTC) is State.HALTED
    assert north.symbol(BTC).state_actor == "operator"
    assert await around.pool.fetchval("SELECT state FROM mm_states WHERE symbol = $1", BTC) == "HALTED"
    await until(lambda: around.venue.resting(BTC) == 0)


async def test_a_kill_of_a_symbol_whose_engine_is_broken_is_done_all_the_same(around: Surroundings) -> None:
    north = await _quoting(around)
    north.worker(BTC).engine.handle = _raise  # type: ignore[method-assign, assignment] # an engine beyond repair
    north.show_book(BTC)
    await until(lambda: bool(north.supervisor.failure(BTC)))
    kills = KillOrderRepository(Database(around.pool))
    orders = await kills.order([BTC], "operator", "now")

    async def done() -> bool:
        return await kills.done(list(orders)) == set(orders)

    await found(done)
    assert await around.pool.fetchval("SELECT state FROM mm_states WHERE symbol = $1", BTC) == "HALTED"


async def test_a_configuration_that_was_changed_elsewhere_reaches_the_engine(around: Surroundings) -> None:
    north = await _quoting(around)
    configs = ConfigRepository(Database(around.pool))
    changed = replace(north.symbol(BTC).config, base_spread_bps=Decimal("33.00"))
    assert await configs.update(changed)
    await until(lambda: north.symbol(BTC).config.base_spread_bps == 33)
    assert north.state(BTC) is State.ACTIVE


async def test_an_older_configuration_never_replaces_a_newer_one(around: Surroundings) -> None:
    north = await _quoting(around)
    configs = ConfigRepository(Database(around.pool))
    before = north.symbol(BTC).config
    old = await configs.update(replace(before, base_spread_bps=Decimal("11.00")))
    new = await configs.update(replace(before, base_spread_bps=Decimal("22.00")))
    assert old is not None
    assert new is not None
    north.markets.changed(new)
    north.markets.changed(old)
    await until(lambda: len(north.worker(BTC).mailbox) == 0)
    assert north.symbol(BTC).config.base_spread_bps == 22


async def test_a_symbol_that_was_configured_elsewhere_is_taken_by_whose_partition_it_is(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north, south = await around.start("north"), await around.start("south")
    north.assign(BTC)
    south.assign(ETH)
    await around.configure(ETH)
    await south.taken(ETH)
    await north.taken(BTC)
    assert north.supervisor.worker(ETH) is None
    assert (await around.owner(ETH))["epoch"] == 1


async def test_a_symbol_whose_configuration_was_deleted_elsewhere_is_given_up(around: Surroundings) -> None:
    north = await _quoting(around)
    assert await ConfigRepository(Database(around.pool)).delete(BTC)
    await until(lambda: north.supervisor.worker(BTC) is None)
    assert around.venue.resting(BTC) == 0
    row = await around.owner(BTC)
    assert (row["instance_id"], row["resume"]) == (None, False)
    assert row["released_at"] is not None


async def test_a_symbol_that_is_configured_again_while_it_is_given_up_stays_with_its_new_configuration(
    around: Surroundings,
) -> None:
    north = await _quoting(around)
    actor = north.worker(BTC)
    around.venue.broken = BTC
    configs = ConfigRepository(Database(around.pool))
    await configs.delete(BTC)
    await until(lambda: actor.engine.symbol.retired == Hold.REMOVED.value)
    await configs.insert(SymbolConfig(BTC, base_spread_bps=Decimal("44.00"), volatility_multiplier=False))
    await until(lambda: BTC in north.markets.symbols)
    around.venue.broken = ""
    await until(lambda: not actor.engine.symbol.retired)
    assert north.worker(BTC) is actor
    assert actor.engine.symbol.config.base_spread_bps == 44
    await north.activate(BTC)


async def test_a_symbol_that_is_only_missing_from_an_older_list_is_not_given_up(around: Surroundings) -> None:
    north = await _quoting(around)
    north.markets.removed(BTC)  # as if the list had been read before the symbol was inserted
    north.markets._fingerprint = None
    known = north.markets._configs.list

    async def older() -> list[object]:
        north.markets._configs.list = known  # type: ignore[method-assign] # the next look sees it
        return []

    north.markets._configs.list = older  # type: ignore[method-assign, assignment] # a list that is out of date
    await north.ownership.read_configs()
    north.markets._fingerprint = None
    await until(lambda: BTC in north.markets.symbols)
    await asyncio.sleep(0.1)
    assert north.state(BTC) is State.ACTIVE


async def _quoting(around: Surroundings) -> Instance:
    await around.configure(BTC, enabled=True)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    return north


def _raise(_event: object) -> list[object]:
    raise RuntimeError("beyond repair")
