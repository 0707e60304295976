"""How an instance takes a symbol: describe, claim, cancel everything, restore or wake; or gives that up."""

from typing import Any, Final

from market_maker.actors.tenure import Tenure
from market_maker.core.commands import CancelAll
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.orders.order_tracker import Order
from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from simulation.clock import MS
from simulation.fleet.actor import LIMITS, FleetActor, Surroundings, instrument_of, restored, with_ids
from simulation.fleet.parts import InstanceParts
from simulation.fleet.postgres import AGAIN_NS
from simulation.fleet.rows import StateRow

START_WAYS_NS: Final = (0, 20 * MS, 300 * MS, 1_200 * MS)
"""From the cancel of everything until the history is asked for."""


class FleetTaking:
    """An answer counts only for the last claim, or start, of its symbol."""

    def __init__(self, parts: InstanceParts, around: Surroundings) -> None:
        """Actors are given `around`."""
        self._parts, self._around = parts, around
        self._claims: dict[str, int] = {}
        """The number of the claim, or of the start, that is wanted of each symbol."""
        self._tenures: dict[str, Tenure] = {}

    def describe(self, command: cmd.Describe) -> None:
        """Ask for the instrument once what was recorded is durable."""
        described = ev.Described(self._parts.now_ns, command.symbol, instrument_of(command.symbol))
        self._parts.lifetime.after(
            2 * MS, self._parts.journal.when_durable, command.symbol, lambda: self._parts.tell(described)
        )

    def claim(self, command: cmd.ClaimSymbol) -> None:
        """Ask for a new epoch until there is an answer."""
        parts, symbol = self._parts, command.symbol
        number = self._claims[symbol] = self._claims.get(symbol, 0) + 1
        answer: list[tuple[int, Any]] = []

        def answered() -> None:
            if self._claims[symbol] != number:
                parts.world.coverage.hit("fleet:claim_came_through_late")
                return
            epoch, before = answer[0]
            now_ns = parts.now_ns
            was_released = before is None or before.released_ns is not None
            age_ns = now_ns - before.released_ns if before is not None and before.resume else None
            actor = parts.actors.get(symbol)
            is_sound = actor is not None and not actor.tenure.is_held and not parts.journal.holds(symbol)
            parts.tell(ev.Claimed(now_ns, symbol, epoch, was_released, age_ns, is_sound))

        def failed() -> None:
            if self._claims[symbol] == number:
                parts.lifetime.after(AGAIN_NS, self._claim_again, command, number)

        parts.postgres.ask(
            lambda: answer.append(parts.world.rows.claim(symbol, parts.name)), answered, failed
        )

    def _claim_again(self, command: cmd.ClaimSymbol, number: int) -> None:
        if self._claims[command.symbol] == number:
            self.claim(command)

    def start(self, command: cmd.StartActor) -> None:
        """Cancel everything, read the history, begin an actor in place of one that may be here."""
        parts, symbol = self._parts, command.symbol
        number = self._claims[symbol]
        tenure = Tenure(parts.lease, command.epoch)
        self._tenures[symbol] = tenure
        before = parts.actors.pop(symbol, None)
        if before is not None:
            before.end()
        self._clear(symbol, tenure)
        rows: list[tuple[StateRow, Restored, tuple[Order, ...]]] = []

        def read() -> None:
            row = parts.world.rows.states[symbol]
            rows.append((row, *restored(parts.world.rows.history, symbol, row, parts.now_ns)))

        def answered() -> None:
            if self._claims[symbol] == number:
                self._begin(symbol, tenure, *rows[-1])

        def ask() -> None:
            if self._claims[symbol] == number:
                parts.postgres.ask(read, answered, lambda: parts.lifetime.after(AGAIN_NS, ask))

        parts.lifetime.after(parts.world.rng.choice(START_WAYS_NS), ask)

    def _begin(
        self, symbol: str, tenure: Tenure, row: StateRow, start: Restored, orders: tuple[Order, ...]
    ) -> None:
        parts = self._parts
        engine = SymbolEngine(with_ids(start, parts.world.rng, parts.now_ns), LIMITS)
        actor = parts.actors[symbol] = FleetActor(engine, tenure, self._around)
        actor.begin(orders)
        parts.world.started(actor, row)
        parts.tell(ev.Started(parts.now_ns, symbol))

    def abandon(self, command: cmd.Abandon) -> None:
        """Claim or start it no longer, and let nothing leave for it."""
        self._claims[command.symbol] = self._claims.get(command.symbol, 0) + 1
        tenure = self._tenures.pop(command.symbol, None)
        if tenure is not None and command.symbol not in self._parts.actors:
            with self._parts.loop.running():
                tenure.close()

    def clear_without_actor(self, command: cmd.ClearWithoutActor) -> None:
        """Start it no longer, but clear its market."""
        self._claims[command.symbol] += 1
        tenure = self._tenures.pop(command.symbol, None) or Tenure(self._parts.lease, command.epoch)
        self._clear(command.symbol, tenure)

    def wake(self, command: cmd.WakeActor) -> None:
        """The actor that gave the symbol up goes on, under a new epoch."""
        self._parts.world.coverage.hit("fleet:woken")
        actor = self._parts.actors[command.symbol]
        actor.was_woken = True
        with self._parts.loop.running():
            actor.tenure.renew(command.epoch)

    def _clear(self, symbol: str, tenure: Tenure) -> None:
        with self._parts.loop.running():
            self._parts.loop.start(self._cancel_once(symbol, tenure))

    async def _cancel_once(self, symbol: str, tenure: Tenure) -> None:
        if await tenure.may_ask():
            self._parts.world.exchange.send(symbol, CancelAll(), self._parts.name, lambda _answer: None)
