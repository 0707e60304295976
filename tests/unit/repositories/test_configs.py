from dataclasses import replace
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from market_maker.core.config import SymbolConfig
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.errors import DuplicateError

BTC = SymbolConfig("BTC-USDT", base_spread_bps=Decimal("12.345678901234567890"), num_levels=3)


async def test_a_configuration_comes_back_exactly_as_it_was_stored(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    stored = await configs.insert(BTC)
    assert stored.config == BTC
    assert await configs.get("BTC-USDT") == stored
    assert stored.created_at == stored.updated_at


async def test_the_defaults_of_the_table_are_those_of_the_core(pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO mm_configs (symbol) VALUES ('BTC-USDT')")
    stored = await ConfigRepository(pool).get("BTC-USDT")
    assert stored is not None
    assert stored.config == SymbolConfig("BTC-USDT")


async def test_configurations_are_listed_by_symbol(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    for symbol in ("ETH-USDT", "ADA-USDT", "BTC-USDT"):
        await configs.insert(SymbolConfig(symbol))
    assert [record.config.symbol for record in await configs.list()] == ["ADA-USDT", "BTC-USDT", "ETH-USDT"]


async def test_only_configurations_that_changed_are_read_again(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    for symbol in ("ADA-USDT", "BTC-USDT", "ETH-USDT"):
        await configs.insert(SymbolConfig(symbol))
    known = await configs.refreshed({})
    assert list(known.values()) == await configs.list()
    await configs.set_enabled("BTC-USDT", enabled=True)
    await configs.delete("ETH-USDT")
    await configs.insert(SymbolConfig("SOL-USDT"))
    now = await configs.refreshed(known)
    assert list(now.values()) == await configs.list()
    assert now["ADA-USDT"] is known["ADA-USDT"]
    assert now["BTC-USDT"].config.enabled


async def test_a_second_configuration_of_a_symbol_is_a_duplicate(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC)
    with pytest.raises(DuplicateError, match="BTC-USDT is configured already"):
        await configs.insert(SymbolConfig("BTC-USDT"))
    stored = await configs.get("BTC-USDT")
    assert stored is not None
    assert stored.config == BTC


async def test_an_update_replaces_every_setting_and_nothing_else(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(SymbolConfig("ETH-USDT"))
    before = await configs.insert(BTC)
    changed = SymbolConfig("BTC-USDT", enabled=True, max_loss_usdt=Decimal("0.01"), check_staleness=True)
    after = await configs.update(changed)
    assert after is not None
    assert (after.config, after.created_at) == (changed, before.created_at)
    assert after.updated_at > before.updated_at
    untouched = await configs.get("ETH-USDT")
    assert untouched is not None
    assert untouched.config == SymbolConfig("ETH-USDT")


async def test_switching_a_symbol_on_touches_nothing_else(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC)
    after = await configs.set_enabled("BTC-USDT", enabled=True)
    assert after is not None
    assert after.config == replace(BTC, enabled=True)


async def test_a_symbol_without_a_configuration_is_told_apart(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    assert await configs.get("BTC-USDT") is None
    assert await configs.update(BTC) is None
    assert await configs.set_enabled("BTC-USDT", enabled=True) is None
    assert await configs.delete("BTC-USDT") is False


async def test_a_deleted_configuration_is_gone(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    await configs.insert(BTC)
    assert await configs.delete("BTC-USDT") is True
    assert await configs.get("BTC-USDT") is None


async def test_a_change_and_its_audit_can_share_a_transaction(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await ConfigRepository(connection).insert(BTC)
        await transaction.rollback()
    assert await ConfigRepository(pool).list() == []


OUT_OF_RANGE: tuple[tuple[str, Any], ...] = (
    ("symbol", ""),
    ("base_spread_bps", Decimal(0)),
    ("base_spread_bps", Decimal("NaN")),
    ("base_spread_bps", Decimal("Infinity")),
    ("order_size_usdt", Decimal(-1)),
    ("inventory_skew_factor", Decimal("-0.1")),
    ("max_position_usdt", Decimal(0)),
    ("max_loss_usdt", Decimal("NaN")),
    ("num_levels", 0),
    ("num_levels", 101),
    ("level_spacing_bps", Decimal(-1)),
    ("staleness_threshold_ms", Decimal(0)),
    ("quote_interval_ms", Decimal("Infinity")),
    ("price_threshold_bps", Decimal(10001)),
    ("position_headroom_pct", Decimal("50.1")),
    ("position_headroom_pct", Decimal(-1)),
    ("reference_min_notional_usdt", Decimal("NaN")),
    ("mark_divergence_bps", Decimal(0)),
)


async def test_the_database_itself_refuses_every_setting_out_of_range(pool: asyncpg.Pool) -> None:
    configs = ConfigRepository(pool)
    for field, value in OUT_OF_RANGE:
        with pytest.raises(asyncpg.CheckViolationError, match=f"mm_configs_{field}_check"):
            await configs.insert(replace(BTC, **{field: value}))
    assert await configs.list() == []
