"""Results and markouts as they are stored and read back."""

from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from tests.support.folding import fold

from lab.journal_records import NOON, Fills, entry
from market_maker.core.commands import RecordFill, RecordMarkouts, RecordPnl
from market_maker.core.config import SymbolConfig
from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.core.results import Markout, Missing, Parts
from market_maker.core.side import Side
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.markouts import MarkoutRepository, StoredMid
from market_maker.repositories.pnl import PnlRepository
from market_maker.repositories.positions import PositionRepository

NOON_US = round(NOON.timestamp()) * 1_000_000
HOUR = timedelta(hours=1)


def markout(fill: RecordFill, horizon_ms: int, found: str | Missing) -> Markout:
    mid, missing = (None, found) if isinstance(found, Missing) else (Decimal(found), None)
    return Markout(fill.trade_id, fill.side, fill.level, fill.price, fill.quantity, horizon_ms, mid, missing)


def result(minutes: int, spread: str, inventory: str, fees: str) -> RecordPnl:
    parts = Parts(Decimal(spread), Decimal(inventory), Decimal(fees))
    return RecordPnl(NOON_US + minutes * 60_000_000, parts, Decimal("0.5"), Decimal(60_000))


async def test_the_fold_of_the_stored_fills_is_the_stored_position_with_its_parts(
    pool: asyncpg.Pool,
) -> None:
    fills = Fills()
    await JournalStore(pool).write(
        [
            entry(fills.next(Side.BUY, mid="60010.5")),
            entry(fills.next(Side.SELL, "0.7", mid=None)),
            entry(fills.next(Side.SELL, "0.1", mid="59000")),
        ]
    )
    stored = [fill async for fill in FillRepository(pool).fold_rows("BTC-USDT")]
    position = await PositionRepository(pool).get("BTC-USDT")
    assert position == fold(stored) == fills.position
    assert position.spread_capture != 0
    assert [fill.mid for fill in stored] == [Decimal("60010.5"), None, Decimal(59000)]


async def test_markouts_are_stored_once_and_read_with_their_fills(pool: asyncpg.Pool) -> None:
    fills, store = Fills(), JournalStore(pool)
    one, two = fills.next(), fills.next(Side.SELL)
    entries = [
        entry(one),
        entry(two, RecordMarkouts((markout(two, 100, Missing.LATE),))),
        entry(RecordMarkouts((markout(one, 100, "60001.5"), markout(one, 1_000, "60002")))),
    ]
    await store.write(entries)
    await store.write([entry(RecordMarkouts((markout(one, 100, "1"),)))])
    found = await MarkoutRepository(pool).of_fills("BTC-USDT", [("t1", Side.BUY), ("t2", Side.SELL)])
    assert found == {
        ("t1", Side.BUY): [
            StoredMid(100, Decimal("60001.5"), None),
            StoredMid(1_000, Decimal(60002), None),
        ],
        ("t2", Side.SELL): [StoredMid(100, None, "LATE")],
    }


async def test_fills_that_lack_markouts_are_found_with_the_horizons_that_they_lack(
    pool: asyncpg.Pool,
) -> None:
    fills = Fills()
    done, halfway, new = fills.next(), fills.next(), fills.next()
    await JournalStore(pool).write(
        [
            entry(done, RecordMarkouts(tuple(markout(done, horizon, "1") for horizon in HORIZONS_MS))),
            entry(halfway, RecordMarkouts((markout(halfway, 100, "1"), markout(halfway, 1_000, "1")))),
            entry(new),
        ]
    )
    found = await MarkoutRepository(pool).unfinished("BTC-USDT")
    assert [(fill.trade_id, fill.horizons_ms) for fill in found] == [
        ("t2", (10_000, 60_000)),
        ("t3", HORIZONS_MS),
    ]
    assert found[0].executed_at_us == halfway.executed_at_us


async def test_markouts_add_up_by_side_level_and_horizon(pool: asyncpg.Pool) -> None:
    fills = Fills()
    bought, more, sold = fills.next(level=0), fills.next(level=0), fills.next(Side.SELL, level=1)
    await JournalStore(pool).write(
        [
            entry(bought, more, sold),
            entry(
                RecordMarkouts(
                    (
                        markout(bought, 10_000, "60001.01"),
                        markout(more, 10_000, Missing.STALE),
                        markout(sold, 10_000, "60002.01"),
                    )
                )
            ),
        ]
    )
    since = NOON.replace(year=2025)
    sums = await MarkoutRepository(pool).sums("BTC-USDT", since, since + HOUR, "hour")
    assert [(one.side, one.level, one.measured, one.missing, one.usdt) for one in sums] == [
        (Side.BUY, 0, 1, 1, Decimal("0.5")),
        (Side.SELL, 1, 1, 0, Decimal(-1)),
    ]
    assert sums[0].notional == Decimal("30000.005")


async def test_results_by_the_hour_add_up_to_the_result(pool: asyncpg.Pool) -> None:
    await JournalStore(pool).write(
        [
            entry(result(1, "1", "-2", "0.1")),
            entry(result(60, "3", "-1", "0.2")),
            entry(result(61, "4", "0", "0.2")),
            entry(result(190, "4", "-9", "0.3")),
        ]
    )
    pnl = PnlRepository(pool)
    hours = await pnl.earned("BTC-USDT", NOON, NOON + 24 * HOUR, "hour")
    assert [(hour.since, hour.parts) for hour in hours] == [
        (NOON, Parts(Decimal(3), Decimal(-1), Decimal("0.2"))),
        (NOON + HOUR, Parts(Decimal(1), Decimal(1), Decimal("0.0"))),
        (NOON + 3 * HOUR, Parts(Decimal(0), Decimal(-9), Decimal("0.1"))),
    ]
    (rest,) = await pnl.earned("BTC-USDT", NOON + 2 * HOUR, NOON + 24 * HOUR, "day")
    assert rest.parts == hours[-1].parts
    assert sum(hour.parts.total for hour in hours) == Decimal("-5.3")


async def test_what_results_had_come_to_is_their_last_minute_until_then_of_what_is_configured(
    pool: asyncpg.Pool,
) -> None:
    for symbol in ("BTC-USDT", "ETH-USDT", "SOL-USDT"):
        await ConfigRepository(pool).insert(SymbolConfig(symbol))
    await JournalStore(pool).write(
        [
            entry(result(-90, "1", "-2", "0.1")),
            entry(result(0, "3", "-1", "0.2")),
            entry(result(1, "9", "9", "0.2")),
            entry(result(-1, "4", "0", "-0.5"), symbol="ETH-USDT"),
            entry(result(1, "4", "0", "0"), symbol="SOL-USDT"),
            entry(result(-1, "4", "0", "0"), symbol="GONE-USDT"),
        ]
    )
    stood = await PnlRepository(pool).stood_at(NOON)
    assert stood == {"BTC-USDT": Decimal("1.8"), "ETH-USDT": Decimal("4.5")}


@pytest.mark.parametrize("horizon_ms", [0, -1])
async def test_a_markout_needs_a_horizon_and_a_mid_or_a_reason(pool: asyncpg.Pool, horizon_ms: int) -> None:
    insert = "INSERT INTO mm_markouts VALUES ('BTC-USDT', 't1', 'BUY', $1, $2, $3)"
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(insert, horizon_ms, Decimal(1), None)
    for mid, missing in ((None, None), (Decimal(1), "LATE"), (Decimal("NaN"), None)):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute(insert, 100, mid, missing)
