from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_maker.durations import format_duration, parse_duration, parse_moment


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("100ms", 100_000_000),
        ("5s", 5_000_000_000),
        ("1m", 60_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("250us", 250_000),
        ("250\u00b5s", 250_000),
        ("250\u03bcs", 250_000),
        ("7ns", 7),
        ("1.9ns", 1),
        ("0", 0),
        ("0s", 0),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
    ],
)
def test_a_duration_reads_as_nanoseconds(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "5S", "-5s", "+5s", "1e3s", "5s1", "5d", "1.2.3s", "."]
)
def test_what_is_not_a_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 100ms, 5s or 1h30m"):
        parse_duration(text)


def test_an_endless_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 characters"):
        parse_duration("9" * 100 + "s")


@given(st.integers(min_value=0, max_value=10**18))
def test_a_written_duration_reads_as_itself(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("24h", NOW - timedelta(days=1)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, meant: datetime) -> None:
    assert parse_moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "-1h", "99999999999h"])
def test_what_is_no_moment_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="such as 24h"):
        parse_moment(text, NOW)
