import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from market_maker.api.decimals import DecimalRange, plain, rfc3339

RANGES = [
    DecimalRange("0.0001", "1000"),
    DecimalRange("0", "10"),
    DecimalRange("1", "600000"),
    DecimalRange("10", "60000"),
]
EDGES = ["0", "0.0001", "0.00009999", "1", "9.99999999", "10", "10.00000001", "1000", "60000", "600000"]
near = st.one_of(
    st.decimals(0, 700_000, places=8),
    st.decimals(0, 20, places=3),
    st.sampled_from(EDGES).map(Decimal),
)


@given(st.sampled_from(RANGES), near)
def test_the_documented_pattern_says_what_the_parser_accepts(span: DecimalRange, value: Decimal) -> None:
    text = plain(value)
    accepted = Decimal(span.low) <= value <= Decimal(span.high)
    assert bool(re.fullmatch(span.pattern, text)) == accepted
    if accepted:
        assert plain(span.parse(text)) == text
    else:
        with pytest.raises(PydanticCustomError, match="must be between"):
            span.parse(text)


@given(st.sampled_from(RANGES), st.text(alphabet="0123456789.-+eE ", max_size=12))
def test_no_other_text_gets_through(span: DecimalRange, text: str) -> None:
    if re.fullmatch(span.pattern, text):
        assert plain(span.parse(text)) == text
    else:
        with pytest.raises(PydanticCustomError):
            span.parse(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**20), max_value=10**20))
def test_a_decimal_is_written_in_full_and_reads_back_the_same(value: Decimal) -> None:
    text = plain(value)
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    assert Decimal(text) == value


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  the zone is added below
    st.integers(-840, 840),
)
def test_a_time_is_written_in_utc_and_reads_back_the_same(naive: datetime, minutes: int) -> None:
    value = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = rfc3339(value)
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == value.astimezone(UTC)
