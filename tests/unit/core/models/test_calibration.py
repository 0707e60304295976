"""What the calibration counts, when it speaks, and what keeps it silent."""

import json
import math
from decimal import Decimal
from random import Random

import pytest

from market_maker.core.pricing.models.calibration import SECOND_US, Calibration, Estimates
from market_maker.core.pricing.models.fit import fitted
from market_maker.core.pricing.models.proposal import BookSeen, NotReady, QuotedAt, TradeSeen
from market_maker.core.side import Side

START_US = 1_790_000_010_000_000
QUOTED = QuotedAt(1, 4)


class Market:
    """Takers that reach depth d at the rate A e^(-k d), and a mid that walks by half ticks."""

    def __init__(self, seed: int, a: float, k: float, sigma: float) -> None:
        self.rng = Random(seed)  # noqa: S311 - a market, not a secret
        self.a, self.k = a, k
        self.half_steps_per_s = 4 * sigma * sigma
        self.now_us = START_US
        self.mid = 20_000

    def run(self, calibration: Calibration, seconds: int) -> Calibration:
        rate = 2 * self.a + self.half_steps_per_s
        end_us = self.now_us + seconds * SECOND_US
        calibration.see(BookSeen(self.now_us, self.mid))
        while self.now_us < end_us:
            self.now_us += 1 + int(self.rng.expovariate(rate) * SECOND_US)
            if self.rng.random() * rate < self.half_steps_per_s:
                self.mid += self.rng.choice((-1, 1))
                calibration.see(BookSeen(self.now_us, self.mid))
            else:
                self._taker(calibration)
        return calibration

    def _taker(self, calibration: Calibration) -> None:
        side = self.rng.choice((Side.BUY, Side.SELL))
        reach = self.mid + side.sign * 2 * self.rng.expovariate(self.k)
        deepest = math.floor(reach / 2) if side is Side.BUY else math.ceil(reach / 2)
        nearest = self.mid // 2 + 1 if side is Side.BUY else (self.mid - 1) // 2
        for ticks in range(nearest, deepest + side.sign, side.sign):
            calibration.see(TradeSeen(self.now_us, side, ticks))


def estimates(calibration: Calibration) -> Estimates:
    assert isinstance(calibration.result, Estimates), calibration.result
    return calibration.result


def why_not(calibration: Calibration) -> str:
    assert isinstance(calibration.result, NotReady)
    return calibration.result.code


@pytest.mark.parametrize(("a", "k", "sigma"), [(140.0, 1.5, 2.0), (40.0, 0.6, 1.0)])
def test_planted_figures_are_recovered_within_five_percent(a: float, k: float, sigma: float) -> None:
    calibration = Calibration(600)
    calibration.see(QUOTED)
    found = estimates(Market(1, a, k, sigma).run(calibration, 600))
    assert abs(float(found.a) / a - 1) < 0.05
    assert abs(float(found.k) / k - 1) < 0.05
    assert abs(float(found.sigma) / sigma - 1) < 0.05


def test_all_trades_of_one_side_at_one_time_are_one_order() -> None:
    calibration = Calibration(600)
    calibration.see(BookSeen(START_US, 20_000))
    for ticks in (10_001, 10_003, 10_002):
        calibration.see(TradeSeen(START_US + 5, Side.BUY, ticks))
    calibration.see(TradeSeen(START_US + 5, Side.SELL, 9_999))
    calibration.see(TradeSeen(START_US + 6, Side.SELL, 9_999))
    calibration.see(BookSeen(START_US + 11 * SECOND_US, 20_000))
    [part] = json.loads(calibration.to_text())["slices"]
    assert part[2] == [[6, 1], [2, 2]]


def test_a_trade_is_measured_from_the_mid_before_it_although_the_book_was_read_first() -> None:
    calibration = Calibration(600)
    calibration.see(BookSeen(START_US, 20_000))
    calibration.see(BookSeen(START_US + 5, 20_008))
    calibration.see(TradeSeen(START_US + 5, Side.BUY, 10_004))
    calibration.see(BookSeen(START_US + 10 * SECOND_US, 20_008))
    [part] = json.loads(calibration.to_text())["slices"]
    assert part[2] == [[8, 1]]


def test_too_few_samples_say_how_many_there_are() -> None:
    calibration = Calibration(600)
    assert why_not(calibration) == "too_few_samples"
    Market(1, 0.05, 1.5, 2.0).run(calibration, 100)
    assert isinstance(calibration.result, NotReady)
    assert calibration.result.code == "too_few_samples"
    assert "100 are needed" in calibration.result.detail


def test_rates_that_do_not_fall_with_the_depth_are_no_decay() -> None:
    calibration = Calibration(600)
    calibration.see(QUOTED._replace(own=False))
    now_us, rng = START_US, Random(1)  # noqa: S311 - a market, not a secret
    for number in range(20_000):
        now_us += 20_000
        calibration.see(BookSeen(now_us, 20_000 + (number & 1)))
        calibration.see(TradeSeen(now_us + 1, Side.BUY, 10_040 + rng.randrange(2)))
    assert why_not(calibration) == "no_decay"


def test_rates_that_fit_no_line_are_a_poor_fit() -> None:
    line = fitted([(1, 1_000, SECOND_US), (2, 100, SECOND_US), (3, 900, SECOND_US), (4, 800, SECOND_US)])
    assert line.fit < Decimal("0.5")
    calibration = Calibration(600)
    calibration.see(QuotedAt(2, 10, own=False))
    now_us = START_US
    for _ in range(10_000):
        now_us += 20_000
        calibration.see(BookSeen(now_us, 20_000))
        calibration.see(TradeSeen(now_us + 1, Side.BUY, 10_001))
        for _ in range(9 * (now_us % 100_000 == 0)):
            calibration.see(TradeSeen(now_us + 2, Side.BUY, 10_009))
            calibration.see(TradeSeen(now_us + 3, Side.BUY, 10_009))
    assert why_not(calibration) == "poor_fit"


def test_until_the_model_has_quoted_the_fit_looks_where_the_formula_quotes_in_its_place() -> None:
    market, calibration = market_of_two_crowds()
    calibration.fit_now(market.now_us)
    assert why_not(calibration) == "poor_fit"
    calibration.see(QuotedAt(40, 60, own=False))
    found = calibration.fit_now(market.now_us)
    assert isinstance(found, Estimates)
    assert float(found.k) == pytest.approx(0.05, rel=0.1)
    again = Calibration(600)
    again.read_text(calibration.to_text())
    assert again.to_text() == calibration.to_text()


@pytest.mark.parametrize("quoted", [QuotedAt(800, 900), QuotedAt(1, 2)])
def test_a_model_whose_own_depths_tell_nothing_goes_on_from_those_of_the_formula(quoted: QuotedAt) -> None:
    market, calibration = market_of_two_crowds()
    calibration.see(quoted)
    calibration.fit_now(market.now_us)
    assert why_not(calibration) == "poor_fit"
    calibration.see(QuotedAt(40, 60, own=False))
    around_formula = calibration.fit_now(market.now_us)
    assert isinstance(around_formula, Estimates)
    assert float(around_formula.k) == pytest.approx(0.05, rel=0.1)
    calibration.see(QuotedAt(30, 50))
    around_own = calibration.fit_now(market.now_us)
    assert isinstance(around_own, Estimates)
    assert around_own.k != around_formula.k
    again = Calibration(600)
    again.read_text(calibration.to_text())
    again.fit_now(market.now_us)
    assert estimates(again).k == around_own.k


def market_of_two_crowds() -> tuple[Market, Calibration]:
    """Most takers trade at the touch only: no line holds all depths."""
    market, calibration = Market(4, 20.0, 0.05, 2.0), Calibration(600)
    for _ in range(200):
        market.run(calibration, 1)
        for _ in range(500):
            market.now_us += 10
            calibration.see(TradeSeen(market.now_us, Side.BUY, market.mid // 2 + 1))
    return market, calibration


def test_a_mid_that_stands_for_moments_only_does_not_bend_the_line() -> None:
    market, calibration = Market(6, 20.0, 0.05, 0.0), Calibration(600)
    calibration.see(QuotedAt(40, 60))
    for second in range(220):
        # For two seconds the spread is open after a sweep, and takers meet it at once.
        open_wide = second in (200, 201)
        market.mid, market.a = (20_000, 2_000.0) if open_wide else (20_001, 20.0)
        market.run(calibration, 1)
    found = estimates(calibration)
    assert float(found.k) == pytest.approx(0.05, rel=0.1)
    assert float(found.a) == pytest.approx(20, rel=0.1)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    market, calibration = Market(2, 140.0, 1.5, 2.0), Calibration(200)
    market.run(calibration, 400)
    assert isinstance(calibration.result, Estimates)
    assert estimates(calibration).seconds <= 200
    for second in range(300):
        calibration.see(BookSeen(market.now_us + second * SECOND_US, 20_000))
    assert why_not(calibration) == "too_few_samples"


def test_what_was_learned_before_a_pause_longer_than_the_window_is_not_quoted_from() -> None:
    before = Market(5, 40.0, 0.6, 1.0).run(Calibration(600), 300)
    estimates(before)
    after = Calibration(600)
    after.read_text(before.to_text())
    estimates(after)
    after.see(BookSeen(START_US + 7_200 * SECOND_US, 20_000))
    assert why_not(after) == "too_few_samples"


def test_a_silent_feed_is_neither_time_nor_a_move() -> None:
    calibration = Calibration(600)
    calibration.see(BookSeen(START_US, 20_000))
    calibration.see(BookSeen(START_US + 60 * SECOND_US, 30_000))
    assert json.loads(calibration.to_text())["slices"] == []


@pytest.mark.parametrize("seconds", [1, 95, 400])
def test_a_calibration_that_reads_its_text_goes_on_as_before(seconds: int) -> None:
    market, first = Market(3, 60.0, 0.8, 1.0), Calibration(300)
    first.see(QUOTED)
    market.run(first, seconds)
    second = Calibration(300)
    second.read_text(first.to_text())
    state, now_us, mid = market.rng.getstate(), market.now_us, market.mid
    market.run(first, 150)
    market.rng.setstate(state)
    market.now_us, market.mid = now_us, mid
    market.run(second, 150)
    assert first.to_text() == second.to_text()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"slices": [[1]]}', "nonsense"])
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="what was learned of the market cannot be read"):
        Calibration(600).read_text(text)
