"""What must hold of a fleet at every moment; the numbers are those of the list in docs/simulation.md."""

from typing import Final

from market_maker.core import commands as cmd
from market_maker.core.states import State
from market_maker.ownership.states import Stage
from simulation.clock import MS
from simulation.fleet.actor import FleetActor
from simulation.fleet.exchange import FleetExchange
from simulation.fleet.guard import SETTLE_NS, SILENCE_NS
from simulation.fleet.instance import LEASE_NS, FleetInstance
from simulation.fleet.rows import FleetRows
from simulation.violation import Violation

CLEARED_NS_MAX: Final = SILENCE_NS + LEASE_NS + SETTLE_NS + 700 * MS
"""How long orders may rest that nobody looks after; not counted while the Order Service is away."""
LET_GO_NS_MAX: Final = 500 * MS
"""How long orders may rest after the end of the lease of a living instance that still acts for them."""


class FleetChecks:
    """Compares what instances do with what they may."""

    def __init__(self, instances: dict[str, FleetInstance], exchange: FleetExchange, rows: FleetRows) -> None:
        self._instances, self._exchange, self._rows = instances, exchange, rows
        self._epochs: dict[str, tuple[int, int]] = {}
        """The epoch of each symbol, and since when it has been seen."""
        self._cleared: set[tuple[str, int | None, str]] = set()
        """Who has cancelled everything in which symbol, under which epoch."""
        self._killed: set[str] = set()
        """Symbols that were killed and that no person has enabled since."""

    def leaves(self, instance: FleetInstance, actor: FleetActor, request: cmd.Request) -> None:
        """A request is about to leave."""
        symbol = actor.name
        under = instance.name, actor.tenure.epoch, symbol
        if isinstance(request, cmd.CancelAll):
            self._cleared.add(under)
        elif not isinstance(request, cmd.CancelOrder) and not actor.was_woken and under not in self._cleared:
            name = type(request).__name__
            raise Violation(17, f"{symbol}: {name} of {instance.name} leaves before the cancel of everything")
        if not isinstance(request, cmd.PlaceOrder):
            return
        if instance.machine.stage(symbol) not in (Stage.HELD, Stage.LEAVING):
            raise Violation(17, f"{symbol}: {instance.name} sends in {instance.machine.stage(symbol).name}")
        for other in self._instances.values():
            theirs = other.actors.get(symbol)
            if other is not instance and other.alive and theirs is not None and theirs.may_send:
                raise Violation(17, f"{symbol}: {instance.name} sends, and {other.name} may")

    def changed(self, symbol: str, record: cmd.RecordState) -> None:
        """An engine has left a state for another."""
        if record.to_state is State.HALTED:
            self._killed.add(symbol)
        elif record.to_state is State.ACTIVE:
            if record.actor != "system":
                self._killed.discard(symbol)
            elif symbol in self._killed:
                raise Violation(7, f"{symbol}: goes on by itself after a kill")

    def released(self, symbol: str) -> None:
        """A symbol was given up in order."""
        if self._rows.owners[symbol].resume and self._rows.states[symbol].state is State.HALTED:
            raise Violation(7, f"{symbol}: released to go on by itself, though it is HALTED")

    def guarded(self, symbol: str) -> None:
        """The guard has halted a symbol."""
        self._killed.add(symbol)

    def stored(self, symbol: str) -> None:
        """Records were stored: the position is the fold of the fills, each counted once, whoever owned it."""
        fills = self._rows.history.store.fills_of(symbol)
        told = {(one.trade_id, one.side) for one in self._exchange.executions.get(symbol, ())}
        if any((fill.trade_id, fill.side) not in told for fill in fills):
            raise Violation(8, f"{symbol}: a fill is stored that the exchange has not told")
        position = self._rows.history.store.positions.get(symbol)
        whole = self._rows.history.whole(symbol).position
        if position is not None and position != whole:
            raise Violation(8, f"{symbol}: the position is {position}, the fills come to {whole}")

    def uncounted(self, symbols: tuple[str, ...]) -> str:
        """Which symbol's fills are not all stored and counted; empty when they are."""
        for symbol in symbols:
            told = len(self._exchange.executions.get(symbol, ()))
            stored = len(self._rows.history.store.fills_of(symbol))
            counted = {
                instance.actors[symbol].engine.symbol.inventory.fill_count
                for instance in self._instances.values()
                if instance.alive and symbol in instance.actors and instance.actors[symbol].tenure.is_held
            }
            if stored != told or counted != {told}:
                return f"{symbol}: {told} fills, {stored} are stored, its owner counts {sorted(counted)}"
        return ""

    def started(self, actor: FleetActor, stored: State) -> None:
        """An engine has begun: HALTED as stored, never ACTIVE, and with every fill that is stored."""
        begun = actor.engine.symbol.inventory.to_row()
        if self._rows.owners[actor.name].epoch == actor.tenure.epoch:
            whole = self._rows.history.whole(actor.name).position
            if begun != whole:
                raise Violation(8, f"{actor.name}: begins at {begun}, the fills come to {whole}")
        state = actor.engine.symbol.state
        if state is State.ACTIVE or (stored is State.HALTED) is not (state is State.HALTED):
            raise Violation(7, f"{actor.name}: begins {state.name}, stored is {stored.name}")

    def rests(self, now_ns: int) -> None:
        """Nobody's orders stay, counted from when their symbol was last taken, or its taker fell silent."""
        for symbol, row in self._rows.owners.items():
            if self._epochs.get(symbol, (0, 0))[0] != row.epoch:
                self._epochs[symbol] = row.epoch, now_ns
        if now_ns < self._exchange.down_until_ns:
            return
        for symbol, resting in self._exchange.open.items():
            for client_order_id, order in resting.items():
                actor = self._instances[order.instance_id].actors.get(symbol)
                if actor is not None and self._attends(order.instance_id, actor):
                    order.unattended_ns = None
                    self._is_let_go(self._instances[order.instance_id], actor, client_order_id, now_ns)
                    continue
                since_ns = order.unattended_ns = order.unattended_ns or now_ns
                since_ns = max(since_ns, self._exchange.down_until_ns, self._taken_ns(symbol))
                if now_ns - since_ns > CLEARED_NS_MAX:
                    raise Violation(19, f"{symbol}: {client_order_id} of {order.instance_id} is nobody's")

    def _is_let_go(
        self, instance: FleetInstance, actor: FleetActor, client_order_id: str, now_ns: int
    ) -> None:
        """What rests goes with the lease, though PostgreSQL is not given up yet; a kill clears in rounds."""
        ended_ns = now_ns + instance.lease.left_ns
        since_ns = max(ended_ns, instance.stalled_until_ns, self._exchange.down_until_ns)
        if actor.engine.symbol.is_active and now_ns - since_ns > LET_GO_NS_MAX:
            raise Violation(19, f"{actor.name}: {client_order_id} outlives the lease of {instance.name}")

    def _taken_ns(self, symbol: str) -> int:
        """When somebody last took it upon himself to look after a symbol, and gave a sign of life."""
        row, (_, since_ns) = self._rows.owners[symbol], self._epochs[symbol]
        taker = self._instances.get(row.instance_id or "")
        if taker is None or (taker.alive and not taker.is_frozen):
            return since_ns
        return max(since_ns, taker.beat_ns)

    def _attends(self, name: str, actor: FleetActor) -> bool:
        instance = self._instances[name]
        return instance.alive and not instance.is_frozen and actor.tenure.is_held

    def at_last(self, symbols: tuple[str, ...], owners: dict[str, str]) -> str:
        """Why not every symbol has its one owner; empty when each has."""
        for symbol in symbols:
            holders = [
                instance
                for instance in self._instances.values()
                if instance.alive and symbol in instance.actors and instance.actors[symbol].tenure.is_held
            ]
            names = [instance.name for instance in holders]
            if len(names) != 1 or owners.get(symbol) != names[0]:
                return f"{symbol}: held by {names or 'nobody'}, the row names {owners.get(symbol)}"
            if holders[0].machine.stage(symbol) is not Stage.HELD:
                return f"{symbol}: {names[0]} is still {holders[0].machine.stage(symbol).name}"
        return ""
