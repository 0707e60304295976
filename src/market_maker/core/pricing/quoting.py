"""Quotes of one symbol: exact prices in ticks and sizes in lots, and a verdict on every level.

The formula is integer arithmetic over the coefficients of `quote_rates`; the only roundings are the
stated ones at the end: bids down and asks up to the tick, sizes down to the lot.

Maker only: a bid is capped one tick below others' best ask, an ask floored one tick above others' best
bid. Levels that this moves onto one price collapse: the inner one is quoted.

Own bids stay below own asks whatever the skew: the bias moves both sides alike, so the raw prices are a
spread apart, and rounding and clamping only move bids down and asks up. Only a spread of zero lets
both meet, on a tick; then each steps one tick away from the other.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.models.proposal import Proposal
from market_maker.core.pricing.quote_rates import QuoteRates
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.pricing.volatility import FACTOR_ONE_PPM
from market_maker.core.side import Side

INWARD_SHARE = 4
"""A resting order may give away one part in so many of the half spread."""

_BUY = Side.BUY
_SELL = Side.SELL


_QUOTED = Outcome.QUOTED


class QuoteLevel(NamedTuple):
    """One level of one side, 0 the innermost. A level that is not quoted shows what it would have been."""

    side: Side
    level: int
    price_ticks: int
    lots: int
    verdict: Outcome


_new = tuple.__new__
"""Makes a QuoteLevel without the call into its own constructor, which at 40 levels counts."""


class Adjustment(NamedTuple):
    """What the desk's further choices made of the levels that a model gave."""

    bid_ticks_max: int | None
    """The minimum edge: no bid above, no ask below; None when none is asked for."""
    ask_ticks_min: int | None
    bid_size: Decimal
    """The size skew: the share of the size that is left."""
    ask_size: Decimal


class Reasoning(NamedTuple):
    """How a quote set came about where it was not by the formula alone."""

    model: str
    proposal: Proposal | None
    """None: by the formula."""
    ask_proposal: Proposal | None = None
    """What asks are quoted by, while the price that they are computed from is another than that of bids."""
    why_not: str = ""
    """Why the formula quotes in place of the model that the configuration names."""
    adjustment: Adjustment | None = None


@dataclass(slots=True)
class QuoteSet:
    """All levels of both sides, inner first, and what they were computed from.

    Never changed once made; not declared frozen, as that would make it four times as dear.
    `position` is signed base currency; `best_bid` and `best_ask` are others' best prices in ticks.
    """

    mid: ReferenceMid
    factor_ppm: int
    position: Decimal
    bids: tuple[QuoteLevel, ...]
    asks: tuple[QuoteLevel, ...]
    best_bid: int | None
    best_ask: int | None
    inward_ticks: int
    """How far inside its level an order may rest: a quarter of the half spread, in whole ticks."""
    below: ReferenceMid | None = None
    """What bids are computed from while the mid is uncertain; None: the mid."""
    above: ReferenceMid | None = None
    """The same for asks."""
    reasoning: Reasoning | None = None
    """None: the formula alone."""


class QuotingEngine:
    """Quotes one symbol under one configuration; make a new one when either changes.

    Raises ValueError, naming the field, when the configuration cannot be quoted.
    """

    __slots__ = (
        "_factor_fixed",
        "_last",
        "_levels",
        "_min_notional_units",
        "_rates",
        "_size_den",
        "_size_num",
    )

    def __init__(self, config: SymbolConfig, instrument: Instrument) -> None:
        self._rates = QuoteRates(config, instrument)
        self._levels = range(config.num_levels)
        self._factor_fixed = not config.volatility_multiplier
        self._min_notional_units = instrument.min_notional_units
        size_num, size_den = config.order_size_usdt.as_integer_ratio()
        unit_num, unit_den = instrument.notional_unit.as_integer_ratio()
        self._size_num = size_num * unit_den
        self._size_den = size_den * unit_num
        """Order size in lots at a mid of one tick."""
        self._last: QuoteSet | None = None

    def quote(
        self,
        mid: ReferenceMid,
        position: Decimal,
        factor_ppm: int,
        best_bid: int | None,
        best_ask: int | None,
    ) -> QuoteSet:
        """All levels for a signed position (base currency) and a volatility factor in millionths.

        `best_bid` and `best_ask` are others' best prices in ticks, None for an empty side. The factor
        counts as 1 when the configuration has no volatility multiplier. For the very same mid and position,
        and all else alike, it is the quote set that was made last.
        """
        if self._factor_fixed:
            factor_ppm = FACTOR_ONE_PPM
        last = self._last
        if (
            last is not None
            and mid is last.mid
            and position is last.position
            and factor_ppm == last.factor_ppm
            and best_bid == last.best_bid
            and best_ask == last.best_ask
        ):
            return last
        num = mid.num
        den = mid.den
        rates = self._rates
        rates.update(num, den, position, factor_ppm)
        bias = num * rates.bias
        bid = num * (den * rates.bid - bias)
        ask = num * (den * rates.ask - bias)
        step = num * den * rates.step
        unit = den * den * rates.unit
        lots = self._size_num * den // (self._size_den * num)
        bid_max = None if best_ask is None else best_ask - 1
        ask_min = None if best_bid is None else best_bid + 1
        if bid == ask and bid % unit == 0:
            meeting = bid // unit
            bid_max = meeting - 1 if bid_max is None else min(bid_max, meeting - 1)
            ask_min = meeting + 1 if ask_min is None else max(ask_min, meeting + 1)
        self._last = QuoteSet(
            mid,
            factor_ppm,
            position,
            self._bids(bid, step, unit, lots, bid_max),
            self._asks(ask, step, unit, lots, ask_min),
            best_bid,
            best_ask,
            num * rates.half_spread // (INWARD_SHARE * den * rates.rate_den),
        )
        return self._last

    def _bids(
        self, raw: int, step: int, unit: int, lots: int, ticks_max: int | None
    ) -> tuple[QuoteLevel, ...]:
        levels = []
        inner = None
        for level in self._levels:
            ticks = raw // unit
            raw -= step
            if ticks_max is not None and ticks > ticks_max:
                ticks = ticks_max
            verdict = _QUOTED if ticks != inner else Outcome.SAME_PRICE_AS_INNER_LEVEL
            inner = ticks
            if ticks * lots < self._min_notional_units or not lots or ticks < 1:
                verdict = _too_small(ticks, lots)
            levels.append(_new(QuoteLevel, (_BUY, level, ticks, lots, verdict)))
        return tuple(levels)

    def _asks(
        self, raw: int, step: int, unit: int, lots: int, ticks_min: int | None
    ) -> tuple[QuoteLevel, ...]:
        levels = []
        inner = None
        for level in self._levels:
            ticks = -(-raw // unit)
            raw += step
            if ticks_min is not None and ticks < ticks_min:
                ticks = ticks_min
            verdict = _QUOTED if ticks != inner else Outcome.SAME_PRICE_AS_INNER_LEVEL
            inner = ticks
            if ticks * lots < self._min_notional_units or not lots or ticks < 1:
                verdict = _too_small(ticks, lots)
            levels.append(_new(QuoteLevel, (_SELL, level, ticks, lots, verdict)))
        return tuple(levels)


def verdict_of(ticks: int, lots: int, inner: int | None, min_notional_units: int) -> Outcome:
    """The verdict on a level; `inner` is the price of the next inner one."""
    if ticks * lots < min_notional_units or not lots or ticks < 1:
        return _too_small(ticks, lots)
    return _QUOTED if ticks != inner else Outcome.SAME_PRICE_AS_INNER_LEVEL


def _too_small(ticks: int, lots: int) -> Outcome:
    if ticks < 1:
        return Outcome.PRICE_NOT_POSITIVE
    return Outcome.BELOW_MIN_NOTIONAL if lots else Outcome.ZERO_QUANTITY
