"""The retention of results: minutes, markouts and presence."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.maintaining import BTC, NOW, OLD, Desk, exported

from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.repositories.markouts import MarkoutRepository
from market_maker.repositories.pnl import PnlRepository


async def results(desk: Desk, *ats: datetime) -> None:
    """Cumulative results at these times: one more each."""
    for number, at in enumerate(ats, 1):
        await desk.pool.execute(
            "INSERT INTO mm_pnl (symbol, at, spread_capture, inventory_pnl, fees, position) "
            "VALUES ($1, $2, $3, 0, 0, 0)",
            BTC,
            at,
            Decimal(number),
        )


async def test_old_minutes_of_quoting_time_go(desk: Desk, tmp_path: Path) -> None:
    for at, reason in ((OLD, "quoting"), (OLD, "book_stale"), (NOW, "quoting")):
        await desk.pool.execute("INSERT INTO mm_quoting_time VALUES ($1, $2, $3, 1)", BTC, at, reason)
    code, said = await desk.maintain("--export", str(tmp_path))
    assert code == 0
    assert "mm_quoting_time: 2 rows older than 365 days deleted" in "\n".join(said)
    assert await desk.values("SELECT at FROM mm_quoting_time") == [NOW]
    assert {row["reason"] for row in exported(tmp_path, "mm_quoting_time")} == {"quoting", "book_stale"}


async def test_old_results_go_but_the_one_from_which_later_ones_are_counted(
    desk: Desk, tmp_path: Path
) -> None:
    ats = [OLD + timedelta(minutes=number) for number in range(5)]
    await results(desk, *ats, NOW)
    since = NOW - timedelta(days=100)
    earned = await PnlRepository(desk.database).earned(BTC, since, NOW, "day")
    code, said = await desk.maintain("--export", str(tmp_path))
    assert code == 0
    assert f"mm_pnl: 4 rows older than 365 days deleted, exported to {tmp_path}/mm_pnl-" in "\n".join(said)
    assert await desk.values("SELECT at FROM mm_pnl ORDER BY at") == [ats[-1], NOW]
    assert await PnlRepository(desk.database).earned(BTC, since, NOW, "day") == earned
    assert {row["spread_capture"] for row in exported(tmp_path, "mm_pnl")} == {"1", "2", "3", "4"}
    assert (await desk.maintain())[0] == 0
    assert len(await desk.values("SELECT at FROM mm_pnl")) == 2


async def test_markouts_go_by_their_own_retention_and_their_fills_stay(desk: Desk, tmp_path: Path) -> None:
    await desk.fill(500, 480, 470, 1)
    await desk.pool.execute(
        "INSERT INTO mm_markouts (symbol, trade_id, side, horizon_ms, mid, recorded_at) "
        "SELECT symbol, trade_id, side, 1000, price, executed_at FROM mm_fills"
    )
    code, _ = await desk.maintain("--export", str(tmp_path), RETENTION_MARKOUTS_DAYS="475")
    assert code == 0
    assert await desk.values("SELECT trade_id FROM mm_markouts ORDER BY trade_id") == ["t3", "t4"]
    assert await desk.values("SELECT count(*) FROM mm_fills") == [4]
    assert {row["trade_id"] for row in exported(tmp_path, "mm_markouts")} == {"t1", "t2"}


async def test_the_markouts_of_a_symbols_latest_fills_stay_so_that_no_start_takes_them_for_due(
    desk: Desk,
) -> None:
    await desk.fill(500, 480)
    for horizon_ms in HORIZONS_MS:
        await desk.pool.execute(
            "INSERT INTO mm_markouts (symbol, trade_id, side, horizon_ms, mid, recorded_at) "
            "SELECT symbol, trade_id, side, $1, price, executed_at FROM mm_fills",
            horizon_ms,
        )
    assert not await MarkoutRepository(desk.database).unfinished(BTC)
    assert (await desk.maintain())[0] == 0
    assert set(await desk.values("SELECT trade_id FROM mm_markouts")) == {"t2"}
    assert not await MarkoutRepository(desk.database).unfinished(BTC)


async def test_presence_that_ended_long_ago_goes(desk: Desk, tmp_path: Path) -> None:
    for at in (OLD, OLD + timedelta(hours=1), OLD + timedelta(hours=2), NOW - timedelta(hours=1)):
        await desk.pool.execute(
            "INSERT INTO mm_presence VALUES ($1, 'programme', 'tier', $2, $3, 1, 1, 1)",
            BTC,
            at,
            at + timedelta(minutes=59),
        )
    assert (await desk.maintain())[0] == 0
    assert await desk.values("SELECT count(*) FROM mm_presence") == [4]
    code, said = await desk.maintain("--export", str(tmp_path), RETENTION_PRESENCE_DAYS="365")
    assert code == 0
    assert any(line.startswith("mm_presence: 3 rows older than 365 days deleted") for line in said)
    assert await desk.values("SELECT from_at FROM mm_presence") == [NOW - timedelta(hours=1)]
    assert len(exported(tmp_path, "mm_presence")) == 3
