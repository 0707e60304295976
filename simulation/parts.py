"""What a process is given: everything of a run that outlives it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from market_maker.core.commands import Reply
from simulation.clock import Clock
from simulation.coverage import Coverage
from simulation.database import Trouble
from simulation.feed import Feeds
from simulation.network import Network
from simulation.plan import Plan
from simulation.store import Store
from simulation.stream import Stream
from simulation.truth import Truth
from simulation.venue import Venue

if TYPE_CHECKING:
    from simulation.checks import Checks
    from simulation.process import Process
    from simulation.relay import Broker


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
    broker: "Broker"
    checks: "Checks"
    records_lives: bool
    """Whether every life is kept, to be played again at its end."""

    def lag_ns(self) -> int | None:
        """Consumer lag as it is measured now."""

    def replied(self, process: "Process", symbol: str, reply: Reply) -> None:
        """An engine answered an operator."""


@dataclass(frozen=True, slots=True)
class Violation(Exception):  # noqa: N818 -- what the run has found, not a failure of the simulation
    """An invariant does not hold."""

    number: int
    """As in the list of `checks`; 0: the engine itself raised."""
    text: str

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.text}"
