"""One instance: the ownership machine, what carries its commands out, its lease and its actors."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from market_maker.actors.tenure import Lease
from market_maker.core import commands as core_cmd
from market_maker.core.events import Execution, LeaseMeasured, Source
from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.machine import OwnershipMachine
from market_maker.streams.partitioner import partition_of
from simulation.clock import MS
from simulation.fleet.actor import FleetActor, Surroundings
from simulation.fleet.intake import PARTITIONS, FleetIntake
from simulation.fleet.leaving import FleetLeaving
from simulation.fleet.parts import InstanceParts
from simulation.fleet.postgres import FleetJournal, FleetPostgres
from simulation.fleet.requests import FleetRequests
from simulation.fleet.rows import StateRow
from simulation.fleet.shared import FleetWorld
from simulation.fleet.taking import FleetTaking
from simulation.fleet.tenancy import RENEW_NS, FleetTenancy
from simulation.lifetime import Lifetime
from simulation.virtual_loop import VirtualLoop

LEASE_NS: Final = 800 * MS
TICK_NS: Final = 50 * MS
LOOK_NS: Final = 30 * MS
CHECKPOINT_NS: Final = 700 * MS
COUNTS: Final = {"engine": PARTITIONS}


def numbers_of(symbols: Iterable[str]) -> frozenset[int]:
    """The partitions that carry the symbols; each has one of its own."""
    return frozenset(partition_of(symbol, COUNTS["engine"]) for symbol in symbols)


class FleetInstance(Lifetime):
    """Lives until it is killed; stands still while it is frozen."""

    def __init__(self, world: FleetWorld, name: str) -> None:
        super().__init__(world.clock)
        self.name = name
        self._world = world
        self.machine = OwnershipMachine(name, LEASE_NS)
        self.loop = VirtualLoop(self, lambda: self._clock.now_ns)
        with self.loop.running():
            self.lease = Lease(lambda: self._clock.now_ns, LEASE_NS)
        self.actors: dict[str, FleetActor] = {}
        self.postgres = FleetPostgres(self, world.clock, world.rng)
        self.intake = FleetIntake(name, self, world.clock, world.topic, self._deliver)
        self._journal = FleetJournal(
            self,
            self.postgres,
            world.rows,
            world.coverage,
            self._fenced,
            self.intake.done,
            self.intake.hold,
        )
        self.beat_ns = self._clock.now_ns
        """When it gave its last sign of life."""
        self._lease_ran = True
        self.done: set[int] = set()
        """Tickets that are over."""
        self._tenancy = FleetTenancy(
            name, self, self.loop, world.clock, self.postgres, world.rows, self.lease, self._renewed
        )
        self._tickets = 0
        self._last_ticket = 0
        parts = InstanceParts(
            name, world, self, self.loop, self.lease, self.postgres, self._journal, self.actors, self.tell
        )
        requests = FleetRequests(parts)
        around = Surroundings(
            name,
            self,
            self.loop,
            world.exchange,
            lambda: self._clock.now_ns,
            self._changed,
            self._recorded,
            requests.replied,
            self._journal.holds,
            lambda actor, request: world.leaves(name, actor, request),
        )
        taking, leaving = FleetTaking(parts, around), FleetLeaving(parts, self._look_at)
        self._carry_out: dict[type[cmd.OwnershipCommand], Callable[[Any], None]] = {
            cmd.Describe: taking.describe,
            cmd.ClaimSymbol: taking.claim,
            cmd.StartActor: taking.start,
            cmd.Abandon: taking.abandon,
            cmd.ClearWithoutActor: taking.clear_without_actor,
            cmd.WakeActor: taking.wake,
            cmd.Restrain: requests.restrain,
            cmd.CarryOutKills: requests.carry_out_kills,
            cmd.ClearAgain: requests.clear_again,
            cmd.StopQuoting: requests.stop_quoting,
            cmd.AskToResume: requests.ask_to_resume,
            cmd.Save: leaving.save,
            cmd.ReleaseSymbol: leaving.release,
            cmd.StopActor: leaving.stop,
            cmd.ReadAgain: lambda command: self.intake.read_again(command.symbol),
            cmd.Done: lambda command: self.done.add(command.ticket),
        }

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._clock.now_ns < self.stalled_until_ns

    def begin(self) -> None:
        """Start what runs as long as it lives."""
        self.tell(ev.Configured(self._clock.now_ns, frozenset(self._world.configs)))
        self._beat()
        self._tenancy.renew()
        self._pass()
        self._look()
        if self._world.trades:
            self.intake.begin()
            self._checkpoint()

    def end(self) -> None:
        """Kill -9, or its end in order."""
        self.alive = False
        self.loop.end()

    def tell(self, event: ev.OwnershipEvent) -> None:
        """Tell the machine of an event and carry out, or begin, what it says."""
        for command in self.machine.handle(event):
            if type(command) in self._carry_out:
                self._carry_out[type(command)](command)

    # --- the consumer group ---------------------------------------------------------------------

    def assigned(self, symbols: set[str]) -> None:
        """The partitions of these symbols have come."""
        self.tell(ev.Assigned(self._clock.now_ns, numbers_of(symbols), COUNTS))
        self.intake.add(sorted(symbols))

    def revoking(self, symbols: set[str]) -> int:
        """The partitions of these symbols go; `done` has the ticket when they may."""
        self._look_at_all()
        self._tickets += 1
        self.tell(ev.Revoking(self._clock.now_ns, numbers_of(symbols), self._tickets))
        return self._tickets

    def lost(self, symbols: set[str]) -> None:
        """The partitions of these symbols have gone."""
        self.intake.remove(sorted(symbols))
        self.tell(ev.Lost(self._clock.now_ns, numbers_of(symbols)))

    def ends(self) -> None:
        """SIGTERM: stop quoting, prove zero, save, release."""
        self._look_at_all()
        self.tell(ev.ProcessEnds(self._clock.now_ns))
        self._flush_when_clear()

    def _flush_when_clear(self) -> None:
        if self._journal.is_busy or any(
            a.tenure.is_held and not a.engine.is_clear for a in self.actors.values()
        ):
            self.after(LOOK_NS, self._flush_when_clear)
            return
        self._look_at_all()
        self._tickets += 1
        self._last_ticket = self._tickets
        self.tell(ev.Flushed(self._clock.now_ns, self._tickets))

    @property
    def has_let_go(self) -> bool:
        """Whether everything that could be released is."""
        return self._last_ticket in self.done

    # --- routine --------------------------------------------------------------------------------

    def _beat(self) -> None:
        self.beat_ns = self._clock.now_ns
        self.after(RENEW_NS, self._beat)

    def _pass(self) -> None:
        self.tell(ev.Passed(self._clock.now_ns))
        self._tell_lease()
        self.after(TICK_NS, self._pass)

    def _tell_lease(self) -> None:
        """As the service's kill switch feed."""
        runs = self.lease.is_current
        if not (runs and self._lease_ran):
            for _, actor in sorted(self.actors.items()):
                actor.hear(LeaseMeasured(self._clock.now_ns, runs))
        self._lease_ran = runs

    def _deliver(self, symbol: str, execution: Execution) -> bool:
        """As the service's router: what comes on the way to an actor waits for it."""
        actor = self.actors.get(symbol)
        if actor is None or symbol in self.machine.expected:
            return False
        actor.hear(execution)
        return True

    def _checkpoint(self) -> None:
        """Write down how far the fills of what is ours are folded."""
        for symbol, actor in sorted(self.actors.items()):
            if actor.tenure.is_held and actor.tenure.epoch is not None:
                self._journal.checkpoint(symbol, actor.tenure.epoch, lambda: None)
        self.after(CHECKPOINT_NS, self._checkpoint)

    def _look(self) -> None:
        for symbol in self.machine.watched():
            self._look_at(symbol)
        self.after(LOOK_NS, self._look)

    def _look_at_all(self) -> None:
        for symbol in sorted(self.actors):
            self._look_at(symbol)

    def _look_at(self, symbol: str) -> None:
        actor = self.actors.get(symbol)
        if actor is not None:
            facts = actor.facts(may_go_on=self.machine.may_go_on(symbol))
            self.tell(ev.ActorSeen(self._clock.now_ns, symbol, facts))

    def _renewed(self, asked_ns: int, owned: dict[str, int], owners: dict[str, str]) -> None:
        self.tell(ev.Renewed(self._clock.now_ns, asked_ns, owned, owners))

    # --- what engines say -----------------------------------------------------------------------

    def _changed(self, actor: FleetActor, record: core_cmd.RecordState) -> None:
        epoch = actor.tenure.epoch
        if epoch == self._world.rows.owners[actor.name].epoch:  # what another thinks concerns nobody
            self._world.changed(actor.name, record)
        if epoch is not None and not self._world.trades:
            self._journal.append(actor.name, epoch, StateRow(record.to_state, record.kill_reason))

    def _recorded(
        self, actor: FleetActor, records: tuple[core_cmd.Record, ...], source: Source | None
    ) -> None:
        if actor.tenure.epoch is not None and self._world.trades:
            states = [record for record in records if isinstance(record, core_cmd.RecordState)]
            row = StateRow(states[-1].to_state, states[-1].kill_reason) if states else None
            self._journal.append(actor.name, actor.tenure.epoch, row, records, source)

    def _fenced(self, symbol: str, epoch: int) -> None:
        self.tell(ev.Fenced(self._clock.now_ns, symbol, epoch))
