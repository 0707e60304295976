"""What a report tells: the figures of one subject (a backtest's run, or a symbol in a period) and their JSON.

Amounts are quote currency, exact until they are written. None: it cannot be known from the source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from market_maker.core.commands import RecordFill
from market_maker.core.instrument import EXACT
from market_maker.core.results import Parts, bps_of

if TYPE_CHECKING:  # a backtest needs no database
    from market_maker.repositories.fills import FillRecord

HORIZONS_MS = (100, 1_000, 10_000, 60_000)
WORST_FILLS = 10
WORST_HORIZONS_MS = (10_000, 1_000, 100)
"""A fill is judged by its markout after ten seconds; where it has none, by an earlier one."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Point:
    """Where the subject stood at a time."""

    at_us: int
    parts: Parts
    inventory_usdt: Decimal | None
    spread_bps: Decimal | None
    """Between our innermost orders; None unless both sides stood."""


@dataclass(frozen=True, slots=True)
class FillFigures:
    """One fill with what became of the price after it."""

    at_us: int
    side: str
    level: int | None
    price: Decimal
    quantity: Decimal
    fee: Decimal
    mid: Decimal | None
    markouts: dict[int, Decimal]
    """Quote currency, by horizon in ms; missing ones are not in it."""

    @classmethod
    def of(cls, fill: "RecordFill | FillRecord", at_us: int, markouts: dict[int, Decimal]) -> Self:
        """Of a fill that an engine has recorded, or the database."""
        side, level, price = fill.side.value, fill.level, fill.price
        return cls(at_us, side, level, price, fill.quantity, fill.fee, fill.mid, markouts)

    @property
    def notional(self) -> Decimal:
        """Its value."""
        return EXACT.multiply(self.price, self.quantity)

    @property
    def judged(self) -> Decimal | None:
        """What it was worth after a while."""
        return next((self.markouts[ms] for ms in WORST_HORIZONS_MS if ms in self.markouts), None)


@dataclass(frozen=True, slots=True)
class TimeShare:
    """Time spent in a state, quoting or with the reason why not; None: only the state is known."""

    state: str
    reason: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ObligationFigures:
    """How far an obligation was met."""

    programme: str
    required: float
    reached: float
    unit: str


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """What became of orders."""

    placed: int
    cancelled: int
    with_fills: int
    lifetimes_ms: tuple[float, ...] = ()
    """From acceptance to end, sorted."""
    ahead_usdt: tuple[float, ...] | None = None
    """Value before each order when it was accepted, sorted; None: no book of the time is at hand."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one section of a report is about."""

    name: str
    symbol: str
    source: str
    model: str | None
    config: dict[str, str]
    state: str
    state_reason: str
    began_us: int
    ended_us: int
    parts: Parts
    volume: Decimal
    fills: tuple[FillFigures, ...]
    orders: OrderFigures
    two_sided_share: float | None
    points: tuple[Point, ...]
    time: tuple[TimeShare, ...]
    presence: tuple[ObligationFigures, ...] = ()

    @property
    def position_std(self) -> Decimal | None:
        """The standard deviation of the position's value over the points."""
        values = [point.inventory_usdt for point in self.points if point.inventory_usdt is not None]
        return deviation(values) if values else None

    def summary(self) -> dict[str, Any]:
        """The line of figures by which subjects are compared, as `backtest --json` tells it."""
        count, orders = len(self.fills), self.orders
        std = self.position_std
        return {
            "config": self.name,
            "symbol": self.symbol,
            "capture": self.source,
            "model": self.model,
            "state": self.state,
            "pnl_usdt": {
                "total": plain(self.parts.total),
                "spread": plain(self.parts.spread),
                "inventory": plain(self.parts.inventory),
                "fees": plain(self.parts.fees),
            },
            "fills": count,
            "volume_usdt": plain(self.volume),
            "orders_placed": orders.placed,
            "fill_ratio": ratio(orders.with_fills, orders.placed),
            "cancels_per_fill": ratio(orders.cancelled, count),
            "two_sided_share": None if self.two_sided_share is None else round(self.two_sided_share, 6),
            "position_usdt_std": None if std is None else plain(std),
            "markout_bps": {
                f"{ms / 1000:g}": None if (bps := markout_bps(self.fills, ms)) is None else plain(bps)
                for ms in HORIZONS_MS
            },
        }

    def worst_fills(self) -> list[FillFigures]:
        """Those that lost most, the worst first."""
        judged = [(fill.judged, index) for index, fill in enumerate(self.fills) if fill.judged is not None]
        return [self.fills[index] for _, index in sorted(judged)[:WORST_FILLS]]


def markout_bps(fills: Sequence[FillFigures], horizon_ms: int) -> Decimal | None:
    """What all these fills were worth after a while, in 1/10000 of their value; None without any."""
    known = [fill for fill in fills if horizon_ms in fill.markouts]
    notional = sum((fill.notional for fill in known), ZERO)
    if not notional:
        return None
    return bps_of(sum((fill.markouts[horizon_ms] for fill in known), ZERO), notional)


def deviation(values: Sequence[Decimal]) -> Decimal:
    """The standard deviation, to eight decimals, half even."""
    count = Decimal(len(values))
    mean = EXACT.divide(sum(values, ZERO), count)
    squares = sum((EXACT.power(EXACT.subtract(value, mean), 2) for value in values), ZERO)
    return EXACT.sqrt(EXACT.divide(squares, count)).quantize(Decimal("1e-8"))


def plain(value: Decimal) -> str:
    """In full, without an exponent or needless zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def ratio(part: int, whole: int) -> float | None:
    """Rounded to six places; None of nothing."""
    return round(part / whole, 6) if whole else None
