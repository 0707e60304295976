"""What a running service recorded, replayed by the command: the same commands, bit for bit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.operator import until
from tests.support.recorded import edited
from tests.support.service import SOON_FORGOTTEN, Site

from lab import forked

BTC, ETH = "BTCUSDT", "ETHUSDT"


def replay(path: Path) -> tuple[int, str]:
    """The command in a process of its own; its exit code and output."""
    done = forked.run("market_maker", "replay", str(path))
    return done.returncode, done.stdout + done.stderr


def records(directory: Path, symbol: str) -> list[Path]:
    return sorted(directory.glob(f"{symbol}-*.jsonl"))


def commands(path: Path) -> set[str]:
    """The types of all commands in a record."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {command[0] for line in lines if isinstance(line, list) for command in line[2]}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "records"


async def test_a_recorded_run_replays_identically(start_site: Callable[..., Any], directory: Path) -> None:
    """Two symbols quote, fill, are paused, killed and reset; the service stops in order."""
    site: Site = await start_site(MM_RECORD_DIR=str(directory))
    operator = site.operator
    for symbol in (BTC, ETH):
        await operator.configure(symbol, num_levels=2)
        await operator.enable(symbol)
    for symbol in (BTC, ETH):
        await operator.quoting(symbol)
        await site.trade_against(symbol, fills=3)
    await operator.change(BTC, base_spread_bps="3")
    await operator.emergency("kill", BTC)
    await operator.clear(BTC)
    assert (await operator.emergency("reset", BTC, rebase_pnl=True)).status == 200
    await operator.control(ETH, "pause")
    await operator.clear(ETH)
    assert site.service.terminate() == 0
    for symbol in (BTC, ETH):
        (path,) = records(directory, symbol)
        assert commands(path) >= {"PlaceOrder", "CancelAll", "RecordFill", "RecordState", "Reply"}
        steps = len(path.read_text().splitlines()) - 3
        assert steps > 30
        assert replay(path) == (0, f"{steps} events, identical\n")


async def test_the_record_of_a_killed_process_replays_and_a_change_in_it_is_found(
    start_site: Callable[..., Any], directory: Path
) -> None:
    site: Site = await start_site(MM_RECORD_DIR=str(directory))
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.trade_against(BTC)

    async def fill_is_on_record() -> bool:
        return any('"RecordFill"' in path.read_text() for path in records(directory, BTC))

    await until("the fill is on record", fill_is_on_record)
    site.service.kill()
    (path,) = records(directory, BTC)
    code, told = replay(path)
    assert (code, told.splitlines()[-1].partition(" ")[2]) == (0, "events, identical"), told
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, start=1) if '"PlaceOrder"' in line)
    edited(path, number, lambda text: text.replace('"PlaceOrder"', '"CancelOrder"', 1))
    code, told = replay(path)
    assert code == 1
    head, *_, recorded, replayed = told.splitlines()
    assert head == f"event {number - 2} (line {number}) gives other commands than recorded"
    assert recorded.startswith("  recorded  CancelOrder(")
    assert replayed.startswith("  replayed  PlaceOrder(")


async def test_a_restarted_service_starts_a_new_record_from_what_it_restored(
    start_site: Callable[..., Any], directory: Path
) -> None:
    site: Site = await start_site(MM_RECORD_DIR=str(directory), **SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.trade_against(BTC, fills=2)
    await site.require_equal_fills(BTC)
    site.service.kill()
    await site.start()
    await site.operator.clear(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    assert site.service.terminate() == 0
    _, second = records(directory, BTC)
    restored, _, open_orders = json.loads(second.read_text().splitlines()[0])["begin"]
    position, trade_keys = restored[7], restored[8]
    assert position[4] == len(trade_keys) >= 2
    assert open_orders
    assert replay(second)[0] == 0


async def test_a_long_run_is_cut_into_records_that_each_replay_by_themselves(
    start_site: Callable[..., Any], directory: Path
) -> None:
    """One megabyte a symbol: an eighth of it is one file, the oldest go."""
    site: Site = await start_site(
        MM_RECORD_DIR=str(directory),
        MM_RECORD_MB_MAX="1",
        QUOTE_UPDATE_INTERVAL="5ms",
        MAX_ORDERS_PER_SECOND="200",
    )
    await site.operator.configure(BTC, num_levels=20, quote_interval_ms="10", price_threshold_bps="0")
    await site.operator.enable(BTC)

    async def twelve_files_written() -> bool:
        return any(path.name.endswith("-000012.jsonl") for path in records(directory, BTC))

    await until("twelve files are written", twelve_files_written, timeout_s=60)
    assert site.service.terminate() == 0
    kept = records(directory, BTC)
    assert not kept[0].name.endswith("-000001.jsonl")
    assert sum(path.stat().st_size for path in kept) < 1_250_000
    for path in kept:
        code, told = replay(path)
        assert (code, told.partition(" ")[2]) == (0, "events, identical\n"), (path, told)


async def test_a_disk_that_cannot_be_written_stops_neither_start_nor_trading(
    start_site: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    site: Site = await start_site(MM_RECORD_DIR=str(tmp_path / "file" / "records"))
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    assert "recording_interrupted" in site.service.log.read_text()
    assert site.service.terminate() == 0
