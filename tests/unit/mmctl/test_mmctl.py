"""The command line against the admin API on a socket: what it does, what it shows, how it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.support.mmctl import Mmctl

from lab.api import served
from lab.desk import FakeDesk
from lab.desk_records import fill_row, view_of
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State


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
