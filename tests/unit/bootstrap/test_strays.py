"""Fills of our account in symbols that nobody acts for: kept once, and part of the position later."""

import asyncio

from tests.support.owning import BTC, ETH, Instance, until
from tests.support.surroundings import Surroundings

from market_maker.core.config import SymbolConfig
from market_maker.core.states import State
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database


async def test_a_fill_in_a_symbol_that_nobody_configured_is_stored_once_and_acknowledged(
    around: Surroundings,
) -> None:
    north = await _alone(around)
    first = north.fill(ETH, "stray")
    again = north.fill(ETH, "stray")
    await until(lambda: north.committable(ETH) == again.offset + 1)
    assert again.offset == first.offset + 1
    assert await _stored(around) == [(ETH, "stray")]
    assert north.router.counters.strays == {ETH: 2}


async def test_it_is_part_of_the_position_once_the_symbol_is_configured_and_never_counted_twice(
    around: Surroundings,
) -> None:
    north = await _alone(around)
    source = north.fill(ETH, "stray", "2")
    await around.configure(ETH)
    north.fill(ETH, "next", "3")
    await north.taken(ETH)
    await until(lambda: north.symbol(ETH).inventory.position == 5)
    last = north.fill(ETH, "stray", "2", offset=source.offset + 2)
    await until(lambda: north.committable(ETH) == last.offset + 1)
    assert north.symbol(ETH).inventory.position == 5
    assert north.state(ETH) is State.PAUSED
    assert not north.journal.troubled
    assert await _stored(around) == [(ETH, "stray"), (ETH, "next")]


async def test_fills_that_came_before_the_number_of_partitions_was_known_count_once(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    counts, north.partitions = north.partitions, {}
    north.assign(BTC)
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_fills IN EXCLUSIVE MODE")
        north.fill(BTC, "early")
        north.partitions = counts
        north.assign(BTC)
        await until(lambda: BTC in north.ownership.expected)
    await north.taken(BTC)
    assert north.symbol(BTC).inventory.position == 1
    assert await _stored(around) == [(BTC, "early")]


async def test_no_symbol_is_taken_before_the_number_of_partitions_is_known(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    counts, north.partitions = north.partitions, {}
    north.assign(BTC)
    await asyncio.sleep(0.1)
    assert north.supervisor.worker(BTC) is None
    north.partitions = counts
    north.assign(BTC)
    await north.taken(BTC)


async def test_word_of_an_order_in_a_symbol_that_nobody_configured_is_acknowledged(
    around: Surroundings,
) -> None:
    north = await _alone(around)
    source = north.order_event(ETH)
    await until(lambda: north.committable(ETH) == source.offset + 1)


async def test_a_fill_after_a_symbol_was_deleted_is_kept(around: Surroundings) -> None:
    north = await _alone(around)
    await ConfigRepository(Database(around.pool)).delete(BTC)
    await until(lambda: north.supervisor.worker(BTC) is None)
    source = north.fill(BTC, "late")
    await until(lambda: north.committable(BTC) == source.offset + 1)
    await ConfigRepository(Database(around.pool)).insert(SymbolConfig(BTC, volatility_multiplier=False))
    await north.taken(BTC)
    assert north.symbol(BTC).inventory.position == 1


async def _alone(around: Surroundings) -> Instance:
    """An instance with BTC; ETH is not configured, its partition is this instance's."""
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    await north.clear(BTC)
    return north


async def _stored(around: Surroundings) -> list[tuple[str, str]]:
    rows = await around.pool.fetch("SELECT symbol, trade_id FROM mm_fills ORDER BY id")
    return [(row["symbol"], row["trade_id"]) for row in rows]
