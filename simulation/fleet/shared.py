"""What the instances of a fleet share, and whom they tell what they do."""

from random import Random
from typing import Protocol

from market_maker.core import commands as cmd
from market_maker.core.config import SymbolConfig
from simulation.clock import Clock
from simulation.coverage import Coverage
from simulation.fleet.actor import FleetActor
from simulation.fleet.exchange import FleetExchange
from simulation.fleet.intake import EngineTopic
from simulation.fleet.rows import FleetRows, StateRow


class FleetWorld(Protocol):
    """What instances share."""

    clock: Clock
    rng: Random
    coverage: Coverage
    rows: FleetRows
    exchange: FleetExchange
    configs: dict[str, SymbolConfig]
    trades: bool
    """Whether anybody trades; else only states are recorded."""

    @property
    def topic(self) -> EngineTopic:
        """The engine's events."""

    def leaves(self, instance_id: str, actor: FleetActor, request: cmd.Request) -> None:
        """A request is about to leave."""

    def started(self, actor: FleetActor, row: StateRow) -> None:
        """An engine has begun, from this row."""

    def changed(self, symbol: str, record: cmd.RecordState) -> None:
        """An engine has left a state for another."""

    def released(self, symbol: str) -> None:
        """A symbol was given up in order."""
