"""Where the result of a symbol comes from: spread capture, inventory, fees. Exact at every step.

The ledger's total (realized plus unrealized) is cash plus what the position is worth: its quantity times the
price at which the ledger values it (`Symbol.valuation`), or what it cost while no price is known.

- A fill at a known price captures `side * quantity * (mid - price)`.
- Whatever else changes what the position is worth is inventory: `position * (mid now - mid before)`, whether
  the price moved or the ledger values by another one (book, mark, last trade).
- A fill before any price is known captures nothing. Until one is known the position is worth what it cost, so
  what such a fill realizes, and the step from cost to the first price, are inventory.

Between two fills the position stands still, so the sum of its price moves is one product: it is taken at the
next fill, and at any moment for whoever looks.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from market_maker.core.instrument import EXACT
from market_maker.core.side import Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Spread capture and inventory up to the last fill, quote currency."""

    spread: Decimal = ZERO
    inventory: Decimal = ZERO
    worth: Decimal = ZERO
    """What the position was worth right after the last fill."""

    def moved(self, worth: Decimal) -> Self:
        """The position that stands is worth something else now."""
        drift = EXACT.subtract(worth, self.worth)
        return type(self)(self.spread, EXACT.add(self.inventory, drift), worth)

    def filled(
        self, side: Side, price: Decimal, quantity: Decimal, mid: Decimal | None, worth: Decimal
    ) -> Self:
        """After a fill, once `moved` has brought the position up to date; `worth` is that of the new one."""
        signed = quantity if side is Side.BUY else EXACT.minus(quantity)
        if mid is not None:
            captured = EXACT.multiply(signed, EXACT.subtract(mid, price))
            return type(self)(EXACT.add(self.spread, captured), self.inventory, worth)
        grown = EXACT.subtract(worth, self.worth)
        drift = EXACT.subtract(grown, EXACT.multiply(signed, price))
        return type(self)(self.spread, EXACT.add(self.inventory, drift), worth)
