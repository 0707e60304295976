"""How an instance gives a symbol up: save, release, end its actor."""

from collections.abc import Callable

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from simulation.clock import MS
from simulation.fleet.actor import FleetActor
from simulation.fleet.parts import InstanceParts


class FleetLeaving:
    """What the machine asks for once a symbol is out of the market, or lost."""

    def __init__(self, parts: InstanceParts, look_at: Callable[[str], None]) -> None:
        """`look_at` tells the machine what a symbol's actor is like."""
        self._parts, self._look_at = parts, look_at

    def save(self, command: cmd.Save) -> None:
        """Make durable what it recorded, and how far its fills are folded."""
        parts, symbol = self._parts, command.symbol

        def saved() -> None:
            self._look_at(symbol)
            parts.tell(ev.Saved(parts.now_ns, symbol))

        def durable() -> None:
            epoch = parts.actors[symbol].tenure.epoch if symbol in parts.actors else None
            if epoch is None or not parts.world.trades:
                saved()
            else:
                parts.journal.checkpoint(symbol, epoch, lambda: parts.journal.when_durable(symbol, saved))

        parts.lifetime.after(MS, parts.journal.when_durable, symbol, durable)

    def release(self, command: cmd.ReleaseSymbol) -> None:
        """Let nothing leave under this epoch any more and tell PostgreSQL."""
        parts, symbol, epoch = self._parts, command.symbol, command.epoch
        actor = parts.actors.get(symbol)
        if actor is not None and actor.tenure.epoch == epoch:
            actor.tenure.end()

        def statement() -> None:
            if parts.world.rows.release(symbol, epoch, parts.now_ns, resume=command.resume):
                parts.world.coverage.hit("fleet:released")
                parts.world.released(symbol)

        def answered() -> None:
            parts.tell(ev.Released(parts.now_ns, symbol, epoch))

        parts.postgres.ask(statement, answered, answered)

    def stop(self, command: cmd.StopActor) -> None:
        """End its actor; if it is fenced, nothing may leave from this moment on."""
        actor = self._parts.actors.get(command.symbol)
        if actor is not None and command.is_fenced:
            self._parts.world.coverage.hit("fleet:fenced")
            actor.tenure.end()
        self._parts.lifetime.after(MS, self._stopped, command.symbol, actor)

    def _stopped(self, symbol: str, actor: FleetActor | None) -> None:
        left_unread = actor is not None and actor.has_unread
        if actor is not None and self._parts.actors.get(symbol) is actor:
            self._parts.actors.pop(symbol).end()
        self._parts.tell(ev.Stopped(self._parts.now_ns, symbol, left_unread))
