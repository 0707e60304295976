"""What an engine started from, copied before the engine works on it."""

from dataclasses import dataclass, replace
from typing import Self

from market_maker.core.commands import Command
from market_maker.core.config import EngineLimits
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.order_tracker import Order
from market_maker.replay.codec import decoder, encoder


@dataclass(frozen=True, slots=True)
class Beginning:
    """The parts of an engine's start that the engine itself does not share."""

    restored: Restored
    limits: EngineLimits
    open_orders: tuple[Order, ...]

    @classmethod
    def of(cls, restored: Restored, limits: EngineLimits, open_orders: tuple[Order, ...]) -> Self:
        """A copy: the engine changes the inventory and the orders that it was given."""
        inventory = Inventory.from_row(restored.inventory.to_row())
        orders = tuple(replace(order) for order in open_orders)
        return cls(replace(restored, inventory=inventory), limits, orders)

    def start(self) -> tuple[SymbolEngine, list[Command]]:
        """A new engine that begins the same way, and what it says to that."""
        copy = Beginning.of(self.restored, self.limits, self.open_orders)
        engine = SymbolEngine(copy.restored, copy.limits)
        return engine, engine.start(copy.open_orders)

    def to_json(self) -> object:
        """For the head of a record."""
        encode = encoder(Beginning)
        return None if encode is None else encode(self)


def beginning_of(head: object) -> Beginning:
    """What `to_json` gave. Raises CodecError."""
    beginning: Beginning = decoder(Beginning)(head)
    return beginning
