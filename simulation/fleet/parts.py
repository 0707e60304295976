"""What the parts of one instance that carry its machine's commands out have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from market_maker.actors.tenure import Lease
from market_maker.ownership.events import OwnershipEvent
from simulation.fleet.actor import FleetActor
from simulation.fleet.postgres import FleetJournal, FleetPostgres
from simulation.fleet.shared import FleetWorld
from simulation.lifetime import Lifetime
from simulation.virtual_loop import VirtualLoop


@dataclass(frozen=True, slots=True)
class InstanceParts:
    """What each of them is given by its instance."""

    name: str
    world: FleetWorld
    lifetime: Lifetime
    loop: VirtualLoop
    lease: Lease
    postgres: FleetPostgres
    journal: FleetJournal
    actors: dict[str, FleetActor]
    tell: Callable[[OwnershipEvent], None]
    """Tells the machine what has come of a command."""

    @property
    def now_ns(self) -> int:
        """This moment."""
        return self.world.clock.now_ns
