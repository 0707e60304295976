"""Which symbols an instance acts for: events in, commands out. Pure; time is `event.at_ns`.

How it works
============
Kafka proposes, PostgreSQL decides, the lease permits.

The consumer group gives an instance partitions, one by one or all at once. When a symbol's partition of
every topic is among them it is this instance's *turn*. That alone permits nothing. The instance asks
PostgreSQL for the symbol, which counts its *epoch* up: nothing that is written under an older epoch changes
anything from then on, and whoever wrote it learns that he is *fenced*. And no order leaves, whomever the
row names, unless PostgreSQL has confirmed the epochs of this instance less than a *lease* ago
(`actors.tenure`, asked at the very moment of sending).

Who gives a symbol up in order has nothing in the market and everything durable, so the next owner may begin
at once. Who dies or stands still releases nothing: the next owner cancels everything with the claim, waits
until the last owner's lease must be over, cancels everything again, and only then lets the symbol be
enabled. So two never may send for one symbol, however Kafka and PostgreSQL disagree.

              our turn            its instrument           a new epoch
      FREE -------------> DESCRIBING ----------> CLAIMING -----------> STARTING    cancel everything,
      ^ ^ ^                   | not our turn,       |                    |  |      read the history
      | | '-------------------+ or it fails --------+--------------------'  | or wake the actor
      | |                                                                   v
      | |                            .---------------------------------> OUTLIVING
      | | stopped                    | our turn again                       | the last owner's lease is over:
      | |                            |                                      v cancel everything again
      | STOPPING <-- somebody has counted the epoch up -- any of these   ADMITTING
      |                              |                                      | kills that waited are done
      | released                     |                                      v
      |                              |            partition gone,          HELD    may be enabled
      |                              |            removed, the end          |
      '--- RELEASING <---- SAVING <--+-- LEAVING <--------------------------'
                  durable      nothing in the market

Only in HELD may a symbol become ACTIVE, and only because a person asks for it, or because it was ACTIVE
until a clean hand-over a moment ago and the desk lets it go on. HALTED is a state of the symbol's engine
and of its row in `mm_states`; nothing here changes it.

An event notes what is so; then every symbol that it concerns goes as far as the table in `states` lets it.
What was tried in vain, came too late or was forgotten by somebody else is seen again with the next `Passed`
or `Renewed`, so nothing has to be mended from outside.

Partitions that are revoked are waited for until each of their symbols is released or cannot be, at most
`turns.CLEAR_NS`. Those that are lost are not yet somebody else's: their symbols stop quoting at once, but
keep actors that clear the market and answer operators until somebody claims them or `leaving.LOST_NS` has
passed. An eager rebalance is nothing but everything revoked and something assigned: what was released in
order, and comes back before anybody had it, wakes the actor that stands here.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from market_maker.ownership import events as ev
from market_maker.ownership import leaving, taking, turns, word
from market_maker.ownership.commands import Done, OwnershipCommand, Restrain
from market_maker.ownership.holding import Holding
from market_maker.ownership.instance import InstanceState
from market_maker.ownership.states import ACTING, GIVING_UP, TAKING, Stage


def _on_passed(_instance: InstanceState, _event: ev.Passed) -> None:
    """What is due follows after every event."""


HANDLERS: Final[dict[type[ev.OwnershipEvent], Callable[[InstanceState, Any], None]]] = {
    ev.Passed: _on_passed,
    ev.Assigned: turns.on_assigned,
    ev.Revoking: turns.on_revoking,
    ev.Lost: turns.on_lost,
    ev.Configured: turns.on_configured,
    ev.Removed: turns.on_removed,
    ev.Removing: turns.on_removing,
    ev.Described: taking.on_described,
    ev.NotDescribed: taking.on_not_described,
    ev.Claimed: taking.on_claimed,
    ev.NotClaimed: taking.on_not_claimed,
    ev.Started: taking.on_started,
    ev.NotStarted: taking.on_not_started,
    ev.Admitted: taking.on_admitted,
    ev.ActorSeen: leaving.on_seen,
    ev.Saved: leaving.on_saved,
    ev.Released: leaving.on_released,
    ev.Stopped: leaving.on_stopped,
    ev.OperatorSpoke: leaving.on_operator_spoke,
    ev.Resumed: leaving.on_resumed,
    ev.Renewed: word.on_renewed,
    ev.Fenced: word.on_fenced,
    ev.ProcessEnds: leaving.on_ending,
    ev.Flushed: leaving.on_flushed,
}
_SETTLERS: Final[dict[Stage, Callable[[InstanceState, Holding], None]]] = {
    Stage.FREE: taking.settle_free,
    Stage.DESCRIBING: taking.settle_describing,
    Stage.CLAIMING: taking.settle_claiming,
    Stage.STARTING: taking.settle_starting,
    Stage.OUTLIVING: taking.settle_acting,
    Stage.ADMITTING: taking.settle_acting,
    Stage.HELD: taking.settle_acting,
    Stage.LEAVING: leaving.settle_leaving,
    Stage.SAVING: leaving.settle_leaving,
}
"""RELEASING and STOPPING wait for their answers, whatever else happens."""


class OwnershipMachine:
    """All symbols of one instance."""

    def __init__(self, instance_id: str, lease_ns: int) -> None:
        self._instance = InstanceState(instance_id, lease_ns)
        self.expected: set[str] = set()
        """Symbols on their way to an actor, live: what must be kept for them waits."""

    def handle(self, event: ev.OwnershipEvent) -> list[OwnershipCommand]:
        """Take one event; returns what is to be done, in this order."""
        instance = self._instance
        instance.now_ns, instance.out = event.at_ns, []
        HANDLERS[type(event)](instance, event)
        for holding in self._concerned(event):
            self._settle(holding)
        self._end_waiting()
        return instance.out

    def _concerned(self, event: ev.OwnershipEvent) -> Iterable[Holding]:
        """Time changes nothing for what is held: there are many of those, and ten ticks a second."""
        holdings = self._instance.holdings.values()
        if isinstance(event, ev.OfSymbol):
            return (self._instance.of(event.symbol),)
        if isinstance(event, ev.Passed):
            return [holding for holding in holdings if holding.stage is not Stage.HELD or holding.may_go_on]
        return holdings

    def stage(self, symbol: str) -> Stage:
        """Where a symbol stands."""
        holding = self._instance.holdings.get(symbol)
        return Stage.FREE if holding is None else holding.stage

    def is_mine(self, symbol: str) -> bool:
        """Whether the symbol's partitions are this instance's, configured or not."""
        return self._instance.partitions.carry(symbol)

    def watched(self) -> list[str]:
        """Symbols whose actors it wants to be told of whenever they change."""
        return [name for name, holding in self._instance.holdings.items() if holding.is_watched]

    def may_go_on(self, symbol: str) -> bool:
        """Whether a symbol may go on by itself, here or at its next owner."""
        holding = self._instance.holdings.get(symbol)
        return holding is not None and holding.may_go_on

    def _settle(self, holding: Holding) -> None:
        """Go on until something has to be waited for."""
        instance, before = self._instance, None
        while holding.stage is not before:
            before = holding.stage
            if before in ACTING:
                taking.outlive_the_last_owner(instance, holding)
            if before in _SETTLERS:
                _SETTLERS[before](instance, holding)
        if holding.has_actor and holding.hold() is not holding.shown:
            holding.shown = holding.hold()
            instance.out.append(Restrain(holding.symbol, holding.shown))
        on_its_way = holding.stage in TAKING or holding.stage is Stage.RELEASING
        if on_its_way and instance.is_turn(holding):
            self.expected.add(holding.symbol)
        else:
            self.expected.discard(holding.symbol)

    def _end_waiting(self) -> None:
        instance = self._instance
        for ticket, (symbols, until_ns) in tuple(instance.tickets.items()):
            if not any(self._is_waited_for(instance.holdings[name], until_ns) for name in symbols):
                del instance.tickets[ticket]
                instance.out.append(Done(ticket))

    def _is_waited_for(self, holding: Holding, until_ns: float) -> bool:
        if holding.stage is Stage.LEAVING:
            return self._instance.now_ns < until_ns and not holding.facts.is_out
        return holding.stage in GIVING_UP
