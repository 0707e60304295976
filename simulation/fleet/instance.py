"""One instance: the ownership machine, what carries its commands out, its lease and its actors."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from market_maker.actors.tenure import Lease, Tenure
from market_maker.core import commands as core_cmd
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import Execution, Retire, Source
from market_maker.core.orders.order_tracker import Order
from market_maker.core.states import Cause
from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.machine import OwnershipMachine
from market_maker.ownership.states import Hold
from market_maker.streams.partitioner import partition_of
from simulation.clock import MS
from simulation.fleet.actor import LIMITS, FleetActor, Surroundings, instrument_of, restored, with_ids
from simulation.fleet.intake import PARTITIONS, FleetIntake
from simulation.fleet.postgres import AGAIN_NS, FleetJournal, FleetPostgres
from simulation.fleet.rows import StateRow
from simulation.fleet.shared import FleetWorld
from simulation.fleet.tenancy import RENEW_NS, FleetTenancy
from simulation.lifetime import Lifetime
from simulation.virtual_loop import VirtualLoop

LEASE_NS: Final = 800 * MS
TICK_NS: Final = 50 * MS
LOOK_NS: Final = 30 * MS
CHECKPOINT_NS: Final = 700 * MS
COUNTS: Final = {"engine": PARTITIONS}

_CAUSES: Final = {
    Hold.REVOKED: Cause.OWNERSHIP_LOST,
    Hold.LOST: Cause.OWNERSHIP_LOST,
    Hold.REMOVED: Cause.FLATTEN,
    Hold.ENDING: Cause.FLATTEN,
}


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
        self.done: set[int] = set()
        """Tickets that are over."""
        self._tenancy = FleetTenancy(
            name, self, self.loop, world.clock, self.postgres, world.rows, self.lease, self._renewed
        )
        self._tickets = 0
        self._last_ticket = 0
        self._claims: dict[str, int] = {}
        """The number of the claim, or of the start, that is wanted of each symbol."""
        self._tenures: dict[str, Tenure] = {}
        self._resuming: dict[int, str] = {}
        self._killing: dict[int, str] = {}
        self._requests = 0
        self._around = Surroundings(
            name,
            self,
            self.loop,
            world.exchange,
            lambda: self._clock.now_ns,
            self._changed,
            self._recorded,
            self._replied,
            self._journal.holds,
            lambda actor, request: world.leaves(name, actor, request),
        )
        self._carry_out: dict[type[cmd.OwnershipCommand], Callable[[Any], None]] = {
            cmd.Describe: self._describe,
            cmd.ClaimSymbol: self._claim,
            cmd.StartActor: self._start,
            cmd.Abandon: self._abandon,
            cmd.ClearWithoutActor: self._clear_without_actor,
            cmd.WakeActor: self._wake,
            cmd.Restrain: self._restrain,
            cmd.CarryOutKills: self._carry_out_kills,
            cmd.ClearAgain: self._clear_again,
            cmd.StopQuoting: self._stop_quoting,
            cmd.Save: self._save,
            cmd.ReleaseSymbol: self._release,
            cmd.StopActor: self._stop,
            cmd.ReadAgain: lambda command: self.intake.read_again(command.symbol),
            cmd.AskToResume: self._ask_to_resume,
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
        self.after(TICK_NS, self._pass)

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
                self._write_checkpoint(symbol, actor.tenure.epoch, lambda: None)
        self.after(CHECKPOINT_NS, self._checkpoint)

    def _write_checkpoint(self, symbol: str, epoch: int, then: Callable[[], None]) -> None:
        self.postgres.ask(lambda: self._world.rows.checkpoint(symbol, epoch), then, then)

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

    # --- taking ---------------------------------------------------------------------------------

    def _describe(self, command: cmd.Describe) -> None:
        described = ev.Described(self._clock.now_ns, command.symbol, instrument_of(command.symbol))
        self.after(2 * MS, self._when_saved, command.symbol, lambda: self.tell(described))

    def _when_saved(self, symbol: str, then: Callable[[], None]) -> None:
        if self._journal.holds(symbol):
            self.after(2 * MS, self._when_saved, symbol, then)
        else:
            then()

    def _claim(self, command: cmd.ClaimSymbol) -> None:
        symbol = command.symbol
        number = self._claims[symbol] = self._claims.get(symbol, 0) + 1
        answer: list[tuple[int, Any]] = []

        def answered() -> None:
            if self._claims[symbol] != number:
                self._world.coverage.hit("fleet:claim_came_through_late")
                return
            epoch, before = answer[0]
            now_ns = self._clock.now_ns
            was_released = before is None or before.released_ns is not None
            age_ns = now_ns - before.released_ns if before is not None and before.resume else None
            actor = self.actors.get(symbol)
            is_sound = actor is not None and not actor.tenure.is_held and not self._journal.holds(symbol)
            self.tell(ev.Claimed(now_ns, symbol, epoch, was_released, age_ns, is_sound))

        def failed() -> None:
            if self._claims[symbol] == number:
                self.after(AGAIN_NS, self._claim_again, command, number)

        self.postgres.ask(lambda: answer.append(self._world.rows.claim(symbol, self.name)), answered, failed)

    def _claim_again(self, command: cmd.ClaimSymbol, number: int) -> None:
        if self._claims[command.symbol] == number:
            self._claim(command)

    def _start(self, command: cmd.StartActor) -> None:
        symbol = command.symbol
        number = self._claims[symbol]
        tenure = Tenure(self.lease, command.epoch)
        self._tenures[symbol] = tenure
        before = self.actors.pop(symbol, None)
        if before is not None:
            self._end(before)
        with self.loop.running():
            self.loop.start(self._cancel_once(symbol, tenure))
        rows: list[tuple[StateRow, Restored, tuple[Order, ...]]] = []

        def read() -> None:
            row = self._world.rows.states[symbol]
            history, now_ns = self._world.rows.history, self._clock.now_ns
            rows.append((row, *restored(history, symbol, row, now_ns)))

        def answered() -> None:
            if self._claims[symbol] == number:
                self._begin(symbol, tenure, *rows[-1])

        def ask() -> None:
            if self._claims[symbol] == number:
                self.postgres.ask(read, answered, lambda: self.after(AGAIN_NS, ask))

        self.after(self._world.rng.choice((0, 20 * MS, 300 * MS, 1_200 * MS)), ask)

    async def _cancel_once(self, symbol: str, tenure: Tenure) -> None:
        if await tenure.may_ask():
            self._world.exchange.send(symbol, core_cmd.CancelAll(), self.name, lambda _answer: None)

    def _begin(
        self, symbol: str, tenure: Tenure, row: StateRow, start: Restored, orders: tuple[Order, ...]
    ) -> None:
        engine = SymbolEngine(with_ids(start, self._world.rng, self._clock.now_ns), LIMITS)
        actor = self.actors[symbol] = FleetActor(engine, tenure, self._around)
        actor.begin(orders)
        self._world.started(actor, row)
        self.tell(ev.Started(self._clock.now_ns, symbol))

    def _abandon(self, command: cmd.Abandon) -> None:
        self._claims[command.symbol] = self._claims.get(command.symbol, 0) + 1
        tenure = self._tenures.pop(command.symbol, None)
        if tenure is not None and command.symbol not in self.actors:
            with self.loop.running():
                tenure.close()

    def _clear_without_actor(self, command: cmd.ClearWithoutActor) -> None:
        self._claims[command.symbol] += 1
        tenure = self._tenures.pop(command.symbol, None) or Tenure(self.lease, command.epoch)
        with self.loop.running():
            self.loop.start(self._cancel_once(command.symbol, tenure))

    def _wake(self, command: cmd.WakeActor) -> None:
        self._world.coverage.hit("fleet:woken")
        actor = self.actors[command.symbol]
        actor.was_woken = True
        with self.loop.running():
            actor.tenure.renew(command.epoch)

    def _restrain(self, command: cmd.Restrain) -> None:
        why = "" if command.hold is None else command.hold.value
        actor = self.actors.get(command.symbol)
        if actor is not None:
            actor.step(Retire(self._clock.now_ns, why))

    def _carry_out_kills(self, command: cmd.CarryOutKills) -> None:
        symbol = command.symbol
        found: list[bool] = []

        def answered() -> None:
            actor = self.actors.get(symbol)
            if found[-1] and actor is not None:
                self._requests += 1
                self._killing[self._requests] = symbol
                actor.ask(self._requests, Cause.KILL, "operator", "ordered")
            self.tell(ev.Admitted(self._clock.now_ns, symbol, command.epoch))

        def ask() -> None:
            self.postgres.ask(lambda: found.append(symbol in self._world.rows.kills), answered, again)

        def again() -> None:
            self.after(AGAIN_NS, ask)

        ask()

    # --- giving up ------------------------------------------------------------------------------

    def _clear_again(self, command: cmd.ClearAgain) -> None:
        self.actors[command.symbol].ask(0, Cause.FLATTEN, "system", "the last owner's lease has ended")

    def _stop_quoting(self, command: cmd.StopQuoting) -> None:
        self.actors[command.symbol].ask(0, _CAUSES[command.hold], "system", command.hold.value)

    def _save(self, command: cmd.Save) -> None:
        symbol = command.symbol

        def saved() -> None:
            self._look_at(symbol)
            self.tell(ev.Saved(self._clock.now_ns, symbol))

        def durable() -> None:
            epoch = self.actors[symbol].tenure.epoch if symbol in self.actors else None
            if epoch is None or not self._world.trades:
                saved()
            else:
                self._write_checkpoint(symbol, epoch, lambda: self._when_saved(symbol, saved))

        self.after(MS, self._when_saved, symbol, durable)

    def _release(self, command: cmd.ReleaseSymbol) -> None:
        symbol, epoch = command.symbol, command.epoch
        actor = self.actors.get(symbol)
        if actor is not None and actor.tenure.epoch == epoch:
            actor.tenure.end()

        def statement() -> None:
            if self._world.rows.release(symbol, epoch, self._clock.now_ns, resume=command.resume):
                self._world.coverage.hit("fleet:released")
                self._world.released(symbol)

        def answered() -> None:
            self.tell(ev.Released(self._clock.now_ns, symbol, epoch))

        self.postgres.ask(statement, answered, answered)

    def _stop(self, command: cmd.StopActor) -> None:
        actor = self.actors.get(command.symbol)
        if actor is not None and command.is_fenced:
            self._world.coverage.hit("fleet:fenced")
            actor.tenure.end()
        self.after(MS, self._stopped, command.symbol, actor)

    def _stopped(self, symbol: str, actor: FleetActor | None) -> None:
        left_unread = actor is not None and actor.has_unread
        if actor is not None and self.actors.get(symbol) is actor:
            self._end(self.actors.pop(symbol))
        self.tell(ev.Stopped(self._clock.now_ns, symbol, left_unread))

    def _end(self, actor: FleetActor) -> None:
        actor.has_ended = True
        with self.loop.running():
            actor.tenure.close()

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

    def _ask_to_resume(self, command: cmd.AskToResume) -> None:
        self._requests += 1
        self._resuming[self._requests] = command.symbol
        self.actors[command.symbol].ask(self._requests, Cause.RESUME, "system", "went on")

    def _replied(self, reply: core_cmd.Reply) -> None:
        symbol = self._resuming.pop(reply.request_id, None)
        if symbol is not None:
            if not reply.problems:
                self._world.coverage.hit("fleet:went_on")
            self.tell(ev.Resumed(self._clock.now_ns, symbol, not reply.problems))
        symbol = self._killing.pop(reply.request_id, None)
        if symbol is not None:
            self._world.rows.kills.discard(symbol)
