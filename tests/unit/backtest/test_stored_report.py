"""What the engine of a backtest decides, stored as the service stores it, reports the same figures."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.backtest import wandering

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.obligations import PresenceSpan
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.replay.beginning import Beginning
from market_maker.replay.recorder import Recorder
from market_maker.replay.replaying import replay
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from tradex_backtest.command import main as backtest
from tradex_backtest.latencies import Distribution, OneWayLatencies
from tradex_backtest.report.figures import HORIZONS_MS, markout_bps, plain
from tradex_backtest.report_command import main
from tradex_backtest.result import subject_of
from tradex_backtest.run import Run, beginning
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.binance import BinanceFeed
from tradex_backtest.tapes.market import RecordedStream

CONFIG = SymbolConfig(
    "BTCUSDT",
    base_spread_bps=Decimal(2),
    order_size_usdt=Decimal(50),
    num_levels=2,
    level_spacing_bps=Decimal(1),
)
SETTINGS = RunSettings(OneWayLatencies(*[Distribution((1_000_000,))] * 3))
RECORDS = (
    cmd.RecordFill,
    cmd.RecordOrder,
    cmd.RecordState,
    cmd.RecordRisk,
    cmd.RecordMarkouts,
    cmd.RecordPnl,
    cmd.RecordQuotingTime,
)
SECONDS = 240


class Heard(Run):
    """A run that keeps what its engine heard and said."""

    def __init__(self, *given: Any) -> None:
        self.steps: list[tuple[ev.Event, list[cmd.Command]]] = []
        super().__init__(*given)

    def _step(self, event: ev.Event) -> list[cmd.Command]:
        commands = super()._step(event)
        self.steps.append((event, commands))
        return commands


def played(path: Path, config: SymbolConfig = CONFIG) -> Heard:
    stream = RecordedStream(BinanceFeed(path))
    run = Heard(stream, config, SETTINGS)
    while (due_us := stream.due_us) is not None:
        run.advance(due_us * 1000)
        step = stream.take()
        if step is not None:
            run.play(step)
    run.finish(stream.now_us * 1000)
    return run


@pytest.fixture
def run(tmp_path: Path) -> Heard:
    return played(wandering(SECONDS).write(tmp_path / "market.gz"))


async def stored(pool: asyncpg.Pool, run: Heard) -> None:
    """As the service's journal does it."""
    await ConfigRepository(pool).insert(CONFIG)
    entries = [
        JournalEntry(
            "BTCUSDT", records, datetime.fromtimestamp(event.at_ns / 1e9, UTC), stepped_us=event.at_ns // 1000
        )
        for event, commands in run.steps
        if (records := tuple(command for command in commands if isinstance(command, RECORDS)))
    ]
    await JournalStore(pool).write(entries)


async def test_what_is_stored_of_a_run_reports_what_the_run_reports(
    pool: asyncpg.Pool,
    database_url: str,
    run: Heard,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await stored(pool, run)
    began = datetime.fromtimestamp(run.track.began_us / 1e6, UTC)
    words = ["--from", began.isoformat(), "--to", (began + timedelta(seconds=SECONDS)).isoformat()]
    page = tmp_path / "report.html"
    code = await asyncio.to_thread(
        main, [*words, "--json", "--out", str(page)], {"POSTGRES_URL": database_url}
    )
    assert code == 0
    (told,) = json.loads(capsys.readouterr().out)["subjects"]
    subject = subject_of("a", "market", run)
    assert told["fills"] == len(subject.fills) > 10
    assert told["volume_usdt"] == plain(subject.volume)
    assert told["orders"]["placed"] == subject.orders.placed
    assert told["orders"]["with_fills"] == subject.orders.with_fills
    assert told["cancels_per_fill"] == pytest.approx(subject.orders.cancelled / len(subject.fills), rel=0.05)
    assert told["two_sided_share"] == pytest.approx(subject.two_sided_share, abs=0.02)
    for ms, name in zip(HORIZONS_MS, ("0.1", "1", "10", "60"), strict=True):
        bps = markout_bps(subject.fills, ms)
        assert bps is not None
        assert told["markout_bps"][name] == plain(bps)
    minutes = [said for _, commands in run.steps for said in commands if isinstance(said, cmd.RecordPnl)]
    minute = minutes[-1]
    assert told["pnl_usdt"] == {
        "total": plain(minute.parts.total),
        "spread": plain(minute.parts.spread),
        "inventory": plain(minute.parts.inventory),
        "fees": plain(minute.parts.fees),
    }
    series = told["series"]
    assert series["fees"][-1] == pytest.approx(float(minute.parts.fees))
    assert series["position"] == pytest.approx([float(one.position * (one.mid or 0)) for one in minutes])
    assert {one["state"] for one in told["time"]} == {"not recorded", "ACTIVE"}
    assert page.stat().st_size < 1_000_000
    assert "Not stored, so not told: the queue before orders" in page.read_text("utf-8")


async def test_the_stored_report_tells_why_there_was_no_quote_as_the_run_tells_it(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protected = replace(CONFIG, fill_burst_usdt=Decimal(1), fill_burst_pause_ms=Decimal(2000))
    run = played(wandering(SECONDS).write(tmp_path / "market.gz"), protected)
    await stored(pool, run)
    minutes = [
        said for _, commands in run.steps for said in commands if isinstance(said, cmd.RecordQuotingTime)
    ]
    began, ended = minutes[0].at_us, minutes[-1].at_us
    words = [
        *("--from", datetime.fromtimestamp(began / 1e6, UTC).isoformat()),
        *("--to", datetime.fromtimestamp(ended / 1e6, UTC).isoformat()),
    ]
    assert await asyncio.to_thread(main, [*words, "--json"], {"POSTGRES_URL": database_url}) == 0
    (told,) = json.loads(capsys.readouterr().out)["subjects"]
    stored_s = {one["reason"]: one["seconds"] for one in told["time"]}
    assert sum(stored_s.values()) == (ended - began) / 1e6 >= 120
    assert "not recorded" not in stored_s
    counted = run.engine.symbol.quoting_time.take(run.track.ended_us)
    whole = Counter(dict(counted))
    for minute in minutes:
        whole.update(dict(minute.spent_us))
    told_by_the_run = {
        one.reason: one.seconds for one in subject_of("a", "market", run).time if one.state == "ACTIVE"
    }
    assert {reason: us / 1e6 for reason, us in whole.items()} == pytest.approx(told_by_the_run, abs=1e-4)
    assert set(told_by_the_run) == {"quoting", "fill_burst"}
    after_the_first = Counter(whole)
    after_the_first.subtract(dict(minutes[0].spent_us))
    after_the_first.subtract(dict(counted))
    assert stored_s == {reason: us / 1e6 for reason, us in (+after_the_first).items()}


PROGRAMMES = """
programmes:
  - name: spot
    symbols: [BTCUSDT]
    measure: time
    window: {days: [mon, tue, wed, thu, fri, sat, sun], from: "08:00", until: "12:00"}
    tiers:
      - {name: wide, max_spread_bps: 20, min_size_quote: 90, min_share_pct: 50}
      - {name: tight, max_spread_bps: 5, min_size_quote: 90, min_share_pct: 80}
"""


async def test_a_report_tells_how_far_programmes_were_kept(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await ConfigRepository(pool).insert(CONFIG)
    nine = datetime(2026, 11, 20, 9, tzinfo=UTC)
    at_us, hour_us = round(nine.timestamp()) * 1_000_000, 3_600_000_000
    span = PresenceSpan("spot", "wide", at_us, at_us + hour_us, hour_us, 60, 360)
    await JournalStore(pool).write([JournalEntry("BTCUSDT", (cmd.RecordPresence((span,)),), nine)])
    file = tmp_path / "programmes.yaml"
    file.write_text(PROGRAMMES, "utf-8")
    words = ["--from", "2026-11-20T08:30:00Z", "--to", "2026-11-20T10:00:00Z", "--json"]
    code = await asyncio.to_thread(
        main, words, {"POSTGRES_URL": database_url, "MM_PROGRAMMES_FILE": str(file)}
    )
    assert code == 0
    told = json.loads(capsys.readouterr().out)
    (detail,) = told["subjects"]
    assert detail["presence"] == [
        {"programme": "spot, wide: one day still open", "required": 0.5, "reached": 0.5, "unit": "time"},
        {"programme": "spot, tight: 0 of 1 days kept", "required": 0.8, "reached": 0.0, "unit": "time"},
    ]
    words = [*words, "--programmes", str(tmp_path / "none.yaml")]
    assert await asyncio.to_thread(main, words, {"POSTGRES_URL": database_url}) == 2
    assert "none.yaml: must name a file" in capsys.readouterr().err


async def test_a_symbol_was_active_only_between_the_records_that_say_so(
    pool: asyncpg.Pool, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await ConfigRepository(pool).insert(CONFIG)
    nine = datetime(2026, 11, 20, 9, tzinfo=UTC)
    paused, active = State.PAUSED, State.ACTIVE
    for seconds, before, after in ((0, paused, active), (60, active, paused)):
        record = cmd.RecordState(before, after, "test", "test", None, Decimal(0), rebase_pending=False)
        at = nine + timedelta(seconds=seconds)
        await JournalStore(pool).write([JournalEntry("BTCUSDT", (record,), at)])
    words = ["--from", "2026-11-19T09:00:00Z", "--to", "2026-11-20T09:03:00Z", "--json"]
    assert await asyncio.to_thread(main, words, {"POSTGRES_URL": database_url}) == 0
    (told,) = json.loads(capsys.readouterr().out)["subjects"]
    assert {one["state"]: one["seconds"] for one in told["time"]} == {
        "not recorded": 86_400,
        "ACTIVE": 60,
        "PAUSED": 120,
    }


async def test_orders_that_rested_before_the_period_stand_in_it(
    pool: asyncpg.Pool, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await ConfigRepository(pool).insert(CONFIG)
    nine = datetime(2026, 11, 20, 9, tzinfo=UTC)

    async def write(minute: int, *records: cmd.Record) -> None:
        at = nine + timedelta(minutes=minute)
        stepped_us = round(at.timestamp()) * 1_000_000
        await JournalStore(pool).write([JournalEntry("BTCUSDT", records, at, stepped_us=stepped_us)])

    def order(side: Side, status: cmd.OrderStatus) -> cmd.RecordOrder:
        one = Decimal(1)
        return cmd.RecordOrder(side.value, f"x{side.value}", side, 0, one, one, Decimal(0), status, "")

    active = cmd.RecordState(State.PAUSED, State.ACTIVE, "go", "test", None, Decimal(0), rebase_pending=False)
    await write(0, active, *(order(side, cmd.OrderStatus.OPEN) for side in Side))
    await write(30, order(Side.BUY, cmd.OrderStatus.CANCELLED))
    words = ["--from", "2026-11-20T09:20:00Z", "--to", "2026-11-20T09:40:00Z", "--json"]
    assert await asyncio.to_thread(main, words, {"POSTGRES_URL": database_url}) == 0
    (told,) = json.loads(capsys.readouterr().out)["subjects"]
    assert (told["orders_placed"], told["two_sided_share"]) == (0, 0.5)


def recorded(run: Heard, tmp_path: Path) -> Path:
    """As the service records it."""
    stream = RecordedStream(BinanceFeed(tmp_path / "market.gz"))
    start = beginning(stream.instrument, CONFIG, stream.began_us * 1000)
    recorder = Recorder(tmp_path / "records", 1_000_000_000)
    recording = recorder.record(run.engine, Beginning.of(start, EngineLimits(), ()))
    recording.started(run.began_with)
    for event, commands in run.steps:
        recording.step(event, commands)
    recording.close()
    recorder.close(60.0)  # all of it, however busy the machine
    (path,) = sorted((tmp_path / "records").iterdir())
    return path


def test_what_an_engine_heard_in_a_backtest_replays_to_the_same_commands(run: Heard, tmp_path: Path) -> None:
    result = replay(recorded(run, tmp_path))
    assert result.difference is None
    assert result.events == len(run.steps)


def test_the_latencies_of_a_record_are_those_with_which_it_was_made(
    run: Heard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(run, tmp_path)
    outcomes = []
    for words in (
        ["--latency-from", str(path)],
        ["--feed-latency", "1ms", "--order-latency", "1ms", "--answer-latency", "1ms"],
        [],
    ):
        assert backtest(["--capture", str(tmp_path / "market.gz"), "--jobs", "1", "--json", *words]) == 0
        outcomes.append(json.loads(capsys.readouterr().out)["runs"])
    assert outcomes[0] == outcomes[1] != outcomes[2]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--from", "yesterday", "--json"], "--from 'yesterday': must be a time such as"),
        (["--from", "1h", "--to", "2h", "--json"], "must be before --to"),
        (["--symbol", "NOPE", "--json"], "--symbol NOPE: not configured; there are none"),
        (["--from", "1h"], "give --out report.html, --json or both"),
    ],
)
async def test_what_is_asked_wrongly_is_one_sentence(
    words: list[str], problem: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(main, words, {"POSTGRES_URL": database_url}) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
