from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from market_maker.core.config import FairValue, SymbolConfig
from market_maker.repositories.configs import ConfigRepository, Written
from market_maker.repositories.errors import VersionConflictError
from market_maker.repositories.versions import VersionRepository

BTC = SymbolConfig(
    "BTC-USDT",
    base_spread_bps=Decimal("12.345678901234567890"),
    num_levels=3,
    model_parameters=(("gamma", Decimal("0.10")), ("horizon_s", Decimal(60))),
    fair_value=FairValue.SIZE_WEIGHTED_MID,
)
WIDER = replace(BTC, base_spread_bps=Decimal("20.5"))
ALICE = Written("alice", "first day")
BOB = Written("bob", "wider for the night")


async def test_every_configuration_is_a_version_with_author_reason_and_time(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    began = datetime.now(UTC)
    await configs.insert(BTC, ALICE)
    await configs.update(WIDER, BOB)
    await configs.set_enabled("BTC-USDT", enabled=True, by=Written("carol", "open"))
    await configs.delete("BTC-USDT", Written("dan", "delisted"))
    versions = await VersionRepository(pool).list("BTC-USDT")
    assert [(one.version, one.author, one.reason) for one in versions] == [
        (4, "dan", "delisted"),
        (3, "carol", "open"),
        (2, "bob", "wider for the night"),
        (1, "alice", "first day"),
    ]
    assert [one.config for one in versions] == [None, replace(WIDER, enabled=True), WIDER, BTC]
    assert all(
        began - timedelta(seconds=5) < one.at < datetime.now(UTC) + timedelta(seconds=5) for one in versions
    )


async def test_versions_count_on_when_a_symbol_is_configured_anew(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC, ALICE)
    await configs.delete("BTC-USDT", ALICE)
    await configs.insert(WIDER, BOB)
    newest = (await VersionRepository(pool).list("BTC-USDT"))[0]
    assert (newest.version, newest.config) == (3, WIDER)


async def test_writing_the_same_again_is_no_version(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC, ALICE)
    await configs.update(BTC, BOB)
    assert [one.author for one in await VersionRepository(pool).list("BTC-USDT")] == ["alice"]


async def test_what_somebody_changes_past_the_service_is_a_version_of_the_database_user(
    pool: asyncpg.Pool,
) -> None:
    await ConfigRepository(pool).insert(BTC, ALICE)
    await pool.execute("UPDATE mm_configs SET num_levels = 7")
    newest = (await VersionRepository(pool).list("BTC-USDT"))[0]
    assert newest.config == replace(BTC, num_levels=7)
    assert newest.author == await pool.fetchval("SELECT session_user")


async def test_a_change_of_another_version_than_the_present_one_is_refused(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC, ALICE)
    await configs.update(WIDER, replace(BOB, replaces=1))
    with pytest.raises(
        VersionConflictError, match="version 1 of BTC-USDT is not the present one, which is 2"
    ):
        await configs.update(replace(BTC, num_levels=9), replace(ALICE, replaces=1))
    stored = await configs.get("BTC-USDT")
    assert stored is not None
    assert stored.config == WIDER


async def test_of_two_changes_of_one_version_at_the_same_moment_one_is_refused(pool: asyncpg.Pool) -> None:
    await ConfigRepository(pool).insert(BTC, ALICE)
    async with pool.acquire() as first, pool.acquire() as second:
        transaction = first.transaction()
        await transaction.start()
        await ConfigRepository(first).update(WIDER, replace(BOB, replaces=1))
        await second.execute("SET lock_timeout = '50ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await ConfigRepository(second).update(replace(BTC, num_levels=9), replace(ALICE, replaces=1))
        await transaction.commit()
        with pytest.raises(VersionConflictError):
            await ConfigRepository(second).update(replace(BTC, num_levels=9), replace(ALICE, replaces=1))
        await second.execute("RESET lock_timeout")


async def test_no_version_can_be_changed_or_removed(pool: asyncpg.Pool) -> None:
    await ConfigRepository(pool).insert(BTC, ALICE)
    for statement in (
        "UPDATE mm_config_versions SET author = 'mallory'",
        "DELETE FROM mm_config_versions",
        "TRUNCATE mm_config_versions",
    ):
        with pytest.raises(asyncpg.RaiseError, match="mm_config_versions is append-only"):
            await pool.execute(statement)


async def test_a_page_of_versions_begins_below_the_one_named(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC, ALICE)
    for levels in (4, 5, 6):
        await configs.update(replace(BTC, num_levels=levels), BOB)
    versions = VersionRepository(pool)
    assert [one.version for one in await versions.list("BTC-USDT", None, 2)] == [4, 3]
    assert [one.version for one in await versions.list("BTC-USDT", 3, 2)] == [2, 1]
    [found] = await versions.list("BTC-USDT", 3, 1)
    assert found.config == replace(BTC, num_levels=4)


async def test_of_a_period_are_the_versions_that_held_at_its_beginning_and_those_written_in_it(
    pool: asyncpg.Pool,
) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC, ALICE)
    await configs.update(WIDER, BOB)
    await configs.insert(SymbolConfig("ETH-USDT"), ALICE)
    since = datetime.now(UTC)
    await configs.update(replace(WIDER, num_levels=2), BOB)
    found = await VersionRepository(pool).of_period(since, datetime.now(UTC) + timedelta(seconds=5))
    assert [(one.symbol, one.version) for one in found] == [("BTC-USDT", 2), ("BTC-USDT", 3), ("ETH-USDT", 1)]
    assert await VersionRepository(pool).of_period(since - timedelta(days=2), since - timedelta(days=1)) == []
