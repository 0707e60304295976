"""Position and P&L of one symbol: the fold of its fills at average cost.

At every step, exactly: realized - open cost = -(sum of signed price * quantity) - fees. The cost that a
reducing fill takes out of the open position is rounded; what is rounded away stays in the open cost,
so nothing is lost between realized and unrealized. Beside them the same fills make the result's three parts
(`attribution`).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from market_maker.core.commands import PositionRow
from market_maker.core.events import Execution
from market_maker.core.instrument import EXACT
from market_maker.core.ledger.attribution import Attribution
from market_maker.core.results import Parts
from market_maker.core.side import Side

COST_STEP = Decimal("1e-18")
"""The open cost that a reducing fill removes is rounded to this (quote currency, half even)."""

_ZERO = Decimal(0)


class Inventory:
    """A position at average cost. Amounts are quote currency, the position signed base currency."""

    __slots__ = ("_attribution", "_fees", "_fill_count", "_open_cost", "_position", "_realized", "_volume")

    def __init__(self) -> None:
        self._position = _ZERO
        self._open_cost = _ZERO
        self._realized = _ZERO
        self._fees = _ZERO
        self._fill_count = 0
        self._volume = _ZERO
        self._attribution = Attribution()

    @classmethod
    def from_row(cls, row: PositionRow) -> "Inventory":
        """The inventory that `row` stores."""
        inventory = cls()
        inventory._position = row.position
        inventory._open_cost = row.open_cost
        inventory._realized = row.realized_pnl
        inventory._fees = row.fees
        inventory._fill_count = row.fill_count
        inventory._volume = row.volume
        inventory._attribution = Attribution(row.spread_capture, row.inventory_pnl, row.worth)
        return inventory

    def to_row(self) -> PositionRow:
        """The inventory as it is stored."""
        return PositionRow(
            position=self._position,
            open_cost=self._open_cost,
            realized_pnl=self._realized,
            fees=self._fees,
            fill_count=self._fill_count,
            volume=self._volume,
            spread_capture=self._attribution.spread,
            inventory_pnl=self._attribution.inventory,
            worth=self._attribution.worth,
        )

    def apply(
        self, side: Side, price: Decimal, quantity: Decimal, fee: Decimal, mid: Decimal | None = None
    ) -> None:
        """Count one fill, exactly once; ValueError when it cannot be one.

        `mid` is the price that values the position at that moment; None while there is none.
        """
        _check(price, quantity, fee)
        before = self._attribution.moved(self._worth(mid))
        closing = _ZERO
        if self._position and (self._position > 0) is (side is Side.SELL):
            closing = min(quantity, EXACT.abs(self._position))
        notional = EXACT.multiply(price, quantity)
        if closing:
            self._close(side, price, closing)
        if closing != quantity:
            self._open(side, price, EXACT.subtract(quantity, closing))
        self._realized = EXACT.subtract(self._realized, fee)
        self._fees = EXACT.add(self._fees, fee)
        self._volume = EXACT.add(self._volume, notional)
        self._fill_count += 1
        self._attribution = before.filled(side, price, quantity, mid, self._worth(mid))

    def after(self, fill: Execution, mid: Decimal | None) -> "Inventory":
        """The inventory with one more fill in it, beside this one; ValueError when it cannot be one."""
        after = Inventory.from_row(self.to_row())
        after.apply(fill.side, fill.price, fill.quantity, fill.fee, mid)
        return after

    def _open(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        signed = quantity if side is Side.BUY else EXACT.minus(quantity)
        self._position = EXACT.add(self._position, signed)
        self._open_cost = EXACT.fma(signed, price, self._open_cost)

    def _close(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Take `quantity`, at most the whole position, out of it."""
        signed = quantity if side is Side.BUY else EXACT.minus(quantity)
        left = EXACT.add(self._position, signed)
        cost = self._open_cost
        if left:
            share = EXACT.divide(EXACT.multiply(cost, quantity), EXACT.abs(self._position))
            cost = share.quantize(COST_STEP, ROUND_HALF_EVEN, EXACT)
        self._open_cost = EXACT.subtract(self._open_cost, cost)
        self._position = left
        proceeds = EXACT.minus(EXACT.multiply(signed, price))
        self._realized = EXACT.add(self._realized, EXACT.subtract(proceeds, cost))

    @property
    def position(self) -> Decimal:
        """Signed, base currency."""
        return self._position

    @property
    def average_entry(self) -> Decimal | None:
        """Average entry price, rounded half even to COST_STEP; None when flat."""
        if not self._position:
            return None
        entry = EXACT.divide(self._open_cost, self._position)
        return entry.quantize(COST_STEP, ROUND_HALF_EVEN, EXACT)

    @property
    def realized(self) -> Decimal:
        """Realized P&L, fees subtracted."""
        return self._realized

    @property
    def fill_count(self) -> int:
        """How many fills are counted."""
        return self._fill_count

    def value(self, price: Decimal) -> Decimal:
        """The inventory: the position valued at `price`, signed."""
        return EXACT.multiply(self._position, price)

    def unrealized(self, price: Decimal) -> Decimal:
        """What closing the position at `price` would realize, before fees."""
        return EXACT.subtract(self.value(price), self._open_cost)

    def parts(self, mid: Decimal | None) -> Parts:
        """What all fills so far came from, the position valued at `mid`; without one, at what it cost."""
        now = self._attribution.moved(self._worth(mid))
        return Parts(now.spread, now.inventory, self._fees)

    def _worth(self, mid: Decimal | None) -> Decimal:
        return self._open_cost if mid is None else self.value(mid)


def _check(price: Decimal, quantity: Decimal, fee: Decimal) -> None:
    for name, value in (("price", price), ("quantity", quantity)):
        if not value.is_finite() or value <= 0:
            raise ValueError(f"fill: {name} must be a positive number, got {value}")
    if not fee.is_finite():
        raise ValueError(f"fill: fee must be a number, got {fee}")
