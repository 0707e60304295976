"""What an engine started from, copied before the engine works on it."""

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Self

from market_maker.core.commands import Command, PositionRow
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine import SymbolEngine
from market_maker.core.ids import IdSeed
from market_maker.core.instrument import Instrument
from market_maker.core.inventory import Inventory
from market_maker.core.kill_switch import Trigger
from market_maker.core.orders import Order
from market_maker.core.states import State
from market_maker.core.symbol import Restored
from market_maker.replay.codec import decoder, encoder


@dataclass(frozen=True, slots=True)
class Beginning:
    """`Restored` with its inventory as a row, the limits, and the orders handed to `start`."""

    config: SymbolConfig
    instrument: Instrument
    state: State
    state_reason: str
    state_actor: str
    kill: Trigger | None
    pnl_baseline: Decimal
    position: PositionRow
    trade_keys: tuple[tuple[str, str], ...]
    ids: IdSeed
    limits: EngineLimits
    open_orders: tuple[Order, ...]

    @classmethod
    def of(cls, restored: Restored, limits: EngineLimits, open_orders: tuple[Order, ...]) -> Self:
        """A copy: the engine changes the inventory and the orders that it was given."""
        taken = {name: getattr(restored, name) for name in _SHARED}
        orders = tuple(replace(order) for order in open_orders)
        return cls(**taken, position=restored.inventory.to_row(), limits=limits, open_orders=orders)

    def start(self) -> tuple[SymbolEngine, list[Command]]:
        """A new engine that begins the same way, and what it says to that."""
        taken = {name: getattr(self, name) for name in _SHARED}
        engine = SymbolEngine(Restored(**taken, inventory=Inventory.from_row(self.position)), self.limits)
        return engine, engine.start(tuple(replace(order) for order in self.open_orders))

    def to_json(self) -> object:
        """For the head of a record."""
        encode = encoder(Beginning)
        return None if encode is None else encode(self)


_SHARED = tuple(field.name for field in fields(Restored) if field.name != "inventory")


def beginning_of(head: object) -> Beginning:
    """What `to_json` gave. Raises CodecError."""
    beginning: Beginning = decoder(Beginning)(head)
    return beginning
