import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_maker.telemetry.latency import LatencyHistogram

DURATIONS = st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=200)


def of(durations: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for ns in durations:
        histogram.record(ns)
    return histogram


@given(DURATIONS, st.floats(min_value=0, max_value=1))
def test_a_percentile_is_right_to_within_one_percent(durations: list[int], q: float) -> None:
    exact_ns = sorted(durations)[max(0, math.ceil(q * len(durations)) - 1)]
    shown = of(durations).percentile_us(q)
    assert shown is not None
    assert abs(shown * 1_000 - exact_ns) <= exact_ns / 100


def test_an_empty_histogram_has_no_percentile() -> None:
    assert LatencyHistogram().percentile_us(0.5) is None


def test_nonsense_counts_as_the_nearest_possible_duration() -> None:
    assert of([-5]).percentile_us(1) == 0
    assert of([10**30]).percentile_us(1) == pytest.approx(2**40 / 1_000, rel=0.01)


def test_a_percentile_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1, got 99"):
        of([1]).percentile_us(99)
