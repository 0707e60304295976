"""`market-maker maintain` on a real PostgreSQL: what goes, what stays, and what is written down before."""

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.support.maintaining import BTC, NOW, OLD, Desk, exported

from lab.journal_records import order, state
from market_maker.bootstrap.whole_history import whole_history
from market_maker.core.commands import OrderStatus
from market_maker.maintenance import command
from market_maker.maintenance.command import maintain
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.owners import OwnerRepository


async def test_orders_that_were_over_long_ago_go_and_what_is_live_unresolved_or_young_stays(
    desk: Desk,
) -> None:
    over = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED)
    for status in OrderStatus:
        await desk.record(order(f"old-{status.value}", status))
    await desk.record(order("young", OrderStatus.FILLED), at=NOW)
    await desk.record(order("long", OrderStatus.OPEN))
    await desk.record(order("long", OrderStatus.CANCELLED), at=NOW)
    code, said = await desk.maintain()
    assert code == 0
    assert "mm_orders: 3 rows older than 90 days deleted" in said
    kept = {f"old-{status.value}" for status in OrderStatus if status not in over}
    assert set(await desk.values("SELECT client_order_id FROM mm_orders")) == kept | {"young", "long"}


async def test_sent_events_go_and_unsent_ones_stay_however_old(desk: Desk) -> None:
    await desk.record(*(state() for _ in range(5)))
    await desk.pool.execute("UPDATE outbox SET sent_at = created_at WHERE id % 2 = 0")
    await desk.record(state(), at=NOW)
    unsent = await desk.values("SELECT id FROM outbox WHERE sent_at IS NULL ORDER BY id")
    assert (await desk.maintain())[0] == 0
    assert await desk.values("SELECT id FROM outbox ORDER BY id") == unsent


async def test_kills_that_were_carried_out_go_and_open_ones_stay(desk: Desk) -> None:
    await KillOrderRepository(desk.database).order([BTC], "operator", "open")
    await KillOrderRepository(desk.database).order([BTC], "operator", "done")
    await desk.pool.execute("UPDATE mm_kill_orders SET asked_at = $1", OLD)
    await desk.pool.execute("UPDATE mm_kill_orders SET done_at = $1 WHERE reason = 'done'", OLD)
    assert (await desk.maintain())[0] == 0
    assert await desk.values("SELECT reason FROM mm_kill_orders") == ["open"]


async def audit(desk: Desk, *ats: datetime) -> None:
    for at in ats:
        await desk.pool.execute(
            "INSERT INTO mm_audit (entry_id, at, actor, roles, route, why) "
            "VALUES ($1, $2, 'alice', '[]', 'POST /v1/mm/reset', '')",
            uuid4(),
            at,
        )


async def test_fills_and_audit_are_kept_where_no_retention_is_set(desk: Desk) -> None:
    await desk.fill(500, 400)
    await desk.start()
    await audit(desk, OLD)
    code, said = await desk.maintain()
    assert (code, said[-2:]) == (0, ["mm_fills: kept for ever", "mm_audit: kept for ever"])
    assert await desk.values("SELECT count(*) FROM mm_fills") == [2]
    assert await desk.values("SELECT count(*) FROM mm_audit") == [1]


async def test_the_audit_trail_goes_by_its_retention_and_refuses_everybody_else(desk: Desk) -> None:
    await audit(desk, OLD, OLD, OLD, NOW)
    assert (await desk.maintain(RETENTION_AUDIT_DAYS="365"))[0] == 0
    assert await desk.values("SELECT at FROM mm_audit") == [NOW]
    for refused in ("DELETE FROM mm_audit", "UPDATE mm_audit SET why = ''", "TRUNCATE mm_audit"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await desk.pool.execute(refused)


async def test_a_start_after_fills_were_pruned_is_the_start_from_all_of_them(desk: Desk) -> None:
    await desk.fill(500, 480, 470, 460, 40, 35, 1)
    before = await desk.start()
    code, said = await desk.maintain(RETENTION_FILLS_DAYS="100")
    assert code == 0
    assert "mm_fills: 4 rows older than 100 days deleted" in said
    assert await desk.values("SELECT trade_id FROM mm_fills ORDER BY id") == ["t5", "t6", "t7"]
    assert (await desk.start()).difference(before) == ""
    await desk.pool.execute("DELETE FROM mm_checkpoints")
    assert (await desk.start()).difference(before) == ""
    whole = await whole_history(desk.database, BTC, 2)
    assert whole.difference(before) == ""
    assert before.position == desk.fills.position


async def test_fills_that_no_checkpoint_counts_stay(desk: Desk) -> None:
    await desk.fill(500, 480)
    await desk.start()
    await desk.fill(470, 460)
    assert (await desk.maintain(RETENTION_FILLS_DAYS="100"))[0] == 0
    assert await desk.values("SELECT count(*) FROM mm_fills") == [2]
    await desk.pool.execute("DELETE FROM mm_checkpoints")
    assert (await desk.maintain(RETENTION_FILLS_DAYS="100"))[0] == 0
    assert await desk.values("SELECT count(*) FROM mm_fills") == [2]
    assert (await desk.start()).position == desk.fills.position


async def test_old_fills_behind_a_young_one_stay_until_it_goes_too(desk: Desk) -> None:
    await desk.fill(500, 1, 480)
    await desk.start()
    assert (await desk.maintain(RETENTION_FILLS_DAYS="100"))[0] == 0
    assert await desk.values("SELECT count(*) FROM mm_fills") == [2]


async def test_a_pruned_fill_that_is_told_again_is_not_stored_again(desk: Desk) -> None:
    told = await desk.fill(500, 480, 1)
    await desk.start()
    await desk.maintain(RETENTION_FILLS_DAYS="100")
    [claim] = await OwnerRepository(desk.database).claim([BTC], "north")
    store = JournalStore(desk.pool)
    repeated = JournalEntry(BTC, (replace(told[0], after=None),), NOW, "", claim.epoch)
    assert (await store.write([repeated])).fills_missed == 0
    stray = JournalEntry(BTC, (replace(told[1], after=None),), NOW)
    assert (await store.write([stray])).fills == 0
    counted = JournalEntry(BTC, (told[1],), NOW, "", claim.epoch)
    assert (await store.write([counted])).fills_already_there == 1
    assert await desk.values("SELECT trade_id FROM mm_fills") == ["t3"]


async def test_a_fold_of_everything_begins_anew_when_fills_are_pruned_under_it(desk: Desk) -> None:
    await desk.fill(500, 480, 470, 460, 1)
    before = await desk.start()
    rests = 0

    async def prune_meanwhile() -> None:
        nonlocal rests
        rests += 1
        if rests == 1:
            assert (await desk.maintain(RETENTION_FILLS_DAYS="100"))[0] == 0

    whole = await whole_history(desk.database, BTC, 1, rest=prune_meanwhile)
    assert whole.difference(before) == ""
    assert rests > 2


async def test_what_is_deleted_was_exported_to_the_last_digit_and_nothing_else(
    desk: Desk, tmp_path: Path
) -> None:
    fills = await desk.fill(500, 480, 470, 1)
    await desk.start()
    await desk.record(*(order(f"c{number}", OrderStatus.FILLED) for number in range(5)))
    await desk.record(order("young", OrderStatus.FILLED), at=NOW)
    markouts = (
        "INSERT INTO mm_markouts (symbol, trade_id, side, horizon_ms, mid) "
        "SELECT symbol, trade_id, side, 1000, price FROM mm_fills"
    )
    await desk.pool.execute(markouts)
    directory = tmp_path / "export"
    code, said = await desk.maintain("--export", str(directory), RETENTION_FILLS_DAYS="100")
    assert code == 0
    rows = exported(directory, "mm_fills")
    assert [row["trade_id"] for row in rows] == ["t1", "t2", "t3"]
    assert [Decimal(row["price"]) for row in rows] == [fill.price for fill in fills[:3]]
    assert datetime.fromisoformat(rows[0]["executed_at"]) == NOW - timedelta(days=500)
    assert {row["client_order_id"] for row in exported(directory, "mm_orders")} == {
        f"c{number}" for number in range(5)
    }
    assert [row["trade_id"] for row in exported(directory, "mm_markouts")] == ["t1", "t2", "t3"]
    assert await desk.values("SELECT trade_id FROM mm_markouts") == ["t4"]
    tables = {path.name.partition("-")[0] for path in directory.iterdir()}
    assert tables == {"mm_fills", "mm_markouts", "mm_orders"}
    assert f"exported to {directory}/mm_fills-" in next(line for line in said if "mm_fills" in line)


async def test_nothing_is_deleted_that_could_not_be_exported(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.fill(500, 480)
    await desk.start()
    await desk.record(order("c1", OrderStatus.FILLED))
    fsync, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # after that of the directory
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    code, _ = await desk.maintain("--export", str(tmp_path), RETENTION_FILLS_DAYS="100")
    assert code == 1
    assert "No space left on device" in capsys.readouterr().err
    assert await desk.values("SELECT count(*) FROM mm_orders") == [1]
    (tmp_path / "file").touch()
    code, _ = await desk.maintain("--export", str(tmp_path / "file"), RETENTION_FILLS_DAYS="100")
    assert code == 1
    assert await desk.values("SELECT count(*) FROM mm_orders") == [1]
    assert await desk.values("SELECT count(*) FROM mm_fills") == [2]


async def test_a_dry_run_says_what_would_go_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    await desk.fill(500, 480, 470, 1)
    await desk.start()
    await desk.record(*(order(f"c{number}", OrderStatus.FILLED) for number in range(5)))
    await audit(desk, OLD, NOW)
    retentions = {"RETENTION_FILLS_DAYS": "100", "RETENTION_AUDIT_DAYS": "100"}
    code, said = await desk.maintain("--dry-run", "--export", str(tmp_path / "none"), **retentions)
    assert code == 0
    assert not (tmp_path / "none").exists()
    code, done = await desk.maintain(**retentions)
    assert [line.replace("would go", "deleted") for line in said] == done
    assert done[0] == "mm_orders: 5 rows older than 90 days deleted"
    assert done[7] == "mm_fills: 3 rows older than 100 days deleted"


async def test_a_row_that_somebody_works_on_is_passed_over_and_not_waited_for(desk: Desk) -> None:
    await desk.record(*(order(f"c{number}", OrderStatus.FILLED) for number in range(3)))
    async with desk.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM mm_orders WHERE client_order_id = 'c1' FOR UPDATE")
        assert (await desk.maintain())[0] == 0
    assert await desk.values("SELECT client_order_id FROM mm_orders") == ["c1"]


async def test_two_runs_at_once_are_one_too_many(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    async with desk.pool.acquire() as other:
        await other.fetchval("SELECT pg_advisory_lock($1)", command.LOCK)
        assert (await desk.maintain())[0] == 1
        await other.fetchval("SELECT pg_advisory_unlock($1)", command.LOCK)
    assert "another one is running" in capsys.readouterr().err
    assert (await desk.maintain())[0] == 0


async def test_a_pruned_history_of_another_version_stops_the_symbol_and_not_the_count(desk: Desk) -> None:
    await desk.fill(500, 480, 1)
    await desk.start()
    await desk.maintain(RETENTION_FILLS_DAYS="100")
    await desk.pool.execute("UPDATE mm_pruned SET fold = fold || '{\"version\": 999}'")
    assert (await desk.start()).position == desk.fills.position  # the checkpoint needs it not
    await desk.pool.execute("DELETE FROM mm_checkpoints")
    with pytest.raises(ValueError, match="version 999"):
        await desk.start()


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"RETENTION_FILLS_DAYS": "7"}, "RETENTION_FILLS_DAYS"),
        ({"RETENTION_ORDERS_DAYS": "soon"}, "RETENTION_ORDERS_DAYS"),
        ({"POSTGRES_URL": ""}, "POSTGRES_URL"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_done(
    environ: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert maintain((), {"POSTGRES_URL": "postgresql://localhost/none", **environ}) == 2
    assert told in capsys.readouterr().err


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    words: Sequence[str] = ("--help",)
    with pytest.raises(SystemExit):
        maintain(words, {})
    said = capsys.readouterr().out
    for name in ("ORDERS", "EVENTS", "KILL_ORDERS", "PNL", "MARKOUTS", "PRESENCE", "FILLS", "AUDIT"):
        assert f"RETENTION_{name}_DAYS" in said
    assert "--export DIR" in said
    assert "--dry-run" in said
