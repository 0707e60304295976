"""A start reads what came after the checkpoint; the whole history is read behind it, and believed more."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.support.owning import BTC, Instance, found, until
from tests.support.surroundings import Surroundings

from market_maker.bootstrap import checkpoints, history_check, restore
from market_maker.core.states import Cause, KillReason, State
from market_maker.repositories.fills import FillRepository

NEXT_ID = "SELECT nextval(pg_get_serial_sequence('mm_fills', 'id'))"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint every three fills; pages of two."""
    monkeypatch.setattr(checkpoints, "FILLS_MAX", 3)
    monkeypatch.setattr(restore, "FILLS_MAX", 3)
    monkeypatch.setattr(history_check, "PAGE_ROWS", 2)


async def north_with(around: Surroundings, trades: Iterable[str]) -> Instance:
    """An instance that owns BTC and has counted these fills."""
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await fill(north, *trades)
    return north


async def fill(instance: Instance, *trades: str) -> None:
    sources = [instance.fill(BTC, trade, "0.01") for trade in trades]
    await until(lambda: instance.committable(BTC) == sources[-1].offset + 1)


async def checkpoint(pool: asyncpg.Pool) -> Any:
    return await pool.fetchrow("SELECT * FROM mm_checkpoints WHERE symbol = $1", BTC)


async def counting(pool: asyncpg.Pool, fills: int) -> None:
    """Wait until the checkpoint counts so many fills."""

    async def counts() -> bool:
        count = "SELECT (fold->>'fill_count')::int FROM mm_checkpoints WHERE symbol = $1"
        return bool(await pool.fetchval(count, BTC) == fills)

    await found(counts)


async def next_owner(around: Surroundings, before: Instance) -> Instance:
    """Another instance takes the symbol over."""
    assert await before.revoke()
    south = await around.start("south")
    south.assign(BTC)
    await south.taken(BTC)
    return south


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the fills that starts read, in order."""
    ids: list[int] = []
    fold_rows = FillRepository.fold_rows

    async def noted(self: FillRepository, symbol: str, page_rows: int = 1, after_id: int = 0) -> Any:
        async for one in fold_rows(self, symbol, page_rows, after_id):
            ids.append(one.id)
            yield one

    monkeypatch.setattr(FillRepository, "fold_rows", noted)
    return ids


async def test_the_next_owner_reads_only_the_fills_since_the_checkpoint(
    around: Surroundings, read: list[int]
) -> None:
    north = await north_with(around, "abc")
    await counting(around.pool, 3)
    await fill(north, "d", "e")
    read.clear()
    south = await next_owner(around, north)
    assert len(set(read)) == 2, "a taking that is tried again reads the same fills again"
    assert south.symbol(BTC).inventory.to_row() == north.symbol(BTC).inventory.to_row()
    assert south.symbol(BTC).inventory.position == Decimal("0.05")
    assert (await checkpoint(around.pool))["epoch"] == 1


async def test_a_release_in_order_leaves_a_checkpoint_of_every_fill(
    around: Surroundings, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "FILLS_AT_RELEASE", 2)
    north = await north_with(around, "abc")
    await counting(around.pool, 3)
    await fill(north, "d", "e")
    assert await north.revoke()
    await counting(around.pool, 5)
    read.clear()
    south = await around.start("south")
    south.assign(BTC)
    await south.taken(BTC)
    assert not read, "nothing is left to fold"
    assert south.symbol(BTC).inventory.position == Decimal("0.05")


async def test_few_fills_since_the_last_checkpoint_delay_no_release(around: Surroundings) -> None:
    north = await north_with(around, "abc")
    await counting(around.pool, 3)
    await fill(north, "d")
    assert await north.revoke()
    await counting(around.pool, 3)


async def test_a_symbol_that_was_just_restored_is_not_written_down_again(around: Surroundings) -> None:
    north = await north_with(around, "abcd")
    await counting(around.pool, 4)
    south = await next_owner(around, north)
    assert south.checkpoints.fills_since(south.worker(BTC)) == 0


async def test_a_crash_between_fills_and_checkpoint_loses_nothing(around: Surroundings) -> None:
    north = await north_with(around, "abc")
    await counting(around.pool, 3)
    await fill(north, "d", "e", "f", "g")
    await north.stop()
    await around.pool.execute("UPDATE mm_owners SET released_at = now(), instance_id = NULL")
    south = await around.start("south")
    south.assign(BTC)
    await south.taken(BTC)
    assert south.symbol(BTC).inventory.position == Decimal("0.07")
    await until(lambda: south.worker(BTC) in south.history_check._checked)
    assert south.state(BTC) is State.PAUSED


async def test_a_fill_that_was_changed_is_found_in_the_background_and_halts_the_symbol(
    around: Surroundings,
) -> None:
    north = await north_with(around, "abcd")
    await counting(around.pool, 4)
    await around.pool.execute("UPDATE mm_fills SET price = price - 1 WHERE trade_id = 'b'")
    south = await next_owner(around, north)
    await until(lambda: south.state(BTC) is State.HALTED)
    trigger = south.symbol(BTC).kill
    assert trigger.reason is KillReason.HISTORY_DIFFERS
    assert "open_cost 2400 is not 2399.99" in trigger.measured
    assert await checkpoint(around.pool) is None
    await south.clear(BTC)
    assert not (await south.ask(BTC, Cause.RESET)).problems
    south.show_book(BTC)
    assert "JOURNAL_FAILURE" in await south.refusals(BTC)


async def test_after_that_the_next_start_folds_everything_and_may_trade(around: Surroundings) -> None:
    north = await north_with(around, "abcd")
    await counting(around.pool, 4)
    await around.pool.execute("DELETE FROM mm_fills WHERE trade_id = 'b'")
    south = await next_owner(around, north)
    await until(lambda: south.state(BTC) is State.HALTED)
    await south.clear(BTC)
    await south.ask(BTC, Cause.RESET)
    assert await south.revoke()
    west = await around.start("west")
    west.assign(BTC)
    await west.taken(BTC)
    assert west.symbol(BTC).inventory.position == Decimal("0.03")
    await west.clear(BTC)
    west.show_book(BTC)
    assert await west.refusals(BTC) == set()


async def test_a_fill_that_is_inserted_late_below_the_checkpoint_is_found(around: Surroundings) -> None:
    await around.pool.execute(NEXT_ID)
    await around.pool.execute(NEXT_ID)
    north = await north_with(around, "abcd")
    await counting(around.pool, 4)
    await insert_fill(around.pool, 2)
    south = await next_owner(around, north)
    await until(lambda: south.state(BTC) is State.HALTED)
    assert south.symbol(BTC).kill.reason is KillReason.HISTORY_DIFFERS


async def test_a_fill_that_another_wrote_while_the_symbol_trades_halts_it(around: Surroundings) -> None:
    north = await north_with(around, "abc")
    await counting(around.pool, 3)
    await insert_fill(around.pool, await around.pool.fetchval(NEXT_ID))
    await fill(north, "d", "e", "f")
    await until(lambda: north.state(BTC) is State.HALTED)
    assert north.symbol(BTC).kill.reason is KillReason.HISTORY_DIFFERS
    south = await next_owner(around, north)
    assert south.symbol(BTC).inventory.position == Decimal("0.07")


async def insert_fill(pool: asyncpg.Pool, fill_id: int) -> None:
    """A copy of the first fill, of another trade, at a place of the fold."""
    await pool.execute(
        """
        INSERT INTO mm_fills OVERRIDING SYSTEM VALUE
        SELECT (jsonb_populate_record(fill, jsonb_build_object('id', $1::bigint, 'trade_id', 'late'))).*
        FROM mm_fills AS fill ORDER BY fill.id LIMIT 1
        """,
        fill_id,
    )


async def test_a_checkpoint_of_another_version_is_no_reason_not_to_start(around: Surroundings) -> None:
    north = await north_with(around, "abcd")
    await counting(around.pool, 4)
    await around.pool.execute("UPDATE mm_checkpoints SET fold = fold || '{\"version\": 999}'")
    south = await next_owner(around, north)
    assert south.symbol(BTC).inventory.position == Decimal("0.04")
    assert (await checkpoint(around.pool))["epoch"] == 2


async def test_few_fills_are_in_the_checkpoint_after_a_while(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "AGE_S_MAX", 0.0)
    await north_with(around, "a")
    await counting(around.pool, 1)
