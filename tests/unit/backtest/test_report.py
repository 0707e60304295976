"""The report of a backtest: one file that needs nothing else, with the figures that --json tells."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.backtest import backtested, config_file, wandering

BYTES_MAX = 1_000_000


def figures(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', path.read_text())
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return wandering(100).write(tmp_path / "market.gz")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_file(tmp_path / "a.yaml")


def test_the_report_is_the_same_to_the_byte_and_tells_what_json_tells(
    tmp_path: Path, market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [tmp_path / "once.html", tmp_path / "again.html"]
    for page in pages:
        told = backtested(capsys, "--capture", market, "--config", config, "--out", page)
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert figures(pages[0])["summaries"] == told["runs"]


def test_settings_are_told_in_the_words_of_a_configuration_file(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"model": "glft", "model_parameters": "{gamma: 0.010}", "fair_value": "size_weighted_mid"}
    config = config_file(tmp_path / "b.yaml", volatility_multiplier="false", **settings)
    page = tmp_path / "report.html"
    backtested(capsys, "--capture", market, "--config", config, "--out", page)
    (told,) = (detail["settings"] for detail in figures(page)["details"])
    assert (told["gamma"], told["fair_value"], told["volatility_multiplier"]) == (
        "0.01",
        "size_weighted_mid",
        "false",
    )
    assert "model_parameters" not in told


def test_the_parts_of_every_point_sum_to_the_total(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = backtested(capsys, "--capture", market, "--config", config)["runs"]
    pnl = {name: Decimal(amount) for name, amount in run["pnl_usdt"].items()}
    assert run["fills"] > 10
    assert pnl["total"] == pnl["spread"] + pnl["inventory"] - pnl["fees"]
    assert all(bps is not None for bps in run["markout_bps"].values())


def test_a_section_has_everything_that_a_desk_asks_for(
    tmp_path: Path, market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    backtested(capsys, "--capture", market, "--config", config, "--out", page)
    (detail,) = figures(page)["details"]
    series = detail["series"]
    assert len(series["t"]) > 90
    assert {len(values) for values in series.values()} == {len(series["t"])}
    assert any(spread for spread in series["quoted_bps"])
    assert Decimal(f"{series['fees'][-1]:.4f}") == round(
        Decimal(figures(page)["summaries"][0]["pnl_usdt"]["fees"]), 4
    )
    assert page.read_text().count('"fees paid"') == 3
    assert {(curve["side"], curve["level"]) for curve in detail["markouts"]} >= {
        ("all", None),
        ("BUY", 1),
        ("SELL", 1),
    }
    assert len(detail["worst_fills"]) == 10
    losses = [Decimal(fill["markout_usdt"][2] or 0) for fill in detail["worst_fills"]]
    assert losses == sorted(losses)
    assert detail["orders"]["lifetime_ms"][0] > 0
    assert len(detail["orders"]["ahead_usdt"]) == 3
    assert {one["state"] for one in detail["time"]} == {"PAUSED", "ACTIVE"}


def test_a_page_needs_no_network_and_is_small_even_for_a_large_sweep(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market, page = wandering(30).write(tmp_path / "short.gz"), tmp_path / "report.html"
    sweep = ",".join(f"{2 + step / 100:.2f}" for step in range(120))
    words = ("--capture", market, "--config", config, "--out", page)
    backtested(capsys, *words, "--sweep", f"base_spread_bps={sweep}")
    text = page.read_text()
    assert page.stat().st_size < BYTES_MAX
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)|@import|url\(""", text)
    assert "default-src 'none'" in text
    told = figures(page)
    assert (len(told["summaries"]), len(told["details"]), told["left_out"]) == (120, 60, [60, 0])
