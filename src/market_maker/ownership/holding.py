"""What an instance knows of one symbol."""

import math
from dataclasses import dataclass

from market_maker.core.instrument import Instrument
from market_maker.ownership.events import UNKNOWN, Facts
from market_maker.ownership.states import ACTING, NEXT, Hold, Move, Stage

NEVER_NS = math.inf


@dataclass(slots=True)
class Holding:
    """Plain data; the machine holds the rules."""

    symbol: str
    stage: Stage = Stage.FREE
    is_mine: bool = False
    """The consumer group says that it is our turn."""
    is_configured: bool = False
    again_ns: float = 0
    """From when it is to be tried again; NEVER_NS while an answer is awaited."""
    yielded_ns: int | None = None
    """When somebody took it though it is our turn: it is his until he gives it up."""
    instrument: Instrument | None = None

    epoch: int | None = None
    """Under which the row names us."""
    claimed_ns: int = 0
    is_alone: bool = False
    """The last owner can certainly send no more: it gave the symbol up in order, or its lease is over."""
    alone_ns: int = 0
    """When its lease is over at the latest."""

    has_actor: bool = False
    left_epoch: int | None = None
    """Under which the silent actor gave it up in order: what it knows holds if nobody has had it since."""
    facts: Facts = UNKNOWN
    shown: Hold | None = None
    """Why its engine refuses to be enabled."""

    leaving: Hold | None = None
    """Why it is given up."""
    left_ns: float = 0
    """When that began."""
    is_being_removed: bool = False
    is_asked_for: bool = False
    """Whether it has a configuration is being asked."""

    may_go_on: bool = False
    """It was ACTIVE before a clean hand-over, and nobody has stopped it since."""
    go_on_until_ns: float = NEVER_NS
    is_resuming: bool = False

    def move(self, move: Move) -> None:
        """Go where the table leads."""
        self.stage = NEXT[self.stage, move]

    def try_again(self, now_ns: int) -> None:
        """Not later than now, unless an answer is on its way."""
        if self.again_ns != NEVER_NS:
            self.again_ns = min(self.again_ns, now_ns)

    @property
    def is_watched(self) -> bool:
        """Whether the machine wants to know what its actor is like."""
        return self.stage is Stage.LEAVING or (self.may_go_on and self.stage in ACTING)

    def hold(self) -> Hold | None:
        """Why it may not be enabled now."""
        match self.stage:
            case Stage.OUTLIVING:
                return Hold.LEASE_RUNS
            case Stage.ADMITTING:
                return Hold.BEING_TAKEN
            case Stage.HELD:
                return Hold.BEING_REMOVED if self.is_being_removed else None
            case Stage.STOPPING:
                return self.shown
            case _:
                return self.leaving
