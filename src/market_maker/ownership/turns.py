"""Whose turn it is: what the consumer group and the configurations say."""

from typing import Final

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.holding import Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.leaving import stop
from market_maker.ownership.states import ACTING, GIVING_UP, Hold, Move, Stage

CLEAR_NS: Final = 3_500_000_000
"""Of the time that a rebalance waits for us, for the exchange's proof of zero. One symbol that cannot prove
it must not keep the others from being released."""


def on_assigned(instance: InstanceState, event: ev.Assigned) -> None:
    """Partitions have come. No symbol starts by itself."""
    carry, concern = instance.partitions.carry, instance.partitions.concern
    instance.partitions.add(event.partitions, event.counts)
    for holding in instance.holdings.values():
        comes = carry(holding.symbol)
        if comes and concern(holding.symbol, event.partitions):
            holding.yielded_ns = None
            holding.try_again(event.at_ns)
        holding.is_mine = comes or (holding.is_mine and holding.epoch is not None)
        if holding.stage is Stage.FREE and holding.has_actor and not comes and not instance.is_ending:
            stop(instance, holding, Move.DROPPED)  # the rebalance is over, and it went elsewhere


def on_revoking(instance: InstanceState, event: ev.Revoking) -> None:
    """Partitions go when nothing of their symbols can be in the market any more, or it takes too long."""
    gone = _gone(instance, event.partitions, Hold.REVOKED)
    instance.tickets[event.ticket] = gone, event.at_ns + CLEAR_NS


def on_lost(instance: InstanceState, event: ev.Lost) -> None:
    """Partitions have gone."""
    _gone(instance, event.partitions, Hold.LOST)


def _gone(instance: InstanceState, partitions: frozenset[ev.PartitionKey], why: Hold) -> frozenset[str]:
    """These are ours no longer; which symbols that concerns."""
    instance.partitions.remove(partitions)
    gone = [h for h in instance.holdings.values() if instance.partitions.concern(h.symbol, partitions)]
    for holding in gone:
        holding.is_mine = False
        if holding.stage not in GIVING_UP or holding.leaving is Hold.ENDING:
            holding.leaving = why
    return frozenset(holding.symbol for holding in gone)


def on_configured(instance: InstanceState, event: ev.Configured) -> None:
    """A list of what is configured; what is missing in it may have been written while it was read."""
    for symbol in event.symbols:
        holding = instance.of(symbol)
        holding.is_configured = True
        holding.is_being_removed = holding.is_asked_for = False
        holding.is_mine = holding.is_mine or instance.partitions.carry(symbol)
        holding.try_again(event.at_ns)
    for holding in instance.holdings.values():
        if holding.symbol not in event.symbols:
            _is_missing(instance, holding)


def _is_missing(instance: InstanceState, holding: Holding) -> None:
    if holding.stage not in ACTING:
        holding.is_configured = False
    elif holding.is_configured and not holding.is_asked_for:
        holding.is_asked_for = True
        instance.out.append(cmd.AskConfigured(holding.symbol))


def on_removed(instance: InstanceState, event: ev.Removed) -> None:
    """Give a symbol up whose configuration was deleted."""
    holding = instance.of(event.symbol)
    holding.is_configured = holding.is_being_removed = holding.is_asked_for = False
    if holding.stage not in GIVING_UP:
        holding.leaving = Hold.REMOVED


def on_removing(instance: InstanceState, event: ev.Removing) -> None:
    """It must not be enabled while its configuration is being deleted."""
    instance.of(event.symbol).is_being_removed = event.is_under_way
