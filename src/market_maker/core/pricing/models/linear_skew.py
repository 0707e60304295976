"""The desk's own formula, the default: a spread in bps that widens with volatility, moved by a bias.

It is computed in integers (`pricing.quoting`, `pricing.quote_rates`), and its parameters are fields of the
configuration itself: base_spread_bps, inventory_skew_factor, volatility_multiplier.
"""

from market_maker.core.pricing.models.proposal import ModelKind

NAME = "linear_skew"

KIND: ModelKind = ModelKind(
    NAME,
    "A spread of base_spread_bps around the mid, widened by volatility and moved against the inventory in"
    " proportion to it.",
    (),
    None,
)
