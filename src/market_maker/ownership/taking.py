"""Taking a symbol: describe, claim, cancel everything, restore or wake, outlive the last owner, admit."""

from typing import Final

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.holding import NEVER_NS, Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.leaving import leave, stop
from market_maker.ownership.states import Move, Stage

_S: Final = 1_000_000_000
AGAIN_NS: Final = _S
"""Until what nobody could tell is asked for again."""
LEFT_OUT_NS: Final = 30 * _S
"""Until a symbol that could not be taken is tried again: it may have been listed, or mended."""
KEPT_NS: Final = 10 * _S
"""So long after it was given up a symbol's silent actor is kept: the symbol may come back."""
RESUME_AGE_NS: Final = 60 * _S
"""A hand-over is a matter of seconds; a service that stood still for longer starts PAUSED as ever."""
RESUME_NS: Final = 30 * _S
"""For whatever speaks against going on, to pass."""


# --- answers ---


def on_described(instance: InstanceState, event: ev.Described) -> None:
    """It can have an actor, so it can be claimed."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.DESCRIBING and event.instrument is None and holding.left_epoch is None:
        holding.again_ns = event.at_ns + AGAIN_NS  # the actor that knows it may not go on
    elif holding.stage is Stage.DESCRIBING:
        holding.instrument, holding.again_ns = event.instrument, 0
        holding.move(Move.DESCRIBED)
        instance.out.append(cmd.ClaimSymbol(holding.symbol))


def on_not_described(instance: InstanceState, event: ev.NotDescribed) -> None:
    """A symbol that nobody lists is left out; a Metadata Service that is away is asked again."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.DESCRIBING:
        if event.is_refused:
            _leave_out(holding, event.at_ns)
        else:
            holding.again_ns = event.at_ns + AGAIN_NS


def on_claimed(instance: InstanceState, event: ev.Claimed) -> None:
    """From now on nothing that is written under an older epoch changes anything."""
    holding = instance.of(event.symbol)
    if holding.stage is not Stage.CLAIMING:
        return  # abandoned meanwhile: its row is found among those that nobody acts for
    holding.move(Move.CLAIMED)
    nobody_had_it_since = event.was_released and holding.left_epoch == event.epoch - 1
    holding.epoch, holding.claimed_ns, holding.left_epoch = event.epoch, event.at_ns, None
    holding.is_alone, holding.alone_ns = event.was_released, event.at_ns + instance.lease_ns
    age_ns = event.resume_age_ns
    holding.may_go_on = age_ns is not None and age_ns <= RESUME_AGE_NS
    if nobody_had_it_since and event.actor_is_sound:
        instance.out.append(cmd.WakeActor(holding.symbol, event.epoch))
        _has_actor(instance, holding)
    elif holding.instrument is not None:
        instance.out.append(cmd.StartActor(holding.symbol, event.epoch, holding.instrument))
    else:  # nobody could tell the instrument, and the actor that knows it may not go on
        _give_back(instance, holding)


def on_not_claimed(instance: InstanceState, event: ev.NotClaimed) -> None:
    """Its row cannot be written: it is left out."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.CLAIMING:
        _leave_out(holding, event.at_ns)


def on_started(instance: InstanceState, event: ev.Started) -> None:
    """Its history is read and its actor runs."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.STARTING:
        holding.shown = None
        _has_actor(instance, holding)


def on_not_started(instance: InstanceState, event: ev.NotStarted) -> None:
    """It goes back; where something failed, its market is cleared as long as its row still names us."""
    holding = instance.of(event.symbol)
    if holding.stage is not Stage.STARTING:
        return
    holding.is_configured = event.is_configured
    if event.is_configured and holding.epoch is not None:
        instance.out.append(cmd.ClearWithoutActor(holding.symbol, holding.epoch))
        _leave_out(holding, event.at_ns)


def on_admitted(instance: InstanceState, event: ev.Admitted) -> None:
    """No kill that was asked for before now can still come: it may be enabled."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.ADMITTING and holding.epoch == event.epoch:
        holding.move(Move.ADMITTED)


def _has_actor(instance: InstanceState, holding: Holding) -> None:
    holding.has_actor, holding.leaving, holding.facts = True, None, ev.UNKNOWN
    holding.instrument, holding.again_ns, holding.is_resuming = None, 0, False
    holding.go_on_until_ns = instance.now_ns + RESUME_NS
    if instance.now_ns >= holding.alone_ns:
        holding.is_alone = True  # what an actor cancels at its start includes all that the last owner sent
    holding.move(Move.TAKEN)
    instance.out.append(cmd.Refresh(holding.symbol))


def _leave_out(holding: Holding, now_ns: int) -> None:
    holding.move(Move.FAILED)
    holding.epoch = None
    holding.again_ns = now_ns + LEFT_OUT_NS


def _give_back(instance: InstanceState, holding: Holding) -> None:
    """A symbol that was claimed and is not started: at once where nobody else can send."""
    holding.may_go_on = False
    holding.again_ns = instance.now_ns + AGAIN_NS
    if holding.epoch is None:
        return
    if holding.is_alone:
        holding.move(Move.RETURNED)
        instance.out.append(cmd.Abandon(holding.symbol))
        instance.out.append(cmd.ReleaseSymbol(holding.symbol, holding.epoch, resume=False))
    else:  # its orders may rest; the row names us until the last owner's lease is over: see `word`
        holding.move(Move.FAILED)
        instance.out.append(cmd.ClearWithoutActor(holding.symbol, holding.epoch))
        holding.epoch = None


# --- as far as the table lets it ---


def settle_free(instance: InstanceState, holding: Holding) -> None:
    """Begin when it is our turn."""
    if instance.is_turn(holding) and instance.now_ns >= holding.again_ns:
        holding.move(Move.WANTED)
        holding.again_ns = 0
    elif holding.has_actor and not instance.is_turn(holding) and not instance.is_ending:
        is_kept = holding.is_configured and instance.now_ns < holding.left_ns + KEPT_NS
        if not is_kept:
            stop(instance, holding, Move.DROPPED)


def settle_describing(instance: InstanceState, holding: Holding) -> None:
    """Ask, and ask again."""
    if not instance.is_turn(holding):
        holding.move(Move.UNWANTED)
        holding.again_ns = 0
    elif instance.now_ns >= holding.again_ns:
        holding.again_ns = NEVER_NS
        instance.out.append(cmd.Describe(holding.symbol))


def settle_claiming(instance: InstanceState, holding: Holding) -> None:
    """A claim that comes through after our turn would take the symbol from its owner."""
    if not instance.is_turn(holding):
        holding.move(Move.UNWANTED)
        holding.again_ns = 0
        instance.out.append(cmd.Abandon(holding.symbol))


def settle_starting(instance: InstanceState, holding: Holding) -> None:
    """Give it back when our turn is over."""
    if not instance.is_turn(holding):
        _give_back(instance, holding)


def settle_acting(instance: InstanceState, holding: Holding) -> None:
    """Let it in once the last owner can send no more; give it up when our turn is over."""
    if not instance.is_turn(holding):
        leave(instance, holding)
    elif holding.stage is Stage.OUTLIVING and holding.is_alone and holding.epoch is not None:
        holding.move(Move.ALONE)
        instance.out.append(cmd.CarryOutKills(holding.symbol, holding.epoch))
    elif holding.may_go_on and instance.now_ns >= holding.go_on_until_ns:
        holding.may_go_on = False
        instance.out.append(cmd.GiveUpResuming(holding.symbol))


def outlive_the_last_owner(instance: InstanceState, holding: Holding) -> None:
    """What it sent until its lease ended must go before anything of ours may come."""
    if not holding.is_alone and instance.now_ns >= holding.alone_ns:
        holding.is_alone, holding.facts = True, ev.UNKNOWN
        instance.out.append(cmd.ClearAgain(holding.symbol))
