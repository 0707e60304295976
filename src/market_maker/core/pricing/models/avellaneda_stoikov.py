"""Avellaneda and Stoikov: a reservation price, and a spread around it.

M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book" (Quantitative Finance 8, 2008),
equations 29 and 30, with a fixed horizon tau in place of the time left to the close, for markets that never
close. With the fair value s, the position q and the volatility sigma:

    reservation price = s - q gamma sigma^2 tau
    total spread      = gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k)
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from market_maker.core.pricing.models.calibrated import CALIBRATED, GAMMA, Calibrated, CalibratedMarket
from market_maker.core.pricing.models.decimals import MODEL, ONE, TWO, ln
from market_maker.core.pricing.models.proposal import (
    Context,
    ModelKind,
    NotReady,
    Parameter,
    Proposal,
    Step,
)

NAME = "avellaneda_stoikov"
_NEEDS = ("sigma", "k")


class AvellanedaStoikov(Calibrated):
    """The two formulas with the figures of the market as calibrated, or as set."""

    def __init__(self, values: Mapping[str, Decimal]) -> None:
        super().__init__(values, _NEEDS)
        self._gamma = values["gamma"]
        self._tau = values["tau_s"]

    def propose(self, context: Context) -> Proposal | NotReady:
        """Both sides half the spread from the reservation price."""
        market = self.market
        if isinstance(market, NotReady):
            return market
        spread, risk = spread_and_risk(self._gamma, self._tau, market)
        shift = MODEL.multiply(context.position, risk)
        half = MODEL.divide(spread, TWO)
        steps = (
            *self.steps(market),
            Step("spread", spread, "ticks", "gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k)"),
            Step("skew", risk, "ticks per order size", "gamma sigma^2 tau"),
            Step("position", context.position, "order sizes", "the position in order sizes"),
            Step("centre_shift", shift, "ticks", "position x skew: how far the reservation price is below"),
        )
        return Proposal(MODEL.subtract(context.fair_ticks, shift), half, half, ONE, ONE, steps)


@lru_cache(maxsize=4096)
def spread_and_risk(gamma: Decimal, tau: Decimal, market: CalibratedMarket) -> tuple[Decimal, Decimal]:
    """The total spread, and gamma sigma^2 tau, in ticks."""
    c = MODEL
    risk = c.multiply(c.multiply(gamma, c.multiply(market.sigma, market.sigma)), tau)
    liquidity = c.multiply(c.divide(TWO, gamma), ln(c.add(ONE, c.divide(gamma, market.k))))
    return c.add(risk, liquidity), risk


KIND: ModelKind = ModelKind(
    NAME,
    "Avellaneda and Stoikov (2008): quotes around a reservation price that leans against the position, with a"
    " fixed horizon.",
    (
        GAMMA,
        Parameter(
            "tau_s",
            "s",
            "0.0001",
            "100000",
            Decimal(1),
            "Horizon: how long a position is thought to be held.",
        ),
        *CALIBRATED,
    ),
    AvellanedaStoikov,
)
