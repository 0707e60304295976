"""PostgreSQL's word: what is ours, what somebody else has taken, and rows that were left behind."""

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.holding import Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.leaving import stop
from market_maker.ownership.states import Move, Stage


def on_renewed(instance: InstanceState, event: ev.Renewed) -> None:
    """Compare every epoch that was claimed before the question was asked."""
    for holding in instance.holdings.values():
        is_told = holding.epoch is not None and event.asked_ns >= holding.claimed_ns
        if is_told and event.owned.get(holding.symbol) != holding.epoch:
            _fence(instance, holding)
        if holding.yielded_ns is not None and event.asked_ns > holding.yielded_ns:
            owner = event.owners.get(holding.symbol, instance.instance_id)
            if owner == instance.instance_id:
                holding.yielded_ns = None  # whoever took it has given it up again
    _release_left_behind(instance, event)


def on_fenced(instance: InstanceState, event: ev.Fenced) -> None:
    """Records were dropped: the actor knows what is not stored."""
    holding = instance.of(event.symbol)
    if event.epoch == holding.epoch:
        _fence(instance, holding)
    if event.epoch == holding.left_epoch:
        holding.left_epoch = None
        if holding.stage is Stage.FREE:
            stop(instance, holding, Move.DROPPED)


def _fence(instance: InstanceState, holding: Holding) -> None:
    """Nothing leaves for it from this moment on. It is somebody else's until he gives it up."""
    if holding.stage is Stage.RELEASING:
        return
    holding.epoch, holding.yielded_ns = None, instance.now_ns
    if holding.stage is Stage.STARTING:
        holding.move(Move.FENCED)
        instance.out.append(cmd.Abandon(holding.symbol))
    else:
        stop(instance, holding, Move.FENCED)


def _release_left_behind(instance: InstanceState, event: ev.Renewed) -> None:
    """Rows that name us though nobody acts for them: a claim that was abandoned, a release without an answer.

    Not before a lease has passed, so that the owner before us can send no more.
    """
    rows = {}
    for symbol, epoch in event.owned.items():
        if instance.of(symbol).epoch is None:
            since_ns = rows[symbol, epoch] = instance.rows.get((symbol, epoch), event.at_ns)
            if event.at_ns - since_ns >= instance.lease_ns:
                instance.out.append(cmd.ReleaseSymbol(symbol, epoch, resume=False))
    instance.rows = rows
