"""What an instance asks of its engines in its own name, and what comes of it."""

from typing import Final

from market_maker.core.commands import Reply
from market_maker.core.events import Retire
from market_maker.core.states import Cause
from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.states import Hold
from simulation.fleet.parts import InstanceParts
from simulation.fleet.postgres import AGAIN_NS

_CAUSES: Final = {
    Hold.REVOKED: Cause.OWNERSHIP_LOST,
    Hold.LOST: Cause.OWNERSHIP_LOST,
    Hold.REMOVED: Cause.FLATTEN,
    Hold.ENDING: Cause.FLATTEN,
}


class FleetRequests:
    """Only a kill and a resumption are numbered: their replies matter."""

    def __init__(self, parts: InstanceParts) -> None:
        self._parts = parts
        self._requests = 0
        self._resuming: dict[int, str] = {}
        self._killing: dict[int, str] = {}

    def restrain(self, command: cmd.Restrain) -> None:
        """Refuse to enable it, or refuse no longer."""
        why = "" if command.hold is None else command.hold.value
        actor = self._parts.actors.get(command.symbol)
        if actor is not None:
            actor.step(Retire(self._parts.now_ns, why))

    def clear_again(self, command: cmd.ClearAgain) -> None:
        """Clear its market once more."""
        self._parts.actors[command.symbol].ask(0, Cause.FLATTEN, "system", "the last owner's lease has ended")

    def stop_quoting(self, command: cmd.StopQuoting) -> None:
        """Pause it and cancel what rests."""
        self._parts.actors[command.symbol].ask(0, _CAUSES[command.hold], "system", command.hold.value)

    def carry_out_kills(self, command: cmd.CarryOutKills) -> None:
        """Carry out a kill that waited in the table for an owner."""
        parts, symbol = self._parts, command.symbol
        found: list[bool] = []

        def answered() -> None:
            actor = parts.actors.get(symbol)
            if found[-1] and actor is not None:
                self._requests += 1
                self._killing[self._requests] = symbol
                actor.ask(self._requests, Cause.KILL, "operator", "ordered")
            parts.tell(ev.Admitted(parts.now_ns, symbol, command.epoch))

        def ask() -> None:
            parts.postgres.ask(lambda: found.append(symbol in parts.world.rows.kills), answered, again)

        def again() -> None:
            parts.lifetime.after(AGAIN_NS, ask)

        ask()

    def ask_to_resume(self, command: cmd.AskToResume) -> None:
        """Ask its engine to go on, as an operator would."""
        self._requests += 1
        self._resuming[self._requests] = command.symbol
        self._parts.actors[command.symbol].ask(self._requests, Cause.RESUME, "system", "went on")

    def replied(self, reply: Reply) -> None:
        """An engine has carried a request out, or refused it."""
        parts = self._parts
        symbol = self._resuming.pop(reply.request_id, None)
        if symbol is not None:
            if not reply.problems:
                parts.world.coverage.hit("fleet:went_on")
            parts.tell(ev.Resumed(parts.now_ns, symbol, not reply.problems))
        symbol = self._killing.pop(reply.request_id, None)
        if symbol is not None:
            parts.world.rows.kills.discard(symbol)
