"""Our own fold of fills, by another way than the core's: sums only."""

from collections.abc import Iterable
from decimal import Context, Decimal

from market_maker.core.commands import PositionRow, RecordFill
from market_maker.core.side import Side
from simulation.violation import Violation

_EXACT = Context(prec=60)


class Ledger:
    """The fills that were counted, and what they add up to."""

    def __init__(self) -> None:
        self.keys: set[tuple[str, Side]] = set()
        self.position = self.cash = self.fees = self.volume = Decimal(0)

    @classmethod
    def of(cls, fills: Iterable[RecordFill]) -> "Ledger":
        """The ledger of a history."""
        ledger = cls()
        for fill in fills:
            ledger.add("", fill)
        return ledger

    def add(self, symbol: str, fill: RecordFill) -> None:
        """One more fill."""
        key = (fill.trade_id, fill.side)
        if key in self.keys:
            raise Violation(8, f"{symbol}: {fill.trade_id} {fill.side.value} counted twice")
        self.keys.add(key)
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        self.position = _EXACT.add(self.position, signed)
        self.cash = _EXACT.subtract(self.cash, _EXACT.multiply(signed, fill.price))
        self.fees = _EXACT.add(self.fees, fill.fee)
        self.volume = _EXACT.add(self.volume, _EXACT.multiply(fill.quantity, fill.price))

    def compare(self, symbol: str, row: PositionRow) -> None:
        """Whether a position is the fold of these fills."""
        gained = _EXACT.subtract(row.realized_pnl, row.open_cost)
        here = (len(self.keys), self.position, self.fees, self.volume, _EXACT.subtract(self.cash, self.fees))
        there = (row.fill_count, row.position, row.fees, row.volume, gained)
        if here != there:
            raise Violation(8, f"{symbol}: the position is {there}, its fills make {here}")
