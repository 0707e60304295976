"""The command line against the admin API on a socket: what it does, what it shows, how it ends."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.mmctl import Mmctl
from tests.support.people import KeptProposals
from typer.testing import CliRunner

from lab.api import served
from lab.desk import FakeDesk
from lab.desk_records import START, event_row, fill_row, order_row, view_of
from market_maker.api.approval import Approval
from market_maker.core.config import SymbolConfig
from market_maker.core.obligations import Measure, Programme, Tier
from market_maker.core.results import Parts
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.repositories.markouts import MarkoutSum
from market_maker.repositories.pnl import Earned
from market_maker.repositories.proposals import Decision
from mmctl.main import app
from mmctl.output import cell

HOUR = START.replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk(views={symbol: view_of(SymbolConfig(symbol)) for symbol in ("BTC-USDT", "ETH-USDT")})


@pytest.fixture
async def mmctl(desk: FakeDesk, tmp_path: Path) -> AsyncIterator[Mmctl]:
    async with served(desk) as url:
        yield Mmctl(tmp_path, url)


def written(path: Path, value: object) -> str:
    path.write_text(yaml.safe_dump(value))
    return str(path)


async def test_status_shows_every_symbol_to_people_and_the_whole_answer_to_scripts(mmctl: Mmctl) -> None:
    table = await mmctl("status")
    assert table.code == 0
    assert "2 symbols: 0 active, 2 paused" in table.out
    assert "ETH-USDT" in table.out
    assert (await mmctl("status", "-o", "json")).json["totals"]["symbols"] == 2
    assert yaml.safe_load((await mmctl("status", "BTC-USDT", "-o", "yaml")).out)[0]["symbol"] == "BTC-USDT"
    assert "1 symbol: 0 active, 1 paused" in (await mmctl("status", "BTC-USDT")).out
    assert (await mmctl("status", "NONE")).code == 4


async def test_watch_looks_again_and_again(mmctl: Mmctl) -> None:
    done = await mmctl("watch", "--looks", "2", "--interval", "0.2")
    assert (done.code, "BTC-USDT" in done.out) == (0, True)


async def test_explain_says_why_nothing_is_quoted(mmctl: Mmctl) -> None:
    done = await mmctl("explain", "BTC-USDT")
    assert done.code == 0
    assert "BTC-USDT is PAUSED" in done.out
    assert (await mmctl("explain", "NONE")).code == 4


async def test_an_action_says_how_each_symbol_took_it_and_ends_with_partly_when_one_refused(
    mmctl: Mmctl, desk: FakeDesk
) -> None:
    desk.change("ETH-USDT", state=State.HALTED)
    done = await mmctl("enable", "BTC-USDT", "ETH-USDT", "-r", "morning")
    assert done.code == 6
    assert "refused by ETH-USDT" in done.err
    assert desk.views["BTC-USDT"].state is State.ACTIVE
    assert (await mmctl("enable", "ETH-USDT")).code == 3
    assert (await mmctl("pause", "BTC-USDT")).code == 0


async def test_what_acts_on_everything_or_starts_again_after_a_kill_asks(
    mmctl: Mmctl, desk: FakeDesk
) -> None:
    assert (await mmctl("kill", "--all", answer="n\n")).code == 3
    assert desk.views["BTC-USDT"].state is State.PAUSED
    assert (await mmctl("kill", "--all", "--yes")).code == 0
    assert {view.state for view in desk.views.values()} == {State.HALTED}
    assert (await mmctl("reset", "BTC-USDT")).code == 2
    assert (await mmctl("reset", "BTC-USDT", "-r", "looked at it", answer="y\n")).code == 0
    desk.change("BTC-USDT", state=State.ACTIVE)
    assert (await mmctl("flatten", "BTC-USDT")).code == 0
    assert (await mmctl("pause")).code == 2


async def test_applying_a_file_changes_what_differs_and_only_that(mmctl: Mmctl, desk: FakeDesk) -> None:
    file = written(
        mmctl.home / "desk.yaml",
        {
            "items": [
                {"symbol": "BTC-USDT", "base_spread_bps": 10, "num_levels": 3},
                {"symbol": "ETH-USDT", "num_levels": 1},
                {"symbol": "SOL-USDT", "order_size_usdt": "50"},
            ]
        },
    )
    planned = await mmctl("config", "apply", "-f", file, "--dry-run", "-o", "json")
    assert [(row["symbol"], row["action"], row["field"], row["after"]) for row in planned.json] == [
        ("BTC-USDT", "change", "num_levels", 3),
        ("ETH-USDT", "unchanged", None, None),
        ("SOL-USDT", "create", "order_size_usdt", "50"),
    ]
    assert desk.views["BTC-USDT"].config.num_levels == 1
    done = await mmctl("config", "apply", "-f", file, "-r", "plan of the week", "--yes", "-o", "json")
    assert [row["result"] for row in done.json] == ["changed", "as it was", "created, PAUSED"]
    assert desk.version_rows["BTC-USDT"][-1].reason == "plan of the week"
    again = await mmctl("config", "apply", "-f", file, "--dry-run", "-o", "json")
    assert {row["action"] for row in again.json} == {"unchanged"}


async def test_what_get_prints_apply_reads(mmctl: Mmctl) -> None:
    shown = await mmctl("config", "get")
    file = mmctl.home / "got.yaml"
    file.write_text(shown.out)
    planned = await mmctl("config", "apply", "-f", str(file), "--dry-run", "-o", "json")
    assert {row["action"] for row in planned.json} == {"unchanged"}


async def test_applying_ends_with_partly_when_one_symbol_refuses(mmctl: Mmctl) -> None:
    rows = [{"symbol": "BTC-USDT", "num_levels": 2}, {"symbol": "NOT-LISTED"}]
    file = written(mmctl.home / "desk.yaml", rows)
    done = await mmctl("config", "apply", "-f", file, "--yes")
    assert done.code == 6
    assert "SYMBOL_NOT_LISTED" in done.out


async def test_a_file_that_is_none_is_named(mmctl: Mmctl) -> None:
    for text in ("{", "- 5", "[]"):
        (mmctl.home / "bad.yaml").write_text(text)
        done = await mmctl("config", "apply", "-f", str(mmctl.home / "bad.yaml"), "--yes")
        assert (done.code, "bad.yaml" in done.err) == (9, True)


async def test_history_diff_and_rollback_lead_through_the_versions(mmctl: Mmctl, desk: FakeDesk) -> None:
    file = written(mmctl.home / "desk.yaml", {"symbol": "BTC-USDT", "num_levels": 3})
    await mmctl("config", "apply", "-f", file, "-r", "deeper", "--yes")
    history = await mmctl("config", "history", "BTC-USDT")
    assert "num_levels: 1 -> 3" in history.out
    assert "deeper" in history.out
    assert (await mmctl("config", "diff", "BTC-USDT", "-o", "json")).json["changes"] == [
        {"field": "num_levels", "before": 1, "after": 3}
    ]
    assert (await mmctl("config", "rollback", "BTC-USDT", "1", "--yes")).code == 0
    assert desk.views["BTC-USDT"].config.num_levels == 1
    assert (await mmctl("config", "rollback", "BTC-USDT", "99", "--yes")).code == 4


async def test_orders_fills_events_and_audit_are_listed_newest_first(mmctl: Mmctl, desk: FakeDesk) -> None:
    desk.fill_rows["BTC-USDT"] = [fill_row(number) for number in (3, 2, 1)]
    assert [row["trade_id"] for row in (await mmctl("fills", "BTC-USDT", "-n", "2", "-o", "json")).json] == [
        "t3",
        "t2",
    ]
    assert (await mmctl("orders", "BTC-USDT")).code == 0
    assert (await mmctl("events", "BTC-USDT")).code == 0
    await mmctl("pause", "BTC-USDT", "-r", "for lunch")
    assert "for lunch" in (await mmctl("audit", "--text", "LUNCH")).out


async def test_nobody_answering_is_a_code_of_its_own(tmp_path: Path) -> None:
    done = await Mmctl(tmp_path, "http://127.0.0.1:1")("status")
    assert (done.code, "does not answer" in done.err) == (5, True)


async def test_a_context_keeps_url_and_token_file(mmctl: Mmctl) -> None:
    assert (await mmctl.plain("context", "set", "desk", "--url", mmctl.url)).code == 0
    assert (mmctl.home / "contexts.yaml").stat().st_mode & 0o777 == 0o600
    assert (await mmctl.plain("status")).code == 0
    assert "desk" in (await mmctl.plain("context", "list")).out
    assert (await mmctl.plain("context", "use", "elsewhere")).code == 9


async def test_a_token_file_that_others_can_read_is_refused(mmctl: Mmctl) -> None:
    file = mmctl.home / "open"
    file.write_text("token")
    file.chmod(0o644)
    done = await mmctl.plain("--url", mmctl.url, "--token-file", str(file), "status")
    assert (done.code, "chmod 600" in done.err) == (9, True)


async def test_a_change_made_in_between_is_not_overwritten(
    mmctl: Mmctl, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(mmctl.home / "desk.yaml", {"symbol": "BTC-USDT", "num_levels": 3})
    before = desk.views["BTC-USDT"].config
    looked = desk.versions

    async def changed_after_the_look(*arguments: int | str | None) -> object:
        rows = await looked(*arguments)  # type: ignore[arg-type] # handed on as they came
        desk._note_version("BTC-USDT", replace(before, num_levels=7), "bob", "meanwhile")
        return rows

    monkeypatch.setattr(desk, "versions", changed_after_the_look)
    done = await mmctl("config", "apply", "-f", file, "--yes")
    assert (done.code, "SUPERSEDED" in done.out) == (3, True)


async def test_a_report_sums_what_each_symbol_earned_exactly_and_shows_people_cents(
    mmctl: Mmctl, desk: FakeDesk
) -> None:
    for hour, spread in enumerate(("3.000000001", "1")):
        parts = Parts(Decimal(spread), Decimal("-1.50"), Decimal("0.25"))
        earned = Earned(HOUR + timedelta(hours=hour), parts, Decimal("0.500"))
        desk.earned_rows.setdefault(("BTC-USDT", "hour"), []).append(earned)
    desk.markout_rows["BTC-USDT", "hour"] = [
        MarkoutSum(HOUR, side, 0, 10_000, 4, 1, Decimal("-0.75"), Decimal(60_000)) for side in Side
    ]
    period = ("--from", HOUR.isoformat(), "--to", (HOUR + timedelta(hours=5)).isoformat())
    table = await mmctl("report", "BTC-USDT", *period)
    assert table.code == 0, table.err
    assert re.search(r"BTC-USDT +4 +-3 +0\.5 +0\.5 +0\.5 +10s -1\.50 USDT \(8\)", table.out), table.out
    assert all(said in table.out for said in ("FEES PAID USDT", "TOTAL = SPREAD + INVENTORY - FEES PAID"))
    script = (await mmctl("report", "BTC-USDT", *period, "-o", "json")).json
    assert script["totals"][0]["spread_usdt"] == "4.000000001"
    assert script["results"][0]["results"][0]["position"] == "0.500"
    hours = await mmctl("report", "BTC-USDT", *period, "--by", "hour")
    assert f"{HOUR:%Y-%m-%d %H:%M:%S}" in hours.out
    everything = yaml.safe_load((await mmctl("report", "-o", "yaml")).out)
    assert [one["symbol"] for one in everything["results"]] == ["BTC-USDT", "ETH-USDT"]


async def test_a_report_shows_how_programmes_were_kept_on_each_day(mmctl: Mmctl, desk: FakeDesk) -> None:
    tier = Tier("5bps", Decimal(10), Decimal(40_000), in_base=False, min_share_pct=Decimal(50))
    desk.promised = [(Programme("spot", "BTC-USDT", (tier,), Measure.TIME, 1), tier, 1_080)]
    period = ("--from", "2026-11-19", "--to", "2026-11-21")
    rows = (await mmctl("report", *period, "-o", "json")).json["obligations"]
    assert [(one["day"], one["programme"]) for one in rows] == [
        ("2026-11-19", "spot"),
        ("2026-11-20", "spot"),
    ]
    assert "5bps" in (await mmctl("report", *period)).out
    assert (await mmctl("report", "ETH-USDT", *period, "-o", "json")).json["obligations"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "--from", "yesterday"), "'yesterday' is no time"),
        (("report", "--from", "1h", "--to", "2h"), "must be before"),
        (("fills", "BTC-USDT", "--from", "2026-13-01"), "is no time"),
        (("status", "-o", "xml"), "xml"),
    ],
)
async def test_a_misspelt_word_ends_with_its_own_code_and_is_named(
    mmctl: Mmctl, words: tuple[str, ...], said: str
) -> None:
    done = await mmctl(*words)
    assert (done.code, said in done.err) == (2, True), done


async def test_times_are_given_in_the_same_words_everywhere(mmctl: Mmctl, desk: FakeDesk) -> None:
    desk.fill_rows["BTC-USDT"] = [fill_row(1)]
    for words in (("--from", "2026-01-02"), ("--since", "2026-01-02T03:04:05Z"), ("--to", "now")):
        assert len((await mmctl("fills", "BTC-USDT", *words, "-o", "json")).json) == 1
    assert (await mmctl("fills", "BTC-USDT", "--from", "24h", "-o", "json")).json == []


async def test_tables_fit_a_hundred_columns_and_wide_ones_show_more(
    mmctl: Mmctl, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    desk.fill_rows["BTC-USDT"] = [fill_row(1)]
    desk.order_rows["BTC-USDT"] = [order_row(1)]
    desk.event_rows["BTC-USDT"] = [event_row(1)]
    await mmctl(
        "pause", "BTC-USDT", "-r", "a reason with very many words in it, so that it needs a second line"
    )
    for words in (
        ("status",),
        ("orders", "BTC-USDT"),
        ("fills", "BTC-USDT"),
        ("events", "BTC-USDT"),
        ("audit",),
        ("explain", "BTC-USDT"),
        ("config", "history", "BTC-USDT"),
        ("drills",),
        ("report",),
    ):
        done = await mmctl(*words, columns=100)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
        assert max(len(line.rstrip()) for line in plain.splitlines()) <= 100, plain
    fill = (await mmctl("fills", "BTC-USDT")).out
    assert "trade_id".upper().replace("_", " ") not in fill
    assert "TRADE ID" in (await mmctl("fills", "BTC-USDT", "-o", "wide")).out


async def test_the_audit_says_what_came_of_each_call(mmctl: Mmctl, desk: FakeDesk) -> None:
    file = written(mmctl.home / "desk.yaml", {"symbol": "BTC-USDT", "base_spread_bps": "12.50"})
    await mmctl("config", "apply", "-f", file, "-r", "wider", "--yes")
    await mmctl("kill", "BTC-USDT")
    await mmctl("enable", "BTC-USDT")
    refused, killed, changed = (await mmctl("audit")).out.splitlines()[1:]
    assert "refused, HALTED" in refused
    assert " HALTED " in killed
    assert "base_spread_bps 10 -> 12.5" in changed


async def test_nobody_to_ask_is_not_done_and_says_which_word_does_it(mmctl: Mmctl) -> None:
    done = await mmctl("kill", "--all")
    assert (done.code, "--yes" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({}, "anonymous has proposed this change: somebody else has to approve it"),
        ({"author": "alice", "expires_at": START}, "proposal 1 is EXPIRED"),
        ({"author": "alice", "is_superseded": True}, "proposal 1 is SUPERSEDED"),
        (
            {"decision": Decision(START, "bob", approved=True, reason="")},
            "proposal 1 is APPROVED: it has taken place",
        ),
    ],
)
async def test_nobody_is_asked_whether_to_approve_what_cannot_be_approved(
    desk: FakeDesk, tmp_path: Path, of: dict[str, Any], said: str
) -> None:
    kept = KeptProposals()
    async with served(desk, approval=Approval(kept)) as url:
        mmctl = Mmctl(tmp_path, url)
        file = written(tmp_path / "desk.yaml", {"symbol": "BTC-USDT", "max_loss_usdt": 600})
        assert (await mmctl("config", "apply", "-f", file, "--yes")).code == 7
        kept.rows = [replace(row, **of) for row in kept.rows]
        refused = await mmctl("config", "approve", "1", answer="y\n")
        assert (refused.code, said in refused.err, refused.out) == (3, True, ""), refused
        assert kept.rows[0].decision is of.get("decision")


async def test_who_may_approve_is_asked_and_who_proposed_may_take_it_back(
    desk: FakeDesk, tmp_path: Path
) -> None:
    kept = KeptProposals()
    async with served(desk, approval=Approval(kept)) as url:
        mmctl = Mmctl(tmp_path, url)
        file = written(tmp_path / "desk.yaml", {"symbol": "BTC-USDT", "max_loss_usdt": 600})
        for _ in range(2):
            await mmctl("config", "apply", "-f", file, "--yes")
        back = await mmctl("config", "reject", "1", answer="y\n")
        assert (back.code, "reject anonymous's change of BTC-USDT" in back.out) == (0, True), back
        kept.rows = [kept.rows[0], replace(kept.rows[1], author="alice")]
        done = await mmctl("config", "approve", "2", answer="y\n")
        assert (done.code, "approve alice's change of BTC-USDT" in done.out) == (0, True), done


async def test_a_kill_that_is_not_durable_yet_is_told(mmctl: Mmctl, desk: FakeDesk) -> None:
    desk.database_up = False
    done = await mmctl("kill", "BTC-USDT")
    assert (done.code, "not in the database yet" in done.out) == (0, True)


async def test_the_shell_completes_commands() -> None:
    environment = {"_MMCTL_COMPLETE": "complete_bash", "COMP_WORDS": "mmctl re", "COMP_CWORD": "1"}
    done = CliRunner(env=environment).invoke(app, [], prog_name="mmctl")
    assert set(done.stdout.split()) == {"resume", "reset", "report"}


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        ("0.00100000", "quantity", "0.001"),
        ("-0.0", "position", "0"),
        ("100", "price", "100"),
        ("1234.56789", "pnl.total", "1234.57"),
        ("0.000456789", "fees_usdt", "0.00046"),
        ("-0.004", "fee", "-0.004"),
        ("12.000000", "spread_bps", "12"),
        ("59994.855686799359", "raw_price", "59994.855687"),
        ("0.0000000123456", "price", "0.00000001235"),
        ("007", "trade_id", "007"),
        ("2026-01-02T03:04:05.678901Z", "at", "2026-01-02 03:04:05"),
        (None, "mid", "-"),
        (True, "enabled", "yes"),
    ],
)
def test_people_read_numbers_and_times_without_what_says_nothing(
    value: object, name: str, shown: str
) -> None:
    assert cell(value, name) == shown


@pytest.mark.parametrize(
    ("symbol", "fields", "said"),
    [
        ("BTC-USDT", "base_spread_bps: .nan", "base_spread_bps"),
        ("BTC-USDT", "base_spread_bps: nan", "base_spread_bps"),
        ("BTC-USDT", "order_size_usdt: -1", "order_size_usdt"),
        ("BTC-USDT", "max_loss_usdt: 1e999999999", "max_loss_usdt"),
        ("BTC-USDT", "base_sprad_bps: 5", "base_sprad_bps"),
        ("BTC-USDT", "base_sprad_bps:", "base_sprad_bps"),
        ("BTC-USDT", "max_position_usdt: 1", "max_position_usdt"),
        ("BTC-USDT", "max_loss_usdt: 99999", "--confirm"),
        ("BTCUSDT", "num_levels: 2", "SYMBOL_NOT_LISTED"),
        ("SOL-USDT", "base_sprad_bps:", "base_sprad_bps"),
        ("SOL-USDT", "base_spread_bps: .nan", "base_spread_bps"),
        ("SOL-USDT", "max_loss_usdt: 1e999999999", "max_loss_usdt"),
        ("SOL-USDT", "num_levels: 2.5", "num_levels"),
        ("SOL-USDT", "fair_value: guess", "fair_value"),
        ("SOL-USDT", "model_parameters: {nothing: 1}", "model_parameters"),
        ("SOL-USDT", "order_size_usdt: 500\nmax_position_usdt: 100", "max_position_usdt"),
        ("SOL-USDT", "model: glft\nmodel_parameters: {skew_bps: 1}", "model_parameters"),
    ],
)
async def test_a_dry_run_says_what_would_be_refused_and_changes_nothing(
    mmctl: Mmctl, desk: FakeDesk, symbol: str, fields: str, said: str
) -> None:
    file = mmctl.home / "desk.yaml"
    file.write_text(f"symbol: {symbol}\n{fields}\n")
    done = await mmctl("config", "apply", "-f", str(file), "--dry-run")
    assert done.code == 3, done
    assert f"would not be applied to {symbol}" in done.err
    assert said in done.err
    assert desk.changed_by == []


async def test_a_dry_run_of_a_confirmed_leap_and_of_every_kind_of_field_passes(mmctl: Mmctl) -> None:
    file = written(mmctl.home / "desk.yaml", {"symbol": "BTC-USDT", "max_loss_usdt": 99999})
    assert (await mmctl("config", "apply", "-f", file, "--dry-run", "--confirm")).code == 0
    [shown] = (await mmctl("config", "get", "BTC-USDT", "-o", "json")).json["items"]
    file = written(mmctl.home / "sol.yaml", {**shown, "symbol": "SOL-USDT", "order_size_usdt": 50})
    done = await mmctl("config", "apply", "-f", file, "--dry-run")
    assert done.code == 0, done.err


async def test_a_file_with_a_number_that_is_none_is_refused_by_its_field(mmctl: Mmctl) -> None:
    file = written(mmctl.home / "desk.yaml", {"symbol": "BTC-USDT", "base_spread_bps": float("nan")})
    done = await mmctl("config", "apply", "-f", file, "--yes")
    assert (done.code, "base_spread_bps" in done.out) == (3, True), done


async def test_a_refused_drill_says_why(mmctl: Mmctl, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.HALTED)
    done = await mmctl("drill", "BTC-USDT", "--yes")
    assert (done.code, "does nothing in HALTED" in done.err) == (3, True), done


async def test_a_report_longer_than_one_answer_is_asked_for_in_parts(mmctl: Mmctl) -> None:
    done = await mmctl("report", "BTC-USDT", "--from", "100d", "--by", "hour", "-o", "json")
    [found] = done.json["results"]
    since, until = (datetime.fromisoformat(found[name]) for name in ("since", "until"))
    assert timedelta(days=100) <= until - since < timedelta(days=100, hours=1)


async def test_a_report_of_nothing_shows_nothing_for_people_and_zero_for_scripts(mmctl: Mmctl) -> None:
    table = await mmctl("report", "BTC-USDT")
    assert re.search(r"BTC-USDT +- +- +- +- +- +-", table.out), table.out
    assert (await mmctl("report", "BTC-USDT", "-o", "json")).json["totals"][0]["total_usdt"] == "0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kill", "-r", "foo"), "name the symbols, or say --all for every symbol"),
        (("kill", "BTC-USDT", "--all"), "not both"),
        (("explain", ""), "'' is no symbol"),
        (("orders", "a/b"), "'a/b' is no symbol"),
        (("config", "get", "BTC-USDT", ".."), "'..' is no symbol"),
        (("kill", "", "-y"), "'' is no symbol"),
    ],
)
async def test_what_names_no_symbol_is_told_so(mmctl: Mmctl, words: tuple[str, ...], said: str) -> None:
    done = await mmctl(*words, columns=300)
    assert (done.code, said in done.err) == (2, True), done
