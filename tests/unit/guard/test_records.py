"""PostgreSQL as the guard needs it: away, hanging, back; many symbols at once."""

import asyncio
import time
from datetime import UTC, datetime

import asyncpg
import pytest

from lab.postgres_server import PostgresServer, free_port
from market_maker.guard.records import GuardRecords
from market_maker.guard.signs import Records
from market_maker.repositories.errors import DatabaseError, DatabaseUnavailableError
from market_maker.repositories.executor import Database
from market_maker.repositories.interventions import Holder, Loss
from market_maker.repositories.migrations import migrate
from market_maker.repositories.owners import OwnerRepository

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LOST = Loss("lost-1", "silent", "3s")


async def test_beats_and_owners_are_read(database_url: str, pool: asyncpg.Pool) -> None:
    owners = OwnerRepository(Database(pool))
    await owners.beat("lost-1")
    await owners.claim(["BTCUSDT"], "lost-1")
    records = GuardRecords(database_url)
    assert await records.read() == Records({"lost-1": 1}, {"BTCUSDT": Holder(1, "lost-1")})
    await records.close()


async def test_more_symbols_than_connections_are_taken_each_in_its_turn(
    database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_maker.guard.records.WRITE_S_MAX", 1.0)
    symbols = [f"S{number}" for number in range(60)]
    await OwnerRepository(Database(pool)).claim(symbols, "lost-1")
    records = GuardRecords(database_url)
    async with pool.acquire() as stopped, stopped.transaction():
        # Five symbols' locks are held by an instance that stands still: the others are taken meanwhile.
        await stopped.execute("SELECT * FROM mm_owners WHERE symbol = ANY($1) FOR SHARE", symbols[:5])
        taken = await asyncio.gather(
            *(records.take_away(symbol, LOST, 1, NOW) for symbol in symbols), return_exceptions=True
        )
        assert all(isinstance(one, DatabaseError) for one in taken[:5])
    for symbol, one in zip(symbols, taken, strict=True):
        # A query that was given up takes those beside it along; they are tried again.
        if isinstance(one, DatabaseError):
            assert await records.take_away(symbol, LOST, 1, NOW) == Holder(2, None)
        else:
            assert one == Holder(2, None)
    await records.close()


async def test_a_database_that_is_not_there_is_told_and_used_once_it_is() -> None:
    records = GuardRecords(f"postgresql://postgres@127.0.0.1:{free_port()}/x")
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError, match="PostgreSQL does not answer"):
            await records.read()
    await records.close()


async def test_a_database_that_hangs_is_left_behind_in_time_and_used_again_when_it_goes_on(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(own_postgres.url())
    records = GuardRecords(own_postgres.url())
    assert await records.read() == Records({}, {})
    own_postgres.freeze()
    try:
        with monkeypatch.context() as impatient:
            impatient.setattr("market_maker.guard.records.READ_S_MAX", 0.2)
            for _ in range(3):
                began = time.monotonic()
                with pytest.raises(DatabaseUnavailableError):
                    await records.read()
                assert time.monotonic() - began < 5
    finally:
        own_postgres.thaw()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await records.read() == Records({}, {})
                break
            except DatabaseUnavailableError:
                await asyncio.sleep(0.05)
    await records.close()


async def test_a_database_without_the_tables_is_one_that_cannot_be_read(empty_database_url: str) -> None:
    records = GuardRecords(empty_database_url)
    with pytest.raises(DatabaseError, match="mm_instances"):
        await records.read()
    await records.close()
