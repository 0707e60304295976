"""Programmes as a file: what is read, and what is said when it is wrong."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from market_maker.core.obligations import DAY_US, Measure
from market_maker.programme_files import programmes
from market_maker.repositories.wall_time import microseconds

PAGE = Path(__file__).parents[2] / "docs/obligations.md"
GOOD = """
programmes:
  - name: p
    symbols: [BTCUSDT]
    measure: time
    tiers:
      - {name: t, max_spread_bps: 10, min_size_quote: 40000, min_share_pct: 50}
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "programmes.yaml"
    path.write_text(text)
    return str(path)


def test_the_examples_of_the_page_are_read_as_it_says(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    spot, ether, solana = programmes(written(tmp_path, example))
    assert (spot.symbol, spot.measure, spot.sample_us) == ("BTCUSDT", Measure.SAMPLES, 10_000_000)
    assert [(tier.max_spread_bps, tier.min_size, tier.in_base) for tier in spot.tiers] == [
        (Decimal(10), Decimal(40_000), False),
        (Decimal(20), Decimal(50_000), False),
    ]
    assert (ether.days, ether.from_minute, ether.until_minute) == ((0, 1, 2, 3, 4), 480, 990)
    assert (ether.symbol, solana.symbol, ether.tiers[0].in_base) == ("ETHUSDT", "SOLUSDT", True)


def test_before_its_first_day_a_programme_promises_nothing(tmp_path: Path) -> None:
    (programme,) = programmes(written(tmp_path, GOOD.replace("tiers:", "since: 2026-11-22\n    tiers:")))
    (always,) = programmes(written(tmp_path, GOOD))
    first_us = microseconds(datetime(2026, 11, 22, tzinfo=UTC))
    before_us = first_us - DAY_US
    assert programme.window(before_us) == (before_us, before_us)
    assert programme.window(first_us) == always.window(first_us) == (first_us, first_us + DAY_US)
    assert always.window(before_us) == (before_us, first_us)
    assert [programme.covers(at) for at in (first_us - 1, first_us)] == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("programmes:", "programs:", "the file has no field 'programs'"),
        ("measure: time", "measure: hours", r"programmes\[0\].measure is 'hours': must be time, minutes or"),
        ("measure: time", "measure: samples", r"programmes\[0\].sample_seconds is None: must be a whole"),
        ("measure: time", "measure: time\n    minute_pct: 5", r"minute_pct has no meaning when measure is"),
        ("name: p", "title: p", r"programmes\[0\] has no field 'title'"),
        ("[BTCUSDT]", "[]", r"programmes\[0\].symbols must be a list with at least one entry"),
        ("[BTCUSDT]", "[BTCUSDT, BTCUSDT]", "p names BTCUSDT twice"),
        ("max_spread_bps: 10", "max_spread_bps: tight", r"tiers\[0\].max_spread_bps is 'tight': must be a"),
        ("min_share_pct: 50", "min_share_pct: 101", r"min_share_pct is 101: must be a number above 0"),
        ("min_share_pct: 50", "min_share_pct: .nan", r"min_share_pct is nan"),
        ("min_size_quote: 40000", "min_size_quote: 0", "min_size_quote is 0: must be a number above 0"),
        ("min_size_quote: 40000", "max: 1", r"tiers\[0\] has no field 'max'"),
        ("min_size_quote: 40000, ", "", r"must have either min_size_quote or min_size_base"),
        ("tiers:", "window: {from: 10:30}\n    tiers:", r"window.from is .*: must be a UTC time in quotes"),
        ("tiers:", 'window: {from: "09:30", until: "09:30"}\n    tiers:', "window.until must be later"),
        ("tiers:", "window: {days: [someday]}\n    tiers:", "window.days holds 'someday': must be of mon"),
        ("tiers:", "since: tomorrow\n    tiers:", r"programmes\[0\].since is 'tomorrow': must be a day from"),
        ("tiers:", "since: 2026-11-22T10:00:00Z\n    tiers:", r"programmes\[0\].since is datetime"),
        ("  - name: p", "  - name: [", "is not YAML at line"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_file_field_and_fix(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ValueError, match=said) as refused:
        programmes(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must name a file of text"):
        programmes(str(tmp_path / "nowhere.yaml"))
