"""What a symbol earned, and how the price went on after its fills. What may live here: frozen records.

They are made in `ledger/`, and are commands, views and rows elsewhere.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

from market_maker.core.instrument import EXACT
from market_maker.core.side import Side

BPS_STEP = Decimal("0.0001")
"""Markouts in bps are rounded to this, half even; in quote currency they are exact."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The three parts of a result, quote currency; together they are its total."""

    spread: Decimal = Decimal(0)
    inventory: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    """Paid; negative when rebates exceed them."""

    @property
    def total(self) -> Decimal:
        """Spread capture plus inventory minus fees."""
        return EXACT.subtract(EXACT.add(self.spread, self.inventory), self.fees)

    def since(self, baseline: "Parts") -> "Parts":
        """What has come about since these parts stood at `baseline`."""
        return Parts(
            EXACT.subtract(self.spread, baseline.spread),
            EXACT.subtract(self.inventory, baseline.inventory),
            EXACT.subtract(self.fees, baseline.fees),
        )


NOTHING = Parts()


class Missing(Enum):
    """Why a fill has no markout at a horizon."""

    HALTED = "HALTED"
    """A halted symbol does not follow the market."""
    LATE = "LATE"
    """The fill was heard of after that time."""
    NO_MID = "NO_MID"
    """No valid book, or none with a mid."""
    OVERFLOW = "OVERFLOW"
    """More fills were waiting than are kept."""
    RESTART = "RESTART"
    """No process ran at that time."""
    STALE = "STALE"
    """The book's data was too old."""
    UNCERTAIN = "UNCERTAIN"
    """The best price of a side might have been ours alone."""


@dataclass(frozen=True, slots=True)
class Markout:
    """What a fill was worth a while later: `mid` is the reference mid then, None when it is missing."""

    trade_id: str
    side: Side
    level: int | None
    """None when its order was not known."""
    price: Decimal
    quantity: Decimal
    horizon_ms: int
    mid: Decimal | None
    missing: Missing | None = None

    @property
    def usdt(self) -> Decimal | None:
        """`side * quantity * (mid - price)`: quote currency, exact."""
        if self.mid is None:
            return None
        gained = EXACT.multiply(self.quantity, EXACT.subtract(self.mid, self.price))
        return gained if self.side is Side.BUY else EXACT.minus(gained)

    @property
    def bps(self) -> Decimal | None:
        """`side * (mid - price)` in 1/10000 of the price."""
        usdt = self.usdt
        return None if usdt is None else bps_of(usdt, EXACT.multiply(self.price, self.quantity))


def bps_of(amount: Decimal, notional: Decimal) -> Decimal:
    """An amount in 1/10000 of a notional."""
    return EXACT.divide(EXACT.multiply(amount, Decimal(10_000)), notional).quantize(BPS_STEP, ROUND_HALF_EVEN)
