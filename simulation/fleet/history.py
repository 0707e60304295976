"""What the fleet has stored of its trading: orders, fills, positions, and a checkpoint of each symbol's fold.

The rows and the rules of their statements are those of the campaign of one instance (`simulation.store`). A
start folds as the service's does: the checkpoint and the fills since, or all of them where that does not come
to the stored position.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from market_maker.core import commands as cmd
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.fold import Fold
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.repositories.fills import FoldedFill
from simulation.store import Entry, Store


class FleetHistory:
    """Every change is one transaction, at the moment at which it is called."""

    def __init__(self, configs: Iterable[SymbolConfig]) -> None:
        self.store = Store(configs)
        self._checkpoints: dict[str, Fold] = {}

    def write(self, symbol: str, records: Sequence[cmd.Record]) -> None:
        """Store the records of one step."""
        self.store.write([Entry(symbol, tuple(records))])

    def fills_after(self, symbol: str, last_id: int) -> list[FoldedFill]:
        """A symbol's fills above an id, in the order of writing; the first is 1."""
        return [
            FoldedFill(number, fill.side, fill.price, fill.quantity, fill.fee, fill.order_id, fill.mid)
            for number, fill in enumerate(self.store.fills_of(symbol), 1)
            if number > last_id
        ]

    def whole(self, symbol: str) -> Fold:
        """The fold of every fill."""
        return self._go_on(Fold(), symbol)

    def checkpointed(self, symbol: str) -> Fold:
        """The fold as it was last written down; an empty one where it never was."""
        kept = self._checkpoints.get(symbol)
        return Fold() if kept is None else Fold.from_json(kept.last_id, kept.to_json())

    def checkpoint(self, symbol: str) -> None:
        """Write the fold down."""
        self._checkpoints[symbol] = self._go_on(self.checkpointed(symbol), symbol)

    def fold(self, symbol: str) -> Fold:
        """What a start begins with."""
        fold = self._go_on(self.checkpointed(symbol), symbol)
        stored = self.store.positions.get(symbol)
        return fold if stored is None or stored == fold.position else self.whole(symbol)

    def restore(self, instrument: Instrument, ids: IdSeed) -> tuple[Restored, tuple[Order, ...]]:
        """What an engine starts from, and the orders that were not final."""
        fold = self.fold(instrument.symbol)
        restored, orders = self.store.restore(instrument, ids)
        filled = tuple(fold.filled.items())
        return replace(restored, inventory=fold.inventory, filled_by_order=filled), orders

    def _go_on(self, fold: Fold, symbol: str) -> Fold:
        for fill in self.fills_after(symbol, fold.last_id):
            fold.apply(fill)
        return fold
