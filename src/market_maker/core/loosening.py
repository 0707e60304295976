"""Which changes of a configuration let a symbol risk more: what a second person has to approve.

One entry a field. A field without an entry counts as risking more whenever it changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from market_maker.core.config import SymbolConfig


class Riskier(Enum):
    """Which way a field's value goes when the symbol may risk more."""

    UP = "up"
    DOWN = "down"
    ON = "on"
    OFF = "off"
    UP_OR_OFF = "up, or to 0, which is no limit at all"
    ANY = "any change"
    """Neither way is known to be the safe one."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field is judged, and why."""

    riskier: Riskier
    why: str
    is_limit: bool = False
    """A limit has an owner, who alone may raise it."""


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "symbol": Rule(Riskier.NEVER, "it never changes"),
        "enabled": Rule(Riskier.ON, "the symbol may quote"),
        "base_spread_bps": Rule(Riskier.DOWN, "quotes stand nearer to the mid"),
        "order_size_usdt": Rule(Riskier.UP, "an order trades more"),
        "inventory_skew_factor": Rule(Riskier.ANY, "less keeps inventory, more sells it nearer to the mid"),
        "max_position_usdt": Rule(Riskier.UP, "a larger inventory", is_limit=True),
        "max_loss_usdt": Rule(Riskier.UP, "a larger loss", is_limit=True),
        "volatility_multiplier": Rule(Riskier.OFF, "volatility widens the spread no more"),
        "num_levels": Rule(Riskier.UP, "more orders stand in the market"),
        "level_spacing_bps": Rule(Riskier.DOWN, "outer levels stand nearer to the mid"),
        "check_staleness": Rule(Riskier.OFF, "an old book is quoted from"),
        "staleness_threshold_ms": Rule(Riskier.UP, "an older book is quoted from"),
        "quote_interval_ms": Rule(Riskier.UP, "quotes follow the market later"),
        "price_threshold_bps": Rule(Riskier.UP, "orders stay further from their targets"),
        "position_headroom_pct": Rule(Riskier.DOWN, "new orders come nearer to the position limit"),
        "reference_min_notional_usdt": Rule(Riskier.ANY, "it decides which levels make the mid"),
        "mark_divergence_bps": Rule(Riskier.UP, "quotes go on further from the mark price"),
        "resume_on_clean_handover": Rule(Riskier.ON, "another instance goes on quoting by itself"),
        "model": Rule(Riskier.ANY, "another formula makes the prices"),
        "model_parameters": Rule(Riskier.ANY, "the formula makes other prices"),
        "fair_value": Rule(Riskier.ANY, "quotes stand around another price"),
        "size_skew_eta": Rule(Riskier.DOWN, "orders that add to the position are larger"),
        "maker_fee_bps": Rule(Riskier.DOWN, "quotes may stand nearer to the fair value"),
        "min_edge_bps": Rule(Riskier.DOWN, "quotes may stand nearer to the fair value"),
        "fill_pause_ms": Rule(Riskier.DOWN, "a side is quoted again sooner after its fill"),
        "fill_burst_quantity": Rule(Riskier.UP_OR_OFF, "more fills before quoting stops"),
        "fill_burst_usdt": Rule(Riskier.UP_OR_OFF, "more fills before quoting stops"),
        "fill_burst_window_ms": Rule(Riskier.DOWN, "fewer fills count as a burst"),
        "fill_burst_pause_ms": Rule(Riskier.DOWN, "quoting goes on sooner after a burst"),
    }
)

_UNKNOWN: Final = Rule(Riskier.ANY, "it has no rule")


def loosened(before: SymbolConfig, after: SymbolConfig) -> tuple[str, ...]:
    """The fields by whose change the symbol may risk more; empty: the change waits for nobody."""
    return tuple(
        field.name
        for field in fields(SymbolConfig)
        if _risks_more(
            RULES.get(field.name, _UNKNOWN).riskier, getattr(before, field.name), getattr(after, field.name)
        )
    )


def raised_limits(before: SymbolConfig, after: SymbolConfig) -> tuple[str, ...]:
    """Those of them that are limits with an owner."""
    return tuple(name for name in loosened(before, after) if RULES.get(name, _UNKNOWN).is_limit)


def _risks_more(riskier: Riskier, before: Any, after: Any) -> bool:
    match riskier:
        case Riskier.UP:
            return bool(after > before)
        case Riskier.DOWN:
            return bool(after < before)
        case Riskier.ON:
            return bool(after and not before)
        case Riskier.OFF:
            return bool(before and not after)
        case Riskier.UP_OR_OFF:
            return bool(before and (after > before or not after))
        case Riskier.ANY:
            return bool(after != before)
        case Riskier.NEVER:
            return False
