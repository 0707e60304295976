"""What a seed fixes of a fleet, and what goes wrong with it."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from market_maker.core.config import SymbolConfig
from simulation.decisions import Decision, Kind

FAULTY_MS: Final = 20_000
QUIET_MS: Final = 2_500
SYMBOLS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")
"""Each on a partition of its own."""

_WEIGHTS: Final = {
    Kind.CRASH: 8,
    Kind.STALL: 16,
    Kind.TERMINATE: 5,
    Kind.DB_DOWN: 10,
    Kind.OWNER_LOST: 10,
    Kind.REVOKE: 16,
    Kind.OUTAGE: 4,
    Kind.KILL: 16,
    Kind.PAUSE: 4,
}
"""`symbol` chooses a symbol, `count` an instance; REVOKE distributes the partitions anew."""
_MILLISECONDS: Final = {
    Kind.STALL: (200, 900, 1_500, 2_200, 3_500, 6_000),
    Kind.DB_DOWN: (200, 700, 1_500, 4_000),
    Kind.OWNER_LOST: (50, 500, 1_500, 4_000),
    Kind.OUTAGE: (200, 1_000, 2_500),
    Kind.CRASH: (300, 1_500, 4_000),
    Kind.TERMINATE: (300, 1_500, 4_000),
}


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The benign part of a run."""

    seed: int
    symbols: tuple[str, ...]
    instances: int
    is_eager: bool
    """The whole group gives everything up at each change."""
    goes_on: tuple[bool, ...]
    """Which symbols the desk lets go on by themselves after a clean hand-over."""
    trades: bool
    """Whether anybody trades with them; else only states are recorded."""
    is_quiet: bool
    """The market stands still, so that nothing but a rule makes an order leave."""

    def configs(self) -> dict[str, SymbolConfig]:
        """By symbol."""
        return {
            symbol: SymbolConfig(
                symbol,
                enabled=True,
                base_spread_bps=Decimal(8),
                volatility_multiplier=False,
                price_threshold_bps=Decimal(0),
                resume_on_clean_handover=goes_on,
            )
            for symbol, goes_on in zip(self.symbols, self.goes_on, strict=True)
        }


def fleet_plan_of(seed: int) -> FleetPlan:
    """The plan of a seed."""
    rng = Random(f"fleet plan:{seed}")
    symbols = SYMBOLS[: rng.choice((1, 2, 3, 4))]
    goes_on = tuple(rng.random() < 0.8 for _ in symbols)
    instances, is_eager = rng.choice((2, 2, 3)), rng.random() < 0.25
    return FleetPlan(seed, symbols, instances, is_eager, goes_on, seed % 5 != 4, seed % 4 == 2)


def fleet_script_of(seed: int) -> tuple[Decision, ...]:
    """The decisions of a seed, in order of time. A kill often comes with a hand-over."""
    rng = Random(f"fleet script:{seed}")
    kinds, weights = tuple(_WEIGHTS), tuple(_WEIGHTS.values())
    decisions = []
    for kind in rng.choices(kinds, weights, k=rng.choice((4, 8, 16))):
        at_ms = rng.randrange(QUIET_MS, FAULTY_MS)
        value = rng.choice(_MILLISECONDS.get(kind, (0,)))
        symbol = rng.randrange(len(SYMBOLS))
        decisions.append(Decision(at_ms, kind, symbol, value=value, count=rng.randrange(4)))
        if kind is Kind.REVOKE and rng.random() < 0.5:
            later_ms = at_ms + rng.randrange(300)
            decisions.append(Decision(later_ms, Kind.KILL, symbol, count=rng.randrange(4)))
    return tuple(sorted(decisions, key=lambda decision: decision.at_ms))
