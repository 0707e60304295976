"""Each symbol's events have one sender."""

from datetime import UTC, datetime
from decimal import Decimal

from tests.support.owning import BTC, DOGE, ETH, SOL, until
from tests.support.surroundings import Surroundings

from market_maker.core.commands import RecordState
from market_maker.core.states import State
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.owners import OwnerRepository


async def test_only_events_of_symbols_that_are_ours_are_sent(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    north, south = await around.start("north"), await around.start("south")
    north.assign(BTC)
    south.assign(ETH)
    await north.taken(BTC)
    await south.taken(ETH)
    await _record(around, BTC, ETH)
    assert [event.symbol for event in await north.own_outbox.unsent(10)] == [BTC]
    assert [event.symbol for event in await south.own_outbox.unsent(10)] == [ETH]
    assert await north.own_outbox.pending_count() == 1
    [event] = await north.own_outbox.unsent(10)
    assert await north.own_outbox.mark_sent([event.id], datetime.now(UTC)) == 1
    assert await north.own_outbox.unsent(10) == []
    assert await north.own_outbox.pending_count() == 0


async def test_events_of_symbols_that_nobody_configured_are_sent_by_whose_partition_it_is(
    around: Surroundings,
) -> None:
    north = await around.start("north")
    north.assign(BTC)
    await _record(around, BTC, SOL)
    assert [event.symbol for event in await north.own_outbox.unsent(10)] == [BTC]


async def test_events_of_a_symbol_that_metadata_does_not_list_are_sent(around: Surroundings) -> None:
    await around.configure(ETH)
    await around.pool.execute("UPDATE mm_configs SET symbol = $1", DOGE)
    north = await around.start("north")
    north.assign(DOGE)
    await until(lambda: not north.ownership.expected)
    await _record(around, DOGE)
    assert [event.symbol for event in await north.own_outbox.unsent(10)] == [DOGE]


async def test_events_of_a_symbol_that_is_just_being_taken_wait(around: Surroundings) -> None:
    await around.configure(BTC)
    around.directory.go_away()
    north = await around.start("north")
    north.assign(BTC)
    await _record(around, BTC)
    assert await north.own_outbox.unsent(10) == []
    around.directory.come_back()
    await north.taken(BTC)
    assert [event.symbol for event in await north.own_outbox.unsent(10)] == [BTC]


async def test_events_of_a_symbol_that_was_released_or_taken_away_are_no_longer_ours(
    around: Surroundings,
) -> None:
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC, ETH)
    await north.clear(BTC)
    await north.clear(ETH)
    await OwnerRepository(north.database).claim([ETH], "south")
    await until(lambda: not north.holds(ETH))
    assert await north.revoke()
    await _record(around, BTC, ETH)
    assert await north.own_outbox.unsent(10) == []


async def _record(around: Surroundings, *symbols: str) -> None:
    """An event of each symbol."""
    record = RecordState(State.PAUSED, State.PAUSED, "test", "test", None, Decimal(0), rebase_pending=False)
    entries = [JournalEntry(symbol, (record,), datetime.now(UTC), "") for symbol in symbols]
    await JournalStore(around.pool).write(entries)
