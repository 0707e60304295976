"""What the machine is told. `at_ns` is the monotonic clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from market_maker.core.instrument import Instrument


@dataclass(frozen=True)
class Facts:
    """What a symbol's actor is like at this moment."""

    is_active: bool = False
    is_out: bool = False
    """Nothing of it can be in the market, or get there: it has left ACTIVE too."""
    is_killed: bool = False
    is_busy: bool = False
    """Records wait to become durable, or events to be handled: a kill may be among them."""
    may_resume: bool = False
    """The desk lets it go on by itself after a clean hand-over."""
    is_ready: bool = False
    """Nothing speaks against its going on now."""


UNKNOWN: Final = Facts()


@dataclass(frozen=True)
class OwnershipEvent:
    """Any of them."""

    at_ns: int


class Passed(OwnershipEvent):
    """Nothing but time passed."""


@dataclass(frozen=True)
class OfSymbol(OwnershipEvent):
    """One that concerns a symbol."""

    symbol: str


# --- the consumer group and the configurations ---


@dataclass(frozen=True)
class Assigned(OwnershipEvent):
    """These partitions are ours too; `counts` is how many each topic has, empty while that is unknown."""

    numbers: frozenset[int]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Revoking(OwnershipEvent):
    """These partitions go once `ticket` is done; ActorSeen of every actor has come just before."""

    numbers: frozenset[int]
    ticket: int


@dataclass(frozen=True)
class Lost(OwnershipEvent):
    """These partitions have gone: somebody else may have them already."""

    numbers: frozenset[int]


@dataclass(frozen=True)
class Configured(OwnershipEvent):
    """All symbols with a configuration, as of a list that may be a moment old."""

    symbols: frozenset[str]


class Removed(OfSymbol):
    """It has certainly no configuration any more."""


@dataclass(frozen=True)
class Removing(OfSymbol):
    """Somebody is about to delete its configuration, or could not."""

    is_under_way: bool


# --- taking ---


@dataclass(frozen=True)
class Described(OfSymbol):
    """The instrument; None where nobody could tell it but the actor that stands here knows it."""

    instrument: Instrument | None


@dataclass(frozen=True)
class NotDescribed(OfSymbol):
    """Nobody can tell it now; `is_refused`: nor in a moment."""

    is_refused: bool


@dataclass(frozen=True)
class Claimed(OfSymbol):
    """The row names us under a new epoch."""

    epoch: int
    was_released: bool
    """The last owner gave it up in order, or there was none."""
    resume_age_ns: int | None
    """How long ago it was given up while it was ACTIVE; None when it was not."""
    actor_is_sound: bool
    """An actor that stands here could go on: it works, and no record of its own is on its way."""


class NotClaimed(OfSymbol):
    """PostgreSQL refuses the claim."""


class Started(OfSymbol):
    """It has its actor."""


@dataclass(frozen=True)
class NotStarted(OfSymbol):
    """It has none: because it is not configured any more, or something failed."""

    is_configured: bool


@dataclass(frozen=True)
class Admitted(OfSymbol):
    """Kills that waited are carried out, under this epoch."""

    epoch: int


# --- what its actor is like, and giving up ---


@dataclass(frozen=True)
class ActorSeen(OfSymbol):
    """What its actor is like."""

    facts: Facts


class Saved(OfSymbol):
    """What it had recorded is durable; ActorSeen has come just before."""


@dataclass(frozen=True)
class Released(OfSymbol):
    """PostgreSQL knows, or does not answer."""

    epoch: int


@dataclass(frozen=True)
class Stopped(OfSymbol):
    """Its actor has ended; `left_unread`: engine events waited for it."""

    left_unread: bool


class OperatorSpoke(OfSymbol):
    """A person has decided about it: it does not go on by itself."""


@dataclass(frozen=True)
class Resumed(OfSymbol):
    """What its engine said when it was asked to go on."""

    is_active: bool


# --- PostgreSQL's word ---


@dataclass(frozen=True)
class Renewed(OwnershipEvent):
    """PostgreSQL was asked at `asked_ns` what is ours, and whose the rest is."""

    asked_ns: int
    owned: Mapping[str, int]
    owners: Mapping[str, str]


@dataclass(frozen=True)
class Fenced(OfSymbol):
    """Records were dropped: their epoch is over."""

    epoch: int


# --- the end of the process ---


class ProcessEnds(OwnershipEvent):
    """Take nothing any more and stop quoting; ActorSeen of every actor has come just before."""


@dataclass(frozen=True)
class Flushed(OwnershipEvent):
    """Everything is durable and published: release what is out of the market, then `ticket` is done."""

    ticket: int
