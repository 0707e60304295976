"""The figures of one run, as the last line of `backtest --json` tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from market_maker.core.instrument import EXACT
from tradex_backtest.run import Run
from tradex_backtest.track import Sample, Track

HORIZONS_S: Final = ("0.1", "1", "10", "60")
STEP: Final = Decimal("1e-8")
"""Means and deviations are rounded to this, half to even."""
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run that is over; amounts in quote currency."""

    config: str
    capture: str
    symbol: str
    model: str
    state: str
    state_reason: str
    pnl: Decimal
    volume: Decimal
    orders_placed: int
    orders_cancelled: int
    active_ns: int
    two_sided_ns: int
    track: "Facts"

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        fills = self.track.fills
        return {
            "config": self.config,
            "symbol": self.symbol,
            "capture": self.capture,
            "model": self.model,
            "state": self.state,
            "pnl_usdt": {"total": plain(self.pnl), "spread": None, "inventory": None, "fees": None},
            "fills": fills,
            "volume_usdt": plain(self.volume),
            "orders_placed": self.orders_placed,
            "cancels_per_fill": _ratio(self.orders_cancelled, fills),
            "two_sided_share": _ratio(self.two_sided_ns, self.active_ns),
            "position_usdt_std": plain(self.track.position_std),
            "markout_bps": dict.fromkeys(HORIZONS_S),
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What the track of a run comes to."""

    fills: int
    position_std: Decimal


def result_of(config: str, capture: str, run: Run) -> RunResult:
    """The figures of a finished run."""
    symbol, stats = run.engine.symbol, run.engine.symbol.stats
    return RunResult(
        config,
        capture,
        symbol.name,
        symbol.config.model,
        symbol.state.value,
        symbol.state_reason,
        symbol.total_pnl,
        symbol.inventory.to_row().volume,
        stats.orders_placed,
        stats.orders_cancelled,
        stats.active_ns,
        stats.two_sided_ns,
        _facts(run.track),
    )


def _facts(track: Track) -> Facts:
    return Facts(len(track.fills), _deviation(track.samples))


def _deviation(samples: Sequence[Sample]) -> Decimal:
    """The standard deviation of the position's value over the seconds of the run."""
    values = [sample.inventory for sample in samples if sample.inventory is not None]
    if not values:
        return ZERO
    mean = EXACT.divide(sum(values, ZERO), Decimal(len(values)))
    squares = sum((EXACT.power(EXACT.subtract(value, mean), 2) for value in values), ZERO)
    return EXACT.sqrt(EXACT.divide(squares, Decimal(len(values)))).quantize(STEP)


def plain(value: Decimal) -> str:
    """In full, without an exponent or needless zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
