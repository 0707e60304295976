"""The coefficients of the quoting formula as integers, brought up to date only where an input changed.

With m = num/den the mid in ticks, h the half spread and g the level spacing as fractions of the mid,
and b = inventory norm * skew:

    bid[k] = m * (1 - h - h*b - g*k)        ask[k] = m * (1 + h - h*b + g*k)

b itself is proportional to m until the inventory reaches the maximum position, and constant beyond.
Over one common denominator both cases take the same form, in which everything but num and den
depends on the configuration, the position and the volatility factor only:

    bid[k] = num * (den * bid - num * bias - k * den * step) / (den * den * unit)
    ask[k] = num * (den * ask - num * bias + k * den * step) / (den * den * unit)
"""

from decimal import Decimal
from math import lcm

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.pricing.volatility import FACTOR_ONE_PPM

_FACTOR_NONE = 0
"""No volatility factor is 0: the coefficients are out of date."""


class QuoteRates:
    """The coefficients `bid`, `ask`, `bias`, `step` and `unit` for what was last given to `update`.

    Raises ValueError, naming the field, when the configuration cannot be quoted.
    """

    __slots__ = (
        "_at_limit",
        "_factor_ppm",
        "_half_spread",
        "_norm_den",
        "_norm_num",
        "_position",
        "_skew_den",
        "_skew_num",
        "_spacing",
        "_unit_norm_den",
        "_unit_norm_num",
        "ask",
        "bias",
        "bid",
        "half_spread",
        "rate_den",
        "step",
        "unit",
    )

    def __init__(self, config: SymbolConfig, instrument: Instrument) -> None:
        _check(config)
        spread_num, spread_den = config.base_spread_bps.as_integer_ratio()
        spread_den *= 2 * 10_000 * FACTOR_ONE_PPM
        spacing_num, spacing_den = config.level_spacing_bps.as_integer_ratio()
        spacing_den *= 10_000
        self.rate_den = lcm(spread_den, spacing_den)
        self._half_spread = spread_num * (self.rate_den // spread_den)
        """h at a volatility factor of one millionth, over `rate_den`."""
        self._spacing = spacing_num * (self.rate_den // spacing_den)
        """g, over `rate_den`."""
        self._skew_num, self._skew_den = config.inventory_skew_factor.as_integer_ratio()
        tick_num, tick_den = instrument.tick_size.as_integer_ratio()
        limit_num, limit_den = config.max_position_usdt.as_integer_ratio()
        self._unit_norm_num = tick_num * limit_den
        self._unit_norm_den = tick_den * limit_num
        """Inventory norm, not clamped, of one base unit at a mid of one tick."""
        self._position: Decimal | None = None
        self._norm_num = 0
        self._norm_den = 0
        """Inventory norm, not clamped, of the position at a mid of one tick."""
        self._factor_ppm = _FACTOR_NONE
        self._at_limit = False
        self.bid = self.ask = self.bias = self.step = self.unit = 0
        self.half_spread = 0
        """h, over `rate_den`."""

    def update(self, num: int, den: int, position: Decimal, factor_ppm: int) -> None:
        """Make the coefficients fit a mid of num/den ticks and a signed position in base currency."""
        if position is not self._position and position != self._position:
            self._take_position(position)
        at_limit = abs(self._norm_num) * num > self._norm_den * den
        if factor_ppm != self._factor_ppm or at_limit is not self._at_limit:
            self._factor_ppm = factor_ppm
            self._at_limit = at_limit
            self._combine()

    def _take_position(self, position: Decimal) -> None:
        position_num, position_den = position.as_integer_ratio()
        self._norm_num = position_num * self._unit_norm_num
        self._norm_den = position_den * self._unit_norm_den
        self._position = position
        self._factor_ppm = _FACTOR_NONE

    def _combine(self) -> None:
        half_spread = self._half_spread * self._factor_ppm
        self.half_spread = half_spread
        norm_num = self._norm_num
        if self._at_limit or not norm_num:
            scale = self._skew_den
            direction = (norm_num > 0) - (norm_num < 0)
            constant = direction * self._skew_num * half_spread
            self.bias = 0
        else:
            scale = self._norm_den * self._skew_den
            constant = 0
            self.bias = norm_num * self._skew_num * half_spread
        self.bid = scale * (self.rate_den - half_spread) - constant
        self.ask = scale * (self.rate_den + half_spread) - constant
        self.step = scale * self._spacing
        self.unit = scale * self.rate_den


def _check(config: SymbolConfig) -> None:
    for name in (
        "base_spread_bps",
        "inventory_skew_factor",
        "level_spacing_bps",
        "max_position_usdt",
        "order_size_usdt",
    ):
        value: Decimal = getattr(config, name)
        if not value.is_finite() or value < 0:
            raise ValueError(f"{config.symbol}: {name} must be a number and not negative, got {value}")
    if config.num_levels < 1:
        raise ValueError(f"{config.symbol}: num_levels must be at least 1, got {config.num_levels}")
