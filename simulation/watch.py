"""What is followed of one symbol, apart from its engine."""

from collections import deque

from market_maker.core.events import Event
from market_maker.core.states import State
from simulation.earnings import Earnings
from simulation.ledger import Ledger


class Watch:
    """Across all lives of the process, except where a restart begins anew."""

    def __init__(self) -> None:
        self.state = State.PAUSED
        self.book_data_ns: int | None = None
        """When the newest book message that was delivered was true."""
        self.version = 0
        self.trading = True
        self.activations = 0
        self.halt_demanded = ""
        self.owed_by: Event | None = None
        """The event of a step that raised, until what it had decided is said."""
        self.sends: deque[int] = deque()
        self.cancelled: set[str] = set()
        """Orders for which a cancel has gone out."""
        self.evaluations = 0
        """How many quotes the engine of this life has computed."""
        self.ledger = Ledger()
        self.earnings = Earnings()
        self.stored = 0
        """How many of the stored events have been looked at."""
        self.stored_state = State.PAUSED
