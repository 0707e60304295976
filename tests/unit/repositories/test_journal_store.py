import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from tests.support.folding import fold

from lab.journal_records import NOON, TRACE, Fills, entry, order, risk, state
from lab.postgres_server import PostgresServer
from market_maker.core.applied import Applied
from market_maker.core.commands import OrderStatus
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.repositories.database import open_pool
from market_maker.repositories.errors import DatabaseUnavailableError, RecordRefusedError
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore, WriteResult
from market_maker.repositories.migrations import migrate
from market_maker.repositories.orders import OrderRepository
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.owners import OwnerRepository
from market_maker.repositories.positions import PositionRepository
from market_maker.repositories.states import StateRepository

EVERYTHING = {
    "fills": "SELECT * FROM mm_fills ORDER BY id",
    "positions": "SELECT * FROM mm_positions ORDER BY symbol",
    "orders": "SELECT * FROM mm_orders ORDER BY client_order_id",
    "states": "SELECT * FROM mm_states ORDER BY symbol",
    "events": "SELECT * FROM outbox ORDER BY id",
}


FILLS = "SELECT count(*) FROM mm_fills"
SYMBOLS = ("BTC-USDT", "ETH-USDT")


async def everything(pool: asyncpg.Pool) -> dict[str, Sequence[asyncpg.Record]]:
    return {name: await pool.fetch(sql) for name, sql in EVERYTHING.items()}


async def test_a_batch_of_many_symbols_becomes_durable_together(pool: asyncpg.Pool) -> None:
    bitcoin, ether = Fills(), Fills()
    entries = [
        entry(bitcoin.next(), order("c1", OrderStatus.PARTIALLY_FILLED)),
        entry(ether.next(Side.SELL, "2", "3000"), symbol="ETH-USDT"),
        entry(bitcoin.next(Side.SELL, "0.2")),
        entry(state(), symbol="ETH-USDT"),
    ]
    assert await JournalStore(pool).write(entries) == WriteResult(fills=3, fills_already_there=0)
    assert await PositionRepository(pool).get("BTC-USDT") == bitcoin.position
    assert await PositionRepository(pool).get("ETH-USDT") == ether.position
    assert [order.status for order in await OrderRepository(pool).open()] == [OrderStatus.PARTIALLY_FILLED]
    assert (await StateRepository(pool).load_all())["ETH-USDT"].state is State.ACTIVE


async def test_an_empty_batch_changes_nothing(pool: asyncpg.Pool) -> None:
    assert await JournalStore(pool).write([]) == WriteResult(0, 0)
    assert not any((await everything(pool)).values())


async def test_the_same_batch_written_again_changes_nothing(pool: asyncpg.Pool) -> None:
    fills = Fills()
    entries = [entry(fills.next(), order(), state(), risk()), entry(fills.next(), order("c2"))]
    await JournalStore(pool).write(entries)
    before = await everything(pool)
    assert await JournalStore(pool).write(entries) == WriteResult(fills=0, fills_already_there=2)
    assert await everything(pool) == before


async def test_a_fill_that_an_earlier_batch_wrote_is_reported_and_kept_once(pool: asyncpg.Pool) -> None:
    fills = Fills()
    first, second = fills.next(), fills.next()
    await JournalStore(pool).write([entry(first)])
    result = await JournalStore(pool).write([entry(first), entry(second)])
    assert result == WriteResult(fills=1, fills_already_there=1)
    assert [fill.trade_id for fill in await FillRepository(pool).list("BTC-USDT")] == ["t2", "t1"]


async def test_both_sides_of_one_trade_are_two_fills(pool: asyncpg.Pool) -> None:
    bought = Fills().next(Side.BUY)
    sold = Fills().next(Side.SELL)
    assert bought.trade_id == sold.trade_id
    assert (await JournalStore(pool).write([entry(bought), entry(sold)])).fills == 2


async def test_the_fold_of_the_stored_fills_is_the_stored_position(pool: asyncpg.Pool) -> None:
    fills = Fills()
    entries = []
    for number in range(200):
        side = Side.BUY if number % 3 else Side.SELL
        entries.append(entry(fills.next(side, f"{1 + number % 7}.001", f"{100 + number}.03", "0.0017")))
    for start in range(0, 200, 23):
        await JournalStore(pool).write(entries[start : start + 23])
    stored = [fill async for fill in FillRepository(pool).fold_rows("BTC-USDT", page_rows=7)]
    assert len(stored) == 200
    assert fold(stored) == await PositionRepository(pool).get("BTC-USDT") == fills.position


async def test_the_last_state_of_an_order_in_a_batch_wins(pool: asyncpg.Pool) -> None:
    await JournalStore(pool).write(
        [
            entry(order("c1", OrderStatus.PENDING_NEW, order_id=None)),
            entry(order("c1", OrderStatus.OPEN), seconds=1),
            entry(order("c1", OrderStatus.PENDING_CANCEL), seconds=2),
        ]
    )
    (stored,) = await OrderRepository(pool).list("BTC-USDT")
    assert (stored.status, stored.order_id) == (OrderStatus.PENDING_CANCEL, "o1")
    assert (stored.created_at, stored.updated_at) == (NOON, NOON + timedelta(seconds=2))


@pytest.mark.parametrize("final", [status for status in OrderStatus if status.is_final])
@pytest.mark.parametrize("batches", [1, 2])
async def test_a_final_order_never_comes_back_to_life(
    pool: asyncpg.Pool, final: OrderStatus, batches: int
) -> None:
    entries = [entry(order("c1", final)), entry(order("c1", OrderStatus.OPEN), seconds=1)]
    for batch in [entries] if batches == 1 else [[one] for one in entries]:
        await JournalStore(pool).write(batch)
    (stored,) = await OrderRepository(pool).list("BTC-USDT")
    assert (stored.status, stored.updated_at) == (final, NOON)


async def test_a_cancelled_order_that_turns_out_filled_is_corrected(pool: asyncpg.Pool) -> None:
    await JournalStore(pool).write([entry(order("c1", OrderStatus.CANCELLED))])
    await JournalStore(pool).write([entry(order("c1", OrderStatus.FILLED), seconds=1)])
    (stored,) = await OrderRepository(pool).list("BTC-USDT")
    assert (stored.status, stored.filled_quantity) == (OrderStatus.FILLED, Decimal("0.5"))


async def test_the_exchange_id_of_an_order_is_never_forgotten(pool: asyncpg.Pool) -> None:
    await JournalStore(pool).write([entry(order("c1", OrderStatus.OPEN, order_id="o9"))])
    await JournalStore(pool).write([entry(order("c1", OrderStatus.UNKNOWN, order_id=None))])
    (stored,) = await OrderRepository(pool).list("BTC-USDT")
    assert (stored.order_id, stored.status) == ("o9", OrderStatus.UNKNOWN)


async def test_a_transition_makes_the_state_row_and_its_event(pool: asyncpg.Pool) -> None:
    entries = [
        entry(state(State.ACTIVE)),
        entry(state(State.HALTED, State.ACTIVE, KillReason.LOSS_BREACH), risk(), seconds=5),
    ]
    await JournalStore(pool).write(entries)
    stored = (await StateRepository(pool).load_all())["BTC-USDT"]
    assert (stored.state, stored.kill_reason, stored.version) == (
        State.HALTED,
        KillReason.LOSS_BREACH,
        2,
    )
    assert (stored.since, stored.pnl_baseline) == (NOON + timedelta(seconds=5), Decimal("-12.50"))
    events = await OutboxRepository(pool).unsent(SYMBOLS, 10)
    assert [(event.topic, event.trace_id, event.event_id) for event in events] == [
        ("mm.state.changed.v1", TRACE, entries[0].event_ids[0]),
        ("mm.state.changed.v1", TRACE, entries[1].event_ids[0]),
        ("mm.risk.triggered.v1", TRACE, entries[1].event_ids[1]),
    ]


async def test_a_rebase_that_waits_for_a_price_is_stored_until_it_has_taken_effect(
    pool: asyncpg.Pool,
) -> None:
    states = StateRepository(pool)
    await JournalStore(pool).write([entry(state(State.PAUSED, State.HALTED, rebase_pending=True))])
    assert (await states.load_all())["BTC-USDT"].rebase_pending
    await JournalStore(pool).write([entry(state(State.PAUSED, State.PAUSED))])
    assert not (await states.load_all())["BTC-USDT"].rebase_pending


async def test_a_reset_clears_the_stored_kill_reason_and_counts_on(pool: asyncpg.Pool) -> None:
    await JournalStore(pool).write([entry(state(State.HALTED, State.ACTIVE, KillReason.MANUAL))])
    await JournalStore(pool).write([entry(state(State.PAUSED, State.HALTED))])
    stored = await StateRepository(pool).get("BTC-USDT")
    assert stored is not None
    assert (stored.state, stored.kill_reason, stored.version) == (State.PAUSED, None, 2)


async def test_one_refused_value_keeps_the_whole_batch_out(pool: asyncpg.Pool) -> None:
    fills = Fills()
    good = entry(fills.next(), state())
    bad = entry(order("c" * 10), symbol="X" * 33)
    with pytest.raises(RecordRefusedError, match="too long for type character varying"):
        await JournalStore(pool).write([good, bad])
    assert not any((await everything(pool)).values())


async def test_odd_characters_from_outside_never_block_the_journal(pool: asyncpg.Pool) -> None:
    odd = "nul \x00, half a pair \ud800, snowman \u2603"
    change = state()
    object.__setattr__(change, "reason", odd)
    killed = risk()
    object.__setattr__(killed, "measured", odd)
    await JournalStore(pool).write([entry(change, killed, order(odd))])
    expected = "nul \ufffd, half a pair ?, snowman \u2603"
    stored = await StateRepository(pool).get("BTC-USDT")
    assert stored is not None
    assert stored.reason == expected
    events = await OutboxRepository(pool).unsent(SYMBOLS, 9)
    assert [event.payload.get("measured") for event in events] == [None, expected]
    assert [o.client_order_id for o in await OrderRepository(pool).open()] == [expected]


async def test_a_connection_lost_in_the_middle_leaves_nothing_and_can_be_repeated(
    pool: asyncpg.Pool, database_url: str
) -> None:
    entries = [entry(Fills().next(), order(), state())]
    blocker = await asyncpg.connect(database_url)
    lock = blocker.transaction()
    await lock.start()
    await blocker.execute("LOCK TABLE mm_orders IN ACCESS EXCLUSIVE MODE")
    write = asyncio.create_task(JournalStore(pool).write(entries))
    await until_blocked(blocker)
    await blocker.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
    with pytest.raises(DatabaseUnavailableError, match="PostgreSQL does not answer"):
        await write
    await lock.rollback()
    await blocker.close()
    assert not any((await everything(pool)).values())
    assert (await JournalStore(pool).write(entries)).fills == 1


async def test_a_write_that_takes_too_long_is_given_up_and_can_be_repeated(database_url: str) -> None:
    entries = [entry(Fills().next())]
    blocker = await asyncpg.connect(database_url)
    async with await open_pool(database_url, command_timeout_s=2) as pool:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE mm_fills IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(DatabaseUnavailableError):
                await JournalStore(pool).write(entries)
        assert (await JournalStore(pool).write(entries)).fills == 1
    await blocker.close()


async def test_what_was_written_survives_a_crash_of_the_server(own_postgres: PostgresServer) -> None:
    await migrate(own_postgres.url())
    fills = Fills()
    async with await open_pool(own_postgres.url()) as pool:
        await JournalStore(pool).write([entry(fills.next(), state())])
        own_postgres.kill()
        with pytest.raises(DatabaseUnavailableError):
            await JournalStore(pool).write([entry(fills.next())])
        own_postgres.start()
        assert (await JournalStore(pool).write([entry(fills.next())])).fills == 1
        assert await pool.fetchval("SELECT count(*) FROM mm_fills WHERE symbol = 'BTC-USDT'") == 2


async def test_entries_of_one_symbol_from_many_batches_keep_their_order_in_the_outbox(
    pool: asyncpg.Pool,
) -> None:
    symbols = ("AAA", "BBB", "CCC")
    expected: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    store = JournalStore(pool)
    for _ in range(5):
        batch: list[JournalEntry] = [entry(state(), risk(), symbol=symbol) for symbol in symbols]
        for one in batch:
            expected[one.symbol] += [str(event_id) for event_id in one.event_ids]
        await store.write(batch)
    events = await OutboxRepository(pool).unsent(symbols, 100)
    for symbol in symbols:
        assert [str(event.event_id) for event in events if event.symbol == symbol] == expected[symbol]


BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def until_blocked(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval(BLOCKED):  # noqa: ASYNC110 - the state of another process
            await asyncio.sleep(0.005)  # the server tells nobody that a lock is waited for


def held(made: JournalEntry, epoch: int | None) -> JournalEntry:
    return JournalEntry(made.symbol, made.records, made.at, made.trace_id, epoch)


async def test_what_a_stale_owner_writes_changes_nothing_and_the_others_entries_are_kept(
    pool: asyncpg.Pool,
) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim(["BTC-USDT", "ETH-USDT"], "one")
    await owners.claim(["BTC-USDT"], "two")
    bitcoin, ether = Fills(), Fills()
    stale = [
        held(entry(bitcoin.next(), order("c1"), state(), risk()), 1),
        held(entry(ether.next(), symbol="ETH-USDT"), 1),
    ]
    result = await JournalStore(pool).write(stale)
    assert result == WriteResult(1, 0, frozenset({("BTC-USDT", 1)}))
    assert await OrderRepository(pool).open() == []
    assert await StateRepository(pool).load_all() == {}
    assert await PositionRepository(pool).get("BTC-USDT") is None
    assert await PositionRepository(pool).get("ETH-USDT") is not None
    assert (await pool.fetchval("SELECT count(*) FROM outbox"), await pool.fetchval(FILLS)) == (0, 1)


async def test_entries_of_two_epochs_in_one_batch_are_told_apart(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim(["BTC-USDT"], "one")
    await owners.claim(["BTC-USDT"], "one")
    fills = Fills()
    lost, kept = fills.next(), fills.next()
    result = await JournalStore(pool).write([held(entry(lost), 1), held(entry(kept), 2)])
    assert result == WriteResult(1, 0, frozenset({("BTC-USDT", 1)}))
    [row] = await FillRepository(pool).list("BTC-USDT")
    assert row.trade_id == kept.trade_id


async def test_a_symbol_that_nobody_ever_took_has_no_epoch_to_write_under(pool: asyncpg.Pool) -> None:
    result = await JournalStore(pool).write([held(entry(Fills().next()), 1)])
    assert result.stale == {("BTC-USDT", 1)}
    assert await pool.fetchval(FILLS) == 0


async def test_how_far_events_are_counted_becomes_durable_with_the_fill_and_outlives_a_mended_position(
    pool: asyncpg.Pool,
) -> None:
    positions = PositionRepository(pool)
    assert await positions.applied("BTC-USDT") is None
    fills, applied = Fills(), Applied(3, 17, 1_763_640_000_123_457)
    await JournalStore(pool).write([entry(replace(fills.next(), applied=applied))])
    assert await positions.applied("BTC-USDT") == applied
    await positions.save({"BTC-USDT": fills.position}, NOON)
    assert await positions.applied("BTC-USDT") == applied


async def test_a_fill_that_an_engine_had_counted_before_is_looked_for_and_stored_when_it_is_missing(
    pool: asyncpg.Pool,
) -> None:
    fills, store = Fills(), JournalStore(pool)
    await OwnerRepository(Database(pool)).claim(["BTC-USDT"], "north")
    counted, missing = fills.next(), replace(fills.next(), after=None)
    await store.write([replace(entry(counted), epoch=1)])
    again = [replace(entry(replace(counted, after=None)), epoch=1)]
    assert (await store.write(again)).fills_missed == 0
    assert (await store.write([*again, replace(entry(missing), epoch=1)])).fills_missed == 1
    assert await pool.fetchval(FILLS) == 2
