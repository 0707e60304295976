"""Giving a symbol up: stop quoting, wait for the proof of zero, save, release; or lose it."""

from typing import Final

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.holding import Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.states import GIVING_UP, Hold, Move, Stage

LOST_NS: Final = 10_000_000_000
"""So long after its partition was lost a symbol that nobody has taken is released."""


def on_seen(instance: InstanceState, event: ev.ActorSeen) -> None:
    """Its actor's state: whether it is out of the market, and whether it can go on by itself."""
    holding, facts = instance.of(event.symbol), event.facts
    holding.facts = facts
    if holding.stage in GIVING_UP:
        return
    holding.may_go_on = holding.may_go_on and facts.may_resume and not facts.is_killed
    if holding.may_go_on and facts.is_ready and holding.stage is Stage.HELD and not holding.is_resuming:
        holding.is_resuming = True
        instance.out.append(cmd.AskToResume(holding.symbol))


def on_resumed(instance: InstanceState, event: ev.Resumed) -> None:
    """It is ACTIVE, or something has come that speaks against it: then it is tried again."""
    holding = instance.of(event.symbol)
    holding.is_resuming = False
    holding.may_go_on = holding.may_go_on and not event.is_active


def on_operator_spoke(instance: InstanceState, event: ev.OperatorSpoke) -> None:
    """What a person decides counts from the moment that it is said."""
    instance.of(event.symbol).may_go_on = False


def leave(instance: InstanceState, holding: Holding) -> None:
    """No order leaves from here on. The next owner may let it go on if it was ACTIVE until now."""
    why = holding.leaving or Hold.LOST
    was_quoting = holding.may_go_on or holding.facts.is_active
    holding.may_go_on = was_quoting and why in (Hold.REVOKED, Hold.ENDING)
    holding.leaving, holding.left_ns, holding.facts = why, instance.now_ns, ev.UNKNOWN
    holding.move(Move.UNWANTED)
    instance.out.append(cmd.StopQuoting(holding.symbol, why))


def settle_leaving(instance: InstanceState, holding: Holding) -> None:
    """Stay when it is our turn again; save when nothing of it is in the market."""
    if instance.is_turn(holding):
        holding.leaving, holding.may_go_on = None, False
        holding.move(Move.WANTED)
        instance.out.append(cmd.Refresh(holding.symbol))
    elif holding.stage is Stage.LEAVING and holding.facts.is_out and _may_release(instance, holding):
        holding.move(Move.OUT)
        instance.out.append(cmd.Save(holding.symbol))


def _may_release(instance: InstanceState, holding: Holding) -> bool:
    """Not while the last owner may still send; nor, at the end, before everything is published."""
    if not holding.is_alone or instance.is_flushed:
        return holding.is_alone
    if holding.leaving is Hold.LOST:
        return instance.now_ns >= holding.left_ns + LOST_NS
    return holding.leaving is not Hold.ENDING


def on_saved(instance: InstanceState, event: ev.Saved) -> None:
    """Release it, unless something came meanwhile: a kill, say, which must be durable first."""
    holding = instance.of(event.symbol)
    if holding.stage is not Stage.SAVING or holding.epoch is None:
        return
    if not holding.facts.is_out or holding.facts.is_busy:
        holding.move(Move.NOT_OUT)
        return
    resume = holding.may_go_on and not holding.facts.is_killed
    holding.may_go_on, holding.left_epoch = False, holding.epoch
    holding.move(Move.SAVED)
    instance.out.append(cmd.ReleaseSymbol(holding.symbol, holding.epoch, resume))


def on_released(instance: InstanceState, event: ev.Released) -> None:
    """Its actor stays, silent: it goes on if the symbol comes back before anybody had it."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.RELEASING and holding.epoch == event.epoch:
        holding.move(Move.RELEASED)
        holding.epoch = None


def on_stopped(instance: InstanceState, event: ev.Stopped) -> None:
    """What it had not read, and what was dropped of its records, nobody else reads while the turn is ours."""
    holding = instance.of(event.symbol)
    if holding.stage is Stage.STOPPING:
        holding.move(Move.STOPPED)
        holding.has_actor, holding.left_epoch, holding.leaving, holding.shown = False, None, None, None
        is_missed = event.left_unread or holding.yielded_ns is not None
        if is_missed and instance.partitions.carry(holding.symbol):
            instance.out.append(cmd.ReadAgain(holding.symbol))


def stop(instance: InstanceState, holding: Holding, move: Move) -> None:
    """Its actor is not needed any more, or may not act."""
    holding.move(move)
    holding.may_go_on = False
    instance.out.append(cmd.StopActor(holding.symbol, is_fenced=move is Move.FENCED))


# --- the end of the process ---


def on_ending(instance: InstanceState, _event: ev.ProcessEnds) -> None:
    """Take nothing any more."""
    instance.is_ending = True
    for holding in instance.holdings.values():
        if holding.stage not in GIVING_UP:
            holding.leaving = Hold.ENDING


def on_flushed(instance: InstanceState, event: ev.Flushed) -> None:
    """Whoever is next reads what is durable, so everything may be released."""
    instance.is_flushed = True
    instance.tickets[event.ticket] = frozenset(instance.holdings), event.at_ns
