import math
from itertools import pairwise

import pytest

from market_maker.core.pricing.volatility import (
    FACTOR_MAX_PPM,
    FACTOR_ONE_PPM,
    LONG_HALF_LIFE_NS,
    SHORT_HALF_LIFE_NS,
    WARM_UP_NS,
    WARM_UP_SAMPLES,
    Volatility,
)

SECOND = 1_000_000_000


class Market:
    """A mid that zigzags by a given return at a given interval."""

    def __init__(self) -> None:
        self.volatility = Volatility()
        self.at_ns = 5
        self.mid = 50_000.0
        self.direction = 1
        self.volatility.update(self.at_ns, self.mid)

    def run(self, seconds: float, step_bps: float, every_ns: int = SECOND // 10) -> int:
        for _ in range(round(seconds * SECOND / every_ns)):
            self.at_ns += every_ns
            self.mid *= math.exp(self.direction * step_bps / 10_000)
            self.direction = -self.direction
            self.volatility.update(self.at_ns, self.mid)
        return self.volatility.factor_ppm


def test_the_factor_is_one_before_there_is_any_data() -> None:
    assert Volatility().factor_ppm == FACTOR_ONE_PPM


def test_the_factor_stays_one_until_the_samples_span_the_warm_up() -> None:
    market = Market()
    market.run(WARM_UP_NS / SECOND / 2, step_bps=0.1)
    assert market.run(WARM_UP_NS / SECOND / 2 - 1, step_bps=10) == FACTOR_ONE_PPM
    assert market.run(1, step_bps=10) > FACTOR_ONE_PPM


def test_the_factor_stays_one_until_there_are_enough_samples() -> None:
    market = Market()
    every_ns = 10 * SECOND
    for count in range(1, WARM_UP_SAMPLES):
        assert market.run(10, step_bps=count**2, every_ns=every_ns) == FACTOR_ONE_PPM
    assert market.run(10, step_bps=1000, every_ns=every_ns) > FACTOR_ONE_PPM


def test_a_market_as_wild_as_ever_has_a_factor_of_one() -> None:
    market = Market()
    assert market.run(600, step_bps=1) == pytest.approx(FACTOR_ONE_PPM, abs=2)


def test_a_wilder_market_has_a_larger_factor_that_fades_again() -> None:
    market = Market()
    market.run(1200, step_bps=1)
    wild = market.run(20, step_bps=3)
    assert FACTOR_ONE_PPM < wild < FACTOR_MAX_PPM
    assert market.run(30, step_bps=1) < wild
    assert market.run(600, step_bps=1) == FACTOR_ONE_PPM


def test_a_calmer_market_has_a_factor_of_one_and_not_less() -> None:
    market = Market()
    market.run(1200, step_bps=3)
    assert market.run(120, step_bps=0.1) == FACTOR_ONE_PPM


def test_the_factor_never_passes_its_maximum() -> None:
    market = Market()
    market.run(3000, step_bps=0.1)
    assert market.run(30, step_bps=100) == FACTOR_MAX_PPM


def test_the_factor_is_the_ratio_of_the_two_decaying_means() -> None:
    """Worked out from the definition: weights of 2 ** -(age / half-life) over each sample's time."""
    market = Market()
    samples = [(SECOND // 7, 1.0)] * 700 + [(SECOND // 3, 2.0)] * 90 + [(SECOND, 7.0)] * 9
    ages_ns, total_ns = [], sum(every_ns for every_ns, _ in samples)
    elapsed_ns = 0
    for every_ns, step_bps in samples:
        market.run(every_ns / SECOND, step_bps, every_ns)
        ages_ns.append((total_ns - elapsed_ns, total_ns - elapsed_ns - every_ns))
        elapsed_ns += every_ns

    def mean(half_life_ns: int) -> float:
        weights = [2 ** (-young / half_life_ns) - 2 ** (-old / half_life_ns) for old, young in ages_ns]
        rates = [(step_bps / 10_000) ** 2 / every_ns for every_ns, step_bps in samples]
        return sum(w * rate for w, rate in zip(weights, rates, strict=True)) / sum(weights)

    ratio = math.sqrt(mean(SHORT_HALF_LIFE_NS) / mean(LONG_HALF_LIFE_NS))
    assert 1.05 < ratio < 2.95
    assert market.volatility.factor_ppm == pytest.approx(ratio * FACTOR_ONE_PPM, rel=1e-6)


def test_the_sampling_rate_does_not_change_a_steady_factor() -> None:
    def factor(every_ns: int) -> int:
        """The same variance per second, sampled at another rate."""
        market = Market()
        scale = math.sqrt(every_ns / SECOND)
        market.run(900, 1.0 * scale, every_ns)
        return market.run(30, 2.0 * scale, every_ns)

    fine, coarse = factor(SECOND // 20), factor(SECOND)
    assert fine == pytest.approx(coarse, rel=0.001)


def test_a_mid_that_never_moves_has_a_factor_of_one() -> None:
    market = Market()
    assert market.run(120, step_bps=0) == FACTOR_ONE_PPM


def test_a_second_sample_at_one_time_waits_for_the_next() -> None:
    twice, once = Market(), Market()
    for market in (twice, once):
        market.run(100, step_bps=1)
    twice.volatility.update(twice.at_ns, twice.mid * 2)
    twice.volatility.update(twice.at_ns - SECOND, twice.mid * 3)
    assert twice.run(10, step_bps=1) == once.run(10, step_bps=1)


@pytest.mark.parametrize("mid", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_mid_that_is_no_price_is_ignored(mid: float) -> None:
    market, undisturbed = Market(), Market()
    for one in (market, undisturbed):
        one.run(100, step_bps=1)
    market.volatility.update(market.at_ns + 1, mid)
    assert market.run(10, step_bps=2) == undisturbed.run(10, step_bps=2)


def test_a_first_sample_that_is_no_price_is_ignored() -> None:
    volatility = Volatility()
    volatility.update(1, math.nan)
    for second in range(1, 100):
        volatility.update(second * SECOND, 100.0 + second % 2)
    assert volatility.factor_ppm == FACTOR_ONE_PPM


def test_a_jump_over_a_gap_counts_as_wild_and_a_quiet_gap_does_not() -> None:
    jumped, quiet = Market(), Market()
    for market in (jumped, quiet):
        market.run(1200, step_bps=1)
        market.at_ns += 300 * SECOND
    jumped.mid *= 1.05
    assert jumped.run(0.1, step_bps=1) > 1.7 * FACTOR_ONE_PPM
    assert quiet.run(0.1, step_bps=1) == FACTOR_ONE_PPM


def test_extreme_mids_and_times_never_raise_and_stay_within_bounds() -> None:
    volatility = Volatility()
    mids = [5e-324, 1.7e308, 1.0, 5e-324, 1e-300, 1e300]
    times = [0]
    for index in range(200):
        times.append(times[-1] + (1, 10**18, 7, 10**12, 0)[index % 5])
    for index, at_ns in enumerate(times):
        volatility.update(at_ns, mids[index % len(mids)])
        assert FACTOR_ONE_PPM <= volatility.factor_ppm <= FACTOR_MAX_PPM
    assert any(later == earlier for earlier, later in pairwise(times))
