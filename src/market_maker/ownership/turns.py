"""Whose turn it is: what the consumer group and the configurations say."""

from typing import Final

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.holding import Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.states import ACTING, GIVING_UP, Hold

CLEAR_NS: Final = 3_500_000_000
"""Of the time that a rebalance waits for us, for the exchange's proof of zero. One symbol that cannot prove
it must not keep the others from being released."""


def on_assigned(instance: InstanceState, event: ev.Assigned) -> None:
    """Partitions have come. No symbol starts by itself."""
    partitions = instance.partitions
    partitions.add(event.numbers, event.counts)
    for holding in instance.holdings.values():
        is_ours = partitions.carry(holding.symbol)
        if is_ours and partitions.is_on(holding.symbol, event.numbers):
            holding.yielded_ns = None
            holding.try_again(event.at_ns)
        holding.is_mine = is_ours or (holding.is_mine and holding.epoch is not None)


def on_revoking(instance: InstanceState, event: ev.Revoking) -> None:
    """Partitions go when nothing of their symbols can be in the market any more, or it takes too long."""
    gone = _gone(instance, event.numbers, Hold.REVOKED)
    instance.tickets[event.ticket] = gone, event.at_ns + CLEAR_NS


def on_lost(instance: InstanceState, event: ev.Lost) -> None:
    """Partitions have gone."""
    _gone(instance, event.numbers, Hold.LOST)


def _gone(instance: InstanceState, numbers: frozenset[int], why: Hold) -> frozenset[str]:
    """These are ours no longer; which symbols that concerns."""
    instance.partitions.remove(numbers)
    gone = [h for h in instance.holdings.values() if instance.partitions.is_on(h.symbol, numbers)]
    for holding in gone:
        holding.is_mine = False
        if holding.stage not in GIVING_UP or holding.leaving is Hold.ENDING:
            holding.leaving = why
    return frozenset(holding.symbol for holding in gone)


def on_configured(instance: InstanceState, event: ev.Configured) -> None:
    """A list of what is configured; what is missing in it may have been written while it was read."""
    for symbol in sorted(event.symbols):
        holding = instance.of(symbol)
        holding.is_configured = True
        holding.is_asked_for = False
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
