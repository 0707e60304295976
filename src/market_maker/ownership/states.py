"""The table of a symbol's ownership at this instance. `machine` has the theory of operation."""

from enum import Enum, auto
from typing import Final


class Stage(Enum):
    """Where a symbol stands at this instance."""

    FREE = auto()
    """Nothing of it is ours. An actor that gave it up may still stand here, silent."""
    DESCRIBING = auto()
    """It is our turn: what the Metadata Service says of it is asked for."""
    CLAIMING = auto()
    """PostgreSQL is asked for a new epoch."""
    STARTING = auto()
    """Its row names us; the cancel of everything has left, its history is being read."""
    OUTLIVING = auto()
    """It has its actor, but the last owner's lease may still run: that one may still send."""
    ADMITTING = auto()
    """Nobody else can send; kills that waited for an owner are carried out first."""
    HELD = auto()
    """It may be enabled here."""
    LEAVING = auto()
    """It may not be enabled any more, and what rests in the market is being cancelled."""
    SAVING = auto()
    """Nothing of it is in the market; what was recorded is becoming durable."""
    RELEASING = auto()
    """Nothing leaves for it any more; PostgreSQL is being told."""
    STOPPING = auto()
    """Its actor is being ended."""


class Move(Enum):
    """What moves a symbol from one stage to the next."""

    WANTED = auto()
    UNWANTED = auto()
    DESCRIBED = auto()
    CLAIMED = auto()
    FAILED = auto()
    """It cannot be taken now."""
    TAKEN = auto()
    """It has an actor that acts under the new epoch."""
    ALONE = auto()
    """The last owner can certainly send no more."""
    ADMITTED = auto()
    OUT = auto()
    """Nothing of it is in the market, and it has left ACTIVE."""
    NOT_OUT = auto()
    """Something came while it was being saved."""
    SAVED = auto()
    RETURNED = auto()
    """It was claimed and is not ours to start: the row goes back at once."""
    RELEASED = auto()
    FENCED = auto()
    """Somebody else has counted its epoch up."""
    DROPPED = auto()
    """Its silent actor is not needed any more."""
    STOPPED = auto()


_S, _T = Stage, Move

NEXT: Final[dict[tuple[Stage, Move], Stage]] = {
    (_S.FREE, _T.WANTED): _S.DESCRIBING,
    (_S.FREE, _T.DROPPED): _S.STOPPING,
    (_S.DESCRIBING, _T.DESCRIBED): _S.CLAIMING,
    (_S.DESCRIBING, _T.UNWANTED): _S.FREE,
    (_S.DESCRIBING, _T.FAILED): _S.FREE,
    (_S.CLAIMING, _T.CLAIMED): _S.STARTING,
    (_S.CLAIMING, _T.UNWANTED): _S.FREE,
    (_S.CLAIMING, _T.FAILED): _S.FREE,
    (_S.STARTING, _T.TAKEN): _S.OUTLIVING,
    (_S.STARTING, _T.RETURNED): _S.RELEASING,
    (_S.STARTING, _T.FAILED): _S.FREE,
    (_S.STARTING, _T.FENCED): _S.FREE,
    (_S.OUTLIVING, _T.ALONE): _S.ADMITTING,
    (_S.OUTLIVING, _T.UNWANTED): _S.LEAVING,
    (_S.OUTLIVING, _T.FENCED): _S.STOPPING,
    (_S.ADMITTING, _T.ADMITTED): _S.HELD,
    (_S.ADMITTING, _T.UNWANTED): _S.LEAVING,
    (_S.ADMITTING, _T.FENCED): _S.STOPPING,
    (_S.HELD, _T.UNWANTED): _S.LEAVING,
    (_S.HELD, _T.FENCED): _S.STOPPING,
    (_S.LEAVING, _T.WANTED): _S.OUTLIVING,
    (_S.LEAVING, _T.OUT): _S.SAVING,
    (_S.LEAVING, _T.FENCED): _S.STOPPING,
    (_S.SAVING, _T.WANTED): _S.OUTLIVING,
    (_S.SAVING, _T.SAVED): _S.RELEASING,
    (_S.SAVING, _T.NOT_OUT): _S.LEAVING,
    (_S.SAVING, _T.FENCED): _S.STOPPING,
    (_S.RELEASING, _T.RELEASED): _S.FREE,
    (_S.STOPPING, _T.STOPPED): _S.FREE,
}
"""(from, what happened) -> to. What is not in the table is a defect of the machine."""

TAKING: Final = frozenset({_S.DESCRIBING, _S.CLAIMING, _S.STARTING})
"""On the way to an actor."""
ACTING: Final = frozenset({_S.OUTLIVING, _S.ADMITTING, _S.HELD, _S.LEAVING, _S.SAVING})
"""It has an actor here, under the epoch of its row."""
GIVING_UP: Final = frozenset({_S.LEAVING, _S.SAVING, _S.RELEASING})


class Hold(Enum):
    """Why a symbol that has an actor here may not be enabled; the value is what operators read."""

    BEING_TAKEN = "it is just being taken"
    LEASE_RUNS = "the last owner's lease is running out"
    REVOKED = "partition revoked"
    LOST = "partition lost"
    REMOVED = "its configuration was deleted"
    BEING_REMOVED = "its configuration is being deleted"
    ENDING = "the service is shutting down"
