"""What the machine asks of its shell. Each is carried out at once, or begun; what comes of it is an event."""

from dataclasses import dataclass

from market_maker.core.instrument import Instrument
from market_maker.ownership.states import Hold


@dataclass(frozen=True)
class OwnershipCommand:
    """Any of them."""


@dataclass(frozen=True)
class Done(OwnershipCommand):
    """What was waited for under this number is over."""

    ticket: int


@dataclass(frozen=True)
class ForSymbol(OwnershipCommand):
    """One that concerns a symbol."""

    symbol: str


class Describe(ForSymbol):
    """Save what waits in the journal, then ask for the instrument; answer: Described or NotDescribed."""


class ClaimSymbol(ForSymbol):
    """Ask PostgreSQL for a new epoch; answer: Claimed or NotClaimed."""


@dataclass(frozen=True)
class StartActor(ForSymbol):
    """Cancel everything, read its history, start its actor in place of one that may be here.

    In this order. Answer: Started or NotStarted.
    """

    epoch: int
    instrument: Instrument


class Abandon(ForSymbol):
    """Claim or start it no longer, and let nothing leave for it."""


@dataclass(frozen=True)
class ClearWithoutActor(ForSymbol):
    """Start it no longer, but clear its market for a lease: so long nobody else can send."""

    epoch: int


@dataclass(frozen=True)
class WakeActor(ForSymbol):
    """The actor that gave the symbol up in order goes on, under a new epoch."""

    epoch: int


class Refresh(ForSymbol):
    """Ask for the instrument of a running actor: what was told of it meanwhile was not heard."""


@dataclass(frozen=True)
class Restrain(ForSymbol):
    """Refuse to enable it, or refuse no longer."""

    hold: Hold | None


@dataclass(frozen=True)
class CarryOutKills(ForSymbol):
    """Carry out kills that waited for an owner; answer: Admitted."""

    epoch: int


class ClearAgain(ForSymbol):
    """Clear its market once more: what was proven before is proven no more."""


@dataclass(frozen=True)
class StopQuoting(ForSymbol):
    """Pause it and cancel what rests."""

    hold: Hold


class Save(ForSymbol):
    """Make durable what it recorded; answer: ActorSeen, and Saved."""


@dataclass(frozen=True)
class ReleaseSymbol(ForSymbol):
    """Let nothing leave under this epoch any more and tell PostgreSQL; answer: Released."""

    epoch: int
    resume: bool


@dataclass(frozen=True)
class StopActor(ForSymbol):
    """End its actor; answer: Stopped. `is_fenced`: nothing may leave for it from this moment on."""

    is_fenced: bool


class ReadAgain(ForSymbol):
    """Read its engine events anew from the first that is not durable."""


class AskToResume(ForSymbol):
    """Ask its engine to go on, as an operator would; answer: Resumed."""


class GiveUpResuming(ForSymbol):
    """Say what was missing: it stays PAUSED."""


class AskConfigured(ForSymbol):
    """Ask whether it has a configuration at this moment; answer: Removed when it has none."""
