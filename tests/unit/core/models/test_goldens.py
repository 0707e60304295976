"""The formulas of the literature at gamma = 0.1, sigma = 2, k = 1.5, A = 140."""

from decimal import Decimal
from fractions import Fraction

import pytest

from market_maker.core.pricing.models.avellaneda_stoikov import spread_and_risk
from market_maker.core.pricing.models.calibrated import CalibratedMarket
from market_maker.core.pricing.models.decimals import MODEL, power
from market_maker.core.pricing.models.glft import half_spread_and_skew
from market_maker.core.pricing.models.proposal import Context, ModelKind, Proposal, QuotingModel
from market_maker.core.pricing.models.registry import model_kind, resolved

D = Decimal
MARKET = CalibratedMarket(D(2), D("1.5"), D(140))
SET = {"sigma_ticks": D(2), "k_per_tick": D("1.5"), "a_per_s": D(140)}


def made(name: str, **values: Decimal) -> QuotingModel:
    kind: ModelKind = model_kind(name)
    known = {parameter.name for parameter in kind.parameters}
    given = {key: value for key, value in (SET | values).items() if key in known}
    assert kind.make is not None
    return kind.make(dict(resolved(name, given)))


def proposed(model: QuotingModel, position: str) -> Proposal:
    proposal = model.propose(Context(D(1000), D(position), D(0)))
    assert isinstance(proposal, Proposal), proposal
    return proposal


def test_avellaneda_stoikovs_spread_at_a_horizon_of_one_second() -> None:
    spread, risk = spread_and_risk(D("0.1"), D(1), MARKET)
    assert (round(spread, 6), risk) == (D("1.690770"), D("0.4"))


def test_the_reservation_price_is_below_the_mid_by_q_gamma_sigma_squared_tau() -> None:
    model = made("avellaneda_stoikov", gamma=D("0.1"), tau_s=D(3))
    assert proposed(model, "2.5").centre_ticks == 1000 - D("2.5") * D("0.1") * 4 * 3
    assert proposed(model, "0").centre_ticks == 1000


def test_glfts_half_spread_and_skew() -> None:
    half, skew = half_spread_and_skew(D("0.1"), D("0.1"), D(1), MARKET)
    assert (round(half, 6), round(skew, 6)) == (D("0.671244"), D("0.051717"))


@pytest.mark.parametrize("position", ["-3", "0", "1.5"])
def test_glfts_depths_are_those_of_equations_4_6_and_4_7(position: str) -> None:
    proposal = proposed(made("glft", gamma=D("0.1")), position)
    q, half, skew = D(position), D("0.671244"), D("0.051717")
    bid_depth = 1000 - (proposal.centre_ticks - proposal.bid_half_ticks)
    ask_depth = proposal.centre_ticks + proposal.ask_half_ticks - 1000
    assert abs(bid_depth - (half + q * skew)) < D("0.000005")
    assert abs(ask_depth - (half - q * skew)) < D("0.000005")


def test_the_explanation_names_every_figure_with_its_unit_and_source() -> None:
    steps = {step.name: step for step in proposed(made("glft"), "1").steps}
    assert (steps["sigma"].value, steps["sigma"].unit) == (D(2), "ticks/sqrt(s)")
    assert (steps["k"].unit, steps["a"].unit) == ("1/tick", "1/s")
    assert steps["a"].says == "set by the desk"
    assert steps["centre_shift"].value == steps["skew"].value


@pytest.mark.parametrize("base", ["1.0666666666666666666666666667", "0.25", "7"])
def test_a_power_has_every_digit_of_the_exact_one(base: str) -> None:
    exact = Fraction(base) ** 16
    expected = MODEL.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    assert abs(power(D(base), D(16)) / expected - 1) < D("1e-27")
