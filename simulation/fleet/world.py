"""One run of a fleet: its parts, the decisions carried out, the desk, the calm at the end."""

from random import Random
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core.events import Execution
from market_maker.core.states import Cause, State
from market_maker.ownership import events as ev
from market_maker.ownership.states import Stage
from simulation.clock import MS, START_NS, Clock
from simulation.coverage import Coverage
from simulation.decisions import Decision, Kind
from simulation.fleet.actor import FleetActor
from simulation.fleet.checks import FleetChecks
from simulation.fleet.exchange import FleetExchange
from simulation.fleet.group import FleetGroup
from simulation.fleet.guard import FleetGuard
from simulation.fleet.instance import FleetInstance
from simulation.fleet.rows import FleetRows, StateRow
from simulation.fleet.script import FleetPlan

BOOK_NS: Final = 250 * MS
CHECK_NS: Final = 100 * MS
DESK_NS: Final = 700 * MS
END_NS_MAX: Final = 5_000 * MS
TRADES: Final = 0.4
"""How often somebody trades in a symbol between two books."""
RESETS: Final = 0.5
ENABLES: Final = 0.3
"""How often the desk does it when it looks."""


class Topic:
    """The engine's events, and how far the group has committed them."""

    def __init__(self, exchange: FleetExchange, group: FleetGroup) -> None:
        self._exchange, self._group = exchange, group
        self.committed: dict[str, int] = {}

    def told(self, symbol: str) -> list[Execution]:
        """As in `EngineTopic`."""
        return self._exchange.executions.get(symbol, [])

    def may_commit(self, name: str, symbol: str) -> bool:
        """As in `EngineTopic`."""
        return name in self._group.members and self._group.owner_of.get(symbol) == name


class FleetRun:
    """Everything of a run. Made, then driven by `runner`."""

    def __init__(self, plan: FleetPlan) -> None:
        self.plan = plan
        self.clock = Clock()
        self.coverage = Coverage()
        self.rng = Random(f"fleet:{plan.seed}")
        self.configs = plan.configs()
        self.rows = FleetRows(self.configs)
        self.trades = plan.trades
        self._takers = Random(f"takers:{plan.seed}")
        self.exchange = FleetExchange(self.clock, Random(f"ways:{plan.seed}"))
        self.instances: dict[str, FleetInstance] = {}
        self.checks = FleetChecks(self.instances, self.exchange, self.rows)
        self.rows.halted, self.rows.stored = self.checks.guarded, self.checks.stored
        self.group = FleetGroup(self.clock, self.rng, self.coverage, plan.symbols, is_eager=plan.is_eager)
        self.topic = Topic(self.exchange, self.group)
        FleetGuard(self.clock, self.coverage, self.rows, self.exchange, self.instances)
        self._books = 0
        self._is_calm = False

    def begin(self, decisions: tuple[Decision, ...]) -> None:
        """Start the instances and note what will be decided."""
        for _ in range(self.plan.instances):
            self._start()
        for decision in decisions:
            self.clock.at(START_NS + decision.at_ms * MS, self._decide, decision)
        self._show_books()
        self._check()
        self._desk()

    def calm(self) -> None:
        """Nothing goes wrong from here on, and people lose no time."""
        self._is_calm = True
        for instance in self.alive():
            instance.postgres.away_until_ns = 0
        self.exchange.down_until_ns = 0

    def alive(self) -> list[FleetInstance]:
        """Instances that live; they may stand still."""
        return [instance for instance in self.instances.values() if instance.alive]

    def is_at_rest(self) -> str:
        """Why not everything has come to rest; empty when it has."""
        symbols = self.plan.symbols
        return self.checks.at_last(symbols, self.rows.owners_by_symbol()) or self.checks.uncounted(symbols)

    def quotes(self, symbol: str) -> bool:
        """Whether some instance quotes it."""
        return any(
            symbol in instance.actors and instance.actors[symbol].may_send for instance in self.alive()
        )

    # --- what instances tell ---------------------------------------------------------------------

    def leaves(self, instance_id: str, actor: FleetActor, request: cmd.Request) -> None:
        """A request is about to leave."""
        self.checks.leaves(self.instances[instance_id], actor, request)

    def started(self, actor: FleetActor, row: StateRow) -> None:
        """An engine has begun, from this row."""
        self.checks.started(actor, row.state)

    def changed(self, symbol: str, record: cmd.RecordState) -> None:
        """An engine has left a state for another."""
        self.checks.changed(symbol, record)

    def released(self, symbol: str) -> None:
        """A symbol was given up in order."""
        self.checks.released(symbol)

    # --- routine ---------------------------------------------------------------------------------

    def _start(self) -> None:
        name = f"i{len(self.instances) + 1}"
        instance = self.instances[name] = FleetInstance(self, name)
        instance.begin()
        self.group.join(instance)

    def _show_books(self) -> None:
        self._books += 1
        if self.trades and not self._is_calm:
            for symbol in self.plan.symbols:
                if self._takers.random() < TRADES:
                    self.exchange.trade(symbol, self._takers)
        shift = 0 if self.plan.is_quiet else self.rng.randrange(-400, 400)
        for instance in self.alive():
            for actor in tuple(instance.actors.values()):
                instance.after(0, actor.show_book, self._books, shift)
        self.clock.after(BOOK_NS, self._show_books)

    def _check(self) -> None:
        self.checks.rests(self.clock.now_ns)
        self.clock.after(CHECK_NS, self._check)

    def _desk(self) -> None:
        """People: what is halted they reset, what is paused they enable, later."""
        for symbol in self.plan.symbols:
            for instance in self.alive():
                actor = instance.actors.get(symbol)
                if actor is None or instance.is_frozen or instance.machine.stage(symbol) is not Stage.HELD:
                    continue
                state = actor.engine.symbol.state
                if state is State.HALTED and (self._is_calm or self.rng.random() < RESETS):
                    self._ask(instance, symbol, Cause.RESET)
                elif state is State.PAUSED and (self._is_calm or self.rng.random() < ENABLES):
                    self._ask(instance, symbol, Cause.ENABLE)
        self.clock.after(DESK_NS, self._desk)

    def _ask(self, instance: FleetInstance, symbol: str, cause: Cause) -> None:
        instance.tell(ev.OperatorSpoke(self.clock.now_ns, symbol))
        instance.actors[symbol].ask(0, cause, "desk", "test")

    # --- what is decided -------------------------------------------------------------------------

    def _decide(self, decision: Decision) -> None:  # noqa: C901 -- one line for each thing that can go wrong
        alive = self.alive()
        if not alive:
            return
        instance = alive[decision.count % len(alive)]
        symbol = self.plan.symbols[decision.symbol % len(self.plan.symbols)]
        self.coverage.hit(f"fleet:{decision.kind.value}")
        now_ns, lasting_ns = self.clock.now_ns, decision.value * MS
        match decision.kind:
            case Kind.CRASH:
                self._kill(instance, lasting_ns)
            case Kind.STALL:
                instance.stall(lasting_ns)
            case Kind.TERMINATE:
                instance.after(0, self._terminate, instance, lasting_ns)
            case Kind.DB_DOWN:
                instance.postgres.away_until_ns = now_ns + lasting_ns
            case Kind.OWNER_LOST:
                self.group.throw_out(instance.name, lasting_ns)
            case Kind.REVOKE:
                self.group.shuffle()
            case Kind.OUTAGE:
                self.exchange.down_until_ns = now_ns + lasting_ns
            case Kind.KILL:
                self._kill_symbol(symbol, by_table=decision.count % 2 == 0)
            case Kind.PAUSE:
                if symbol in instance.actors and not instance.is_frozen:
                    self._ask(instance, symbol, Cause.PAUSE)
            case _:
                raise ValueError(f"{decision.kind}: nothing that can go wrong with a fleet")

    def _kill(self, instance: FleetInstance, down_ns: int) -> None:
        if instance.alive:
            instance.end()
            self.clock.after(down_ns, self._start)

    def _terminate(self, instance: FleetInstance, down_ns: int) -> None:
        """SIGTERM: it leaves the group once everything is released, or after five seconds."""
        instance.ends()
        self._await_end(instance, down_ns, self.clock.now_ns + END_NS_MAX)

    def _await_end(self, instance: FleetInstance, down_ns: int, until_ns: int) -> None:
        if instance.has_let_go or self.clock.now_ns >= until_ns:
            self.coverage.hit("fleet:ended_in_order" if instance.has_let_go else "fleet:end_gave_up")
            self.group.leave(instance.name)
            self._kill(instance, down_ns)
        else:
            instance.after(20 * MS, self._await_end, instance, down_ns, until_ns)

    def _kill_symbol(self, symbol: str, *, by_table: bool) -> None:
        """A person's kill, by the table or at every instance that has the symbol."""
        if by_table:
            self.rows.kills.add(symbol)
        for instance in self.alive():
            if not by_table and symbol in instance.actors and instance.actors[symbol].tenure.is_held:
                instance.actors[symbol].ask(0, Cause.KILL, "desk", "test")
