"""What the desk sets per symbol, and what the service sets for all of them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class FairValue(Enum):
    """What quotes are computed from; others' orders only."""

    MID = "mid"
    SIZE_WEIGHTED_MID = "size_weighted_mid"
    """Between the best prices, nearer to the one with less behind it."""


@dataclass(frozen=True, slots=True)
class SymbolConfig:
    """One row of `mm_configs`; the defaults are those of the user's document.

    Amounts in `_usdt` are quote currency, `_bps` are 1/10000 of the price, `_ms` milliseconds.
    """

    symbol: str
    enabled: bool = False
    base_spread_bps: Decimal = Decimal("10.0")
    order_size_usdt: Decimal = Decimal("100.0")
    inventory_skew_factor: Decimal = Decimal("0.5")
    max_position_usdt: Decimal = Decimal("10000.0")
    max_loss_usdt: Decimal = Decimal("500.0")
    volatility_multiplier: bool = True
    num_levels: int = 1
    level_spacing_bps: Decimal = Decimal("5.0")
    check_staleness: bool = False
    staleness_threshold_ms: Decimal = Decimal("1000.0")
    quote_interval_ms: Decimal = Decimal("100.0")
    price_threshold_bps: Decimal = Decimal("5.0")
    position_headroom_pct: Decimal = Decimal("5.0")
    """Share of `max_position_usdt` that new risk leaves free: a move of the price alone is then no kill."""
    reference_min_notional_usdt: Decimal = Decimal("0.0")
    """Levels of others worth less than this do not count for the reference mid."""
    mark_divergence_bps: Decimal = Decimal("200.0")
    """No quote while the mid and a fresh mark price differ by more than this."""
    resume_on_clean_handover: bool = False
    """Go on ACTIVE at the instance that takes the symbol over in an orderly way; never after a kill."""
    model: str = "linear_skew"
    """The quoting model, one of `core.pricing.models.registry`."""
    model_parameters: tuple[tuple[str, Decimal], ...] = ()
    """Those of its parameters that were given, by name and sorted; the others have the model's defaults."""
    fair_value: FairValue = FairValue.MID
    """The price around which quotes stand. Limits and P&L are always reckoned with the mid."""
    size_skew_eta: Decimal = Decimal("0.0")
    """With a position of q order sizes, orders that add to it are e^(-eta q) as large; 0: all alike."""
    maker_fee_bps: Decimal = Decimal("0.0")
    """What the exchange takes of a fill of ours; negative: what it gives."""
    min_edge_bps: Decimal = Decimal("0.0")
    """No quote nearer to the fair value than the fee and this; not while their sum is 0 or less."""
    fill_pause_ms: Decimal = Decimal("0.0")
    """After a fill its side is not quoted for so long."""
    fill_burst_quantity: Decimal = Decimal("0.0")
    """Nothing is quoted while more than this, base currency, filled within the window; 0: no limit."""
    fill_burst_usdt: Decimal = Decimal("0.0")
    """The same by value."""
    fill_burst_window_ms: Decimal = Decimal("1000.0")
    fill_burst_pause_ms: Decimal = Decimal("10000.0")
    """How long nothing is quoted after the last fill that was within a burst."""


TRADE_KEYS_MAX = 10_000
"""Executions remembered to recognise repeats, 216 bytes each; older ones are told by their place (`applied`).

With 200,000 a process of 200 symbols would grow for months, to nine gigabytes.
"""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """The service-wide settings that an engine needs; durations in nanoseconds."""

    quote_update_interval_ns: int = 100_000_000
    max_orders_per_second: int = 10
    market_data_staleness_ns: int = 5_000_000_000
    kafka_lag_threshold_ns: int = 10_000_000_000
    reject_storm_count: int = 5
    reject_storm_window_ns: int = 60_000_000_000
    response_timeout_ns: int = 50_000_000
    journal_lag_threshold_ns: int = 5_000_000_000
    price_collar_bps: Decimal = Decimal(500)
    max_order_notional_usdt: Decimal = Decimal(100_000)
    """Beside it no order is worth more than ten times the symbol's `order_size_usdt`."""
    house_limits: bool = False
    """Whether there are limits over all symbols, which somebody measures."""
    shadow_mode: bool = False
    trade_keys_max: int = TRADE_KEYS_MAX
