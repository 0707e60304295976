"""Our own sum of the result's three parts: step by step, as their definition says."""

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Self

from market_maker.core.commands import RecordFill
from market_maker.core.engine.symbol import Symbol
from market_maker.core.results import Parts
from market_maker.core.side import Side
from simulation.violation import Violation

_EXACT = Context(prec=60)


class Earnings:
    """Spread capture, inventory and fees since the first fill."""

    def __init__(self) -> None:
        self._spread = self._inventory = self._fees = Decimal(0)
        self._position = self._open_cost = self._worth = Decimal(0)

    @classmethod
    def of(cls, fills: Iterable[RecordFill]) -> Self:
        """What is known when a process begins: the stored fills."""
        earnings = cls()
        for fill in fills:
            earnings.take(fill)
        return earnings

    def take(self, fill: RecordFill) -> None:
        """One more fill, at the price that valued the position."""
        if fill.after is None:
            return
        self._move(fill.mid)
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        self._position, self._open_cost = fill.after.position, fill.after.open_cost
        before, self._worth = self._worth, self._valued(fill.mid)
        if fill.mid is None:
            self._inventory = _EXACT.add(self._inventory, self._worth - before - signed * fill.price)
        else:
            self._spread = _EXACT.add(self._spread, signed * (fill.mid - fill.price))
        self._fees = _EXACT.add(self._fees, fill.fee)

    def compare(self, symbol: Symbol) -> None:
        """After every step: each part is the sum of its steps, and together they are the ledger's total."""
        valuation = symbol.valuation
        self._move(None if valuation is None else valuation.price)
        parts, own = symbol.gross_parts, Parts(self._spread, self._inventory, self._fees)
        if parts != own:
            raise Violation(18, f"{symbol.name}: the result comes from {parts}, its steps make {own}")
        if symbol.parts.total != symbol.total_pnl:
            raise Violation(18, f"{symbol.name}: {symbol.parts} is not the total {symbol.total_pnl}")

    def _move(self, mid: Decimal | None) -> None:
        before, self._worth = self._worth, self._valued(mid)
        self._inventory = _EXACT.add(self._inventory, self._worth - before)

    def _valued(self, mid: Decimal | None) -> Decimal:
        return self._open_cost if mid is None else _EXACT.multiply(self._position, mid)
