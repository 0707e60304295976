"""Quoting models: from a fair value and a position to a centre, two half spreads and two sizes.

A model is pure. It says what it proposes and why (`proposal`), learns from what the market shows
(`calibration`) and gives back what it learned as text. What stands here computes in decimals of a stated
precision (`decimals`), so that every machine comes to the same price. Rounding to the tick, maker-only,
limits and requoting are the engine's: a proposal that is no usable number means no quote. A model without
the figures that it needs says so, and the formula of `linear_skew` quotes in its place.
"""
