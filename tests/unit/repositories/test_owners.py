import asyncio

import asyncpg

from lab.journal_records import entry, state
from market_maker.core.states import KillReason, State
from market_maker.repositories.executor import Database
from market_maker.repositories.generated import owners as sql
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.owners import OwnerRepository, Owners, Release, lock_current

BTC, ETH = "BTCUSDT", "ETHUSDT"


async def test_a_symbol_that_nobody_owned_is_taken_with_the_first_epoch(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    [btc, eth] = await owners.claim({ETH, BTC}, "one")
    assert [(claim.symbol, claim.epoch) for claim in (btc, eth)] == [(BTC, 1), (ETH, 1)]
    assert btc.was_released
    assert btc.resume_age is None
    assert (await owners.look("one")).owners == {BTC: "one", ETH: "one"}
    assert (await owners.look("one")).owned == {BTC: 1, ETH: 1}


async def test_taking_a_symbol_from_its_owner_counts_the_epoch_up_and_says_so(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    [claim] = await owners.claim([BTC], "two")
    assert claim.epoch == 2
    assert not claim.was_released
    assert (await owners.look("one")).owned == {}
    assert (await owners.look("two")).owned == {BTC: 2}


async def test_an_orderly_release_tells_the_next_owner_whether_the_symbol_was_active(
    pool: asyncpg.Pool,
) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC, ETH], "one")
    assert await owners.release([Release(BTC, 1, resume=True), Release(ETH, 1, resume=False)]) == 2
    assert (await owners.look("one")).owners == {}
    [btc, eth] = await owners.claim([BTC, ETH], "two")
    assert btc.was_released
    assert btc.resume_age is not None
    assert 0 <= btc.resume_age.total_seconds() < 60
    assert eth.was_released
    assert eth.resume_age is None


async def test_a_taken_symbol_is_not_resumed_a_second_time(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    await owners.release([Release(BTC, 1, resume=True)])
    await owners.claim([BTC], "two")
    [claim] = await owners.claim([BTC], "three")
    assert claim.resume_age is None
    assert not claim.was_released


async def test_an_operator_can_take_the_resumption_back(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    await owners.release([Release(BTC, 1, resume=True)])
    assert await owners.forget_resume([BTC, ETH]) == 1
    [claim] = await owners.claim([BTC], "two")
    assert claim.was_released
    assert claim.resume_age is None


async def test_a_symbol_that_is_halted_by_now_is_not_released_to_go_on_by_itself(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC, ETH], "one")
    halted = state(State.HALTED, State.PAUSED, KillReason.MANUAL)
    await JournalStore(pool).write([entry(halted, symbol=BTC), entry(state(State.PAUSED), symbol=ETH)])
    assert await owners.release([Release(BTC, 1, resume=True), Release(ETH, 1, resume=True)]) == 2
    [btc, eth] = await owners.claim([BTC, ETH], "two")
    assert btc.resume_age is None
    assert eth.resume_age is not None


async def test_a_release_waits_for_the_kill_that_is_being_written(pool: asyncpg.Pool) -> None:
    """What is read beside a row that is waited for is as old as the statement: the lock comes first."""
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    await JournalStore(pool).write([entry(state(State.PAUSED), symbol=BTC)])
    async with Database(pool).transaction() as writing:
        await lock_current(writing, {BTC: 1})
        releasing = asyncio.create_task(owners.release([Release(BTC, 1, resume=True)]))
        await _waits(pool, releasing)
        await writing.execute("UPDATE mm_states SET state = 'HALTED' WHERE symbol = $1", BTC)
    assert await releasing == 1
    [claim] = await owners.claim([BTC], "two")
    assert claim.was_released
    assert claim.resume_age is None


async def test_a_stale_owner_releases_nothing(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    await owners.claim([BTC], "two")
    assert await owners.release([Release(BTC, 1, resume=True)]) == 0
    assert (await owners.look("two")).owned == {BTC: 2}


async def test_only_the_current_epoch_is_locked(pool: asyncpg.Pool) -> None:
    database = Database(pool)
    await OwnerRepository(database).claim([BTC, ETH], "one")
    await OwnerRepository(database).claim([BTC], "two")
    async with database.transaction() as db:
        assert await lock_current(db, {BTC: 1, ETH: 1}) == {ETH}


async def test_a_symbol_cannot_be_taken_while_its_owner_writes(pool: asyncpg.Pool) -> None:
    database = Database(pool)
    owners = OwnerRepository(database)
    await owners.claim([BTC], "one")
    async with database.transaction() as db:
        await lock_current(db, {BTC: 1})
        taking = asyncio.create_task(owners.claim([BTC], "two"))
        await _waits(pool, taking)
    [claim] = await taking
    assert claim.epoch == 2


async def _waits(pool: asyncpg.Pool, task: asyncio.Task[object]) -> None:
    """Return once somebody waits for a lock."""
    while not await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        assert not task.done()


async def test_every_sign_of_life_is_a_new_one_and_a_forgotten_instance_gives_none(
    pool: asyncpg.Pool,
) -> None:
    owners = OwnerRepository(Database(pool))
    for _ in range(3):
        await owners.beat("one")
    await owners.beat("two")
    assert await owners.beats() == {"one": 3, "two": 1}
    await owners.forget_instance("one")
    assert await owners.beats() == {"two": 1}


async def test_a_look_tells_what_has_changed_since_the_last_one(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    [eth] = await owners.claim([ETH], "two")
    first = await owners.look("one")
    assert (first.owners, first.owned) == ({BTC: "one", ETH: "two"}, {BTC: 1})
    await owners.release([Release(ETH, eth.epoch, resume=False)])
    await owners.claim([BTC], "two")
    second = await owners.look("one", first)
    assert (second.owners, second.owned) == ({BTC: "two"}, {})
    assert (await owners.look("one", second)).owners is second.owners


async def test_a_change_that_is_committed_after_a_later_one_is_seen(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    async with pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(
            "INSERT INTO mm_owners (symbol, epoch, instance_id, claimed_at) VALUES ($1, 1, 'slow', now())",
            ETH,
        )
        await owners.claim([BTC], "quick")
        before = await owners.look("one")
        assert before.owners == {BTC: "quick"}
        await transaction.commit()
    assert (await owners.look("one", before)).owners == {BTC: "quick", ETH: "slow"}


async def test_a_database_that_was_restored_is_read_anew(pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.claim([BTC], "one")
    of_another = Owners({BTC: "two", ETH: "two"}, {}, 1_000_000_000)
    assert (await owners.look("one", of_another)).owners == {BTC: "one"}


async def test_a_look_at_ten_thousand_owners_scans_none_of_them(pool: asyncpg.Pool) -> None:
    """As the session plans it once it knows the statement."""
    owners = OwnerRepository(Database(pool))
    await owners.claim([f"S{number}" for number in range(10_000)], "other")
    await owners.claim([BTC], "one")
    await pool.execute("ANALYZE mm_owners")
    seen = await owners.look("one")
    assert len(seen.owners) == 10_001
    async with pool.acquire() as connection:
        await connection.execute(f"PREPARE look (text, bigint) AS {sql.LIST_OWNED_OR_CHANGED}")
        for _ in range(10):
            await connection.execute(f"EXECUTE look ('one', {seen.ended})")
        plan = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE look ('one', {seen.ended})")]
    assert not [line for line in plan if "Seq Scan" in line], plan
