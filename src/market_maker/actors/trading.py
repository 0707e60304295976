"""What trades in this process: the actors, what they leave to be written, who waits for their answers."""

from dataclasses import dataclass

from market_maker.actors.changes import ChangeFeed
from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Trading:
    """The parts that whoever acts on symbols needs together."""

    supervisor: Supervisor
    journal: Journal
    controls: Controls
    changes: ChangeFeed
