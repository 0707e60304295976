"""The document on the controls of a period, from what the database recorded."""

import asyncio
import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from market_maker import settings
from market_maker.cli import main
from market_maker.core.config import SymbolConfig
from market_maker.core.states import KillReason
from market_maker.evidence.controls import CONTROLS, TESTS
from market_maker.repositories.configs import ConfigRepository, Written
from market_maker.repositories.drills import Drill, DrillRepository

ROOT = Path(__file__).parents[3]
BTC = SymbolConfig("BTC-USDT")


def test_every_control_names_what_exists() -> None:
    promises = dict(
        re.findall(r"^\| `([a-z-]+)` .*\[`(test_\w+)`\]", (ROOT / "docs/promises.md").read_text(), re.M)
    )
    named = {name for control in CONTROLS for name in control.promises}
    assert named == TESTS.keys()
    assert {name: promises.get(name) for name in named} == TESTS
    variables = {one.name for one in settings.variables()}
    assert {name for control in CONTROLS for name in control.settings} <= variables
    assert {name for control in CONTROLS for name in control.fields} <= {
        one.name for one in fields(SymbolConfig)
    }
    assert {name for control in CONTROLS for name in control.kills} <= {one.value for one in KillReason}


async def filled(pool: asyncpg.Pool) -> datetime:
    """A configuration before the period, a change and a drill in it; gives when it begins."""
    configs = ConfigRepository(pool)
    await configs.insert(BTC, Written("alice", "first day"))
    since = datetime.now(UTC)
    changed = replace(BTC, max_loss_usdt=Decimal(600))
    await configs.update(changed, Written("alice", "more room (approved by bob: fine)"))
    drills = DrillRepository(pool)
    made = Drill(
        0, "BTC-USDT", "carol", "monthly", "ACTIVE", 4, shadow_mode=False, triggered_at=datetime.now(UTC)
    )
    await drills.finish(await drills.begin(made), 700, 12_345)
    return since


async def written(since: datetime, *words: str) -> int:
    until = datetime.now(UTC) + timedelta(seconds=5)
    period = ["--from", since.isoformat(), "--to", until.isoformat()]
    return await asyncio.to_thread(main, ["evidence", *period, *words])


async def test_the_document_tells_values_over_time_changes_and_the_last_drill(
    pool: asyncpg.Pool,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POSTGRES_URL", database_url)
    monkeypatch.setenv("HOUSE_MAX_GROSS_USDT", "50000")
    since = await filled(pool)
    assert await written(since, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    by_name = {one["name"]: one for one in made["controls"]}
    [loss] = [
        one for one in by_name["Position and loss of a symbol"]["values"] if one["field"] == "max_loss_usdt"
    ]
    assert loss["at_start"] == {"BTC-USDT": "500.0"}
    assert [(one["to"], one["by"]) for one in loss["set"]] == [("600", "alice")]
    assert by_name["Position and loss of the house"]["settings_now"]["HOUSE_MAX_GROSS_USDT"] == "50000"
    assert by_name["Kill functionality"]["last_drill"]["proven_zero_us"] == 12_345
    assert [one["version"] for one in made["changes"]] == [2]
    assert await written(since) == 0
    text = capsys.readouterr().out
    assert "zero proven after 12345 us" in text
    assert "more room (approved by bob: fine)" in text
    assert "`test_a_storm_of_rejections_halts`" in text


async def test_a_period_without_anything_says_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTGRES_URL", database_url)
    assert await written(datetime.now(UTC)) == 0
    text = capsys.readouterr().out
    assert "last drill: **never**" in text
    assert "no symbol was configured" in text


def test_what_is_missing_or_no_time_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("POSTGRES_URL", raising=False)
    assert main(["evidence", "--from", "2026-01-01", "--to", "2026-02-01"]) == 2
    assert "POSTGRES_URL" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["evidence", "--from", "yesterday", "--to", "2026-02-01"])
    assert "must be a time such as" in capsys.readouterr().err
