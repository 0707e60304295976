"""Guéant, Lehalle and Fernandez-Tapia: the stationary optimal quotes, in closed form.

O. Guéant, "Optimal market making" (2017, arXiv 1605.01862), equations 4.6 and 4.7. With the fair value s, the
position q, the volatility sigma and an intensity A e^(-k depth) of being hit on either side:

    c1 = ln(1 + xi D / k) / (xi D)
    c2 = sqrt(gamma / (2 A D k) * (1 + xi D / k)^(k / (xi D) + 1))
    bid depth = c1 + D sigma c2 / 2 + q sigma c2        ask depth = c1 + D sigma c2 / 2 - q sigma c2

so the centre is s - q sigma c2, and both half spreads are c1 + D sigma c2 / 2.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from market_maker.core.pricing.models.calibrated import CALIBRATED, GAMMA, Calibrated, CalibratedMarket
from market_maker.core.pricing.models.decimals import MODEL, ONE, TWO, ln, power
from market_maker.core.pricing.models.proposal import (
    Context,
    ModelKind,
    NotReady,
    Parameter,
    Proposal,
    Step,
)

NAME = "glft"
_NEEDS = ("sigma", "k", "a")


class Glft(Calibrated):
    """The closed form with the figures of the market as calibrated, or as set."""

    def __init__(self, values: Mapping[str, Decimal]) -> None:
        super().__init__(values, _NEEDS)
        self._gamma = values["gamma"]
        self._delta = values["delta"]
        self._xi = values["xi"] or self._gamma

    def propose(self, context: Context) -> Proposal | NotReady:
        """Bid and ask at equal distances from a centre that leans against the position."""
        market = self.market
        if isinstance(market, NotReady):
            return market
        half, skew = half_spread_and_skew(self._gamma, self._xi, self._delta, market)
        shift = MODEL.multiply(context.position, skew)
        centre = MODEL.subtract(context.fair_ticks, shift)
        steps = (
            *self.steps(market),
            Step("half_spread", half, "ticks", "c1 + delta x sigma x c2 / 2"),
            Step("skew", skew, "ticks per order size", "sigma x c2"),
            Step("position", context.position, "order sizes", "the position in order sizes"),
            Step("centre_shift", shift, "ticks", "position x skew: how far both sides move down"),
        )
        return Proposal(centre, half, half, ONE, ONE, steps)


@lru_cache(maxsize=4096)
def half_spread_and_skew(
    gamma: Decimal, xi: Decimal, delta: Decimal, market: CalibratedMarket
) -> tuple[Decimal, Decimal]:
    """c1 + delta sigma c2 / 2, and sigma c2, in ticks."""
    c = MODEL
    size = c.multiply(xi, delta)
    ratio = c.add(ONE, c.divide(size, market.k))
    c1 = c.divide(ln(ratio), size)
    grown = power(ratio, c.add(c.divide(market.k, size), ONE))
    flow = c.multiply(c.multiply(TWO, market.a), c.multiply(delta, market.k))
    c2 = c.sqrt(c.multiply(c.divide(gamma, flow), grown))
    skew = c.multiply(market.sigma, c2)
    return c.add(c1, c.divide(c.multiply(delta, skew), TWO)), skew


KIND: ModelKind = ModelKind(
    NAME,
    "Guéant, Lehalle and Fernandez-Tapia: optimal quotes for a market that never closes, from how often and"
    " how deep takers trade and how much the price moves.",
    (
        GAMMA,
        Parameter(
            "xi",
            "1/(tick x order size)",
            "0",
            "1000",
            Decimal(0),
            "Aversion to the risk of not being filled; 0: the same as gamma.",
        ),
        Parameter("delta", "order sizes", "0.0001", "100", Decimal(1), "Size of one trade of ours."),
        *CALIBRATED,
        Parameter(
            "a_per_s",
            "1/s",
            "0",
            "1000000",
            Decimal(0),
            "How often takers would reach the mid on one side, A; 0: as calibrated.",
        ),
    ),
    Glft,
)
