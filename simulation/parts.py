"""What a process is given: everything of a run that outlives it."""

from typing import Protocol

from simulation.clock import Clock
from simulation.coverage import Coverage
from simulation.database import Trouble
from simulation.feed import Feeds
from simulation.network import Network
from simulation.plan import Plan
from simulation.relay import Broker
from simulation.store import Store
from simulation.stream import Stream
from simulation.truth import Truth
from simulation.venue import Venue


class Parts(Protocol):
    """The run, as its processes see it."""

    plan: Plan
    symbols: tuple[str, ...]
    clock: Clock
    coverage: Coverage
    truth: Truth
    venue: Venue
    network: Network
    feeds: Feeds
    stream: Stream
    store: Store
    trouble: Trouble
    broker: Broker
    records_lives: bool
    """Whether every life is kept, to be played again at its end."""

    def lag_ns(self) -> int | None:
        """Consumer lag as it is measured now."""
