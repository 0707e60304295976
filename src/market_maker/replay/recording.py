"""The record of one engine as its worker sees it: a step leaves references, another thread does the rest."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from market_maker.core.commands import Command
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import Event
from market_maker.replay.beginning import Beginning
from market_maker.replay.checkpoint import Checkpoint
from market_maker.replay.record import StepOutcome
from market_maker.replay.replaying import raised

WAITING_MAX: Final = 50_000
"""Steps of all symbols that may wait for the disk; more are not kept."""


class Recording:
    """Keeps the steps of one engine; used on the event loop's thread, never waits, never raises.

    `on` and `renew` are all that the two threads say to each other. The worker clears `on` when it could
    not keep a step, the writer when it could not write one. The writer sets `renew` to ask for a
    checkpoint; what comes after that begins a new file.
    """

    __slots__ = ("_beginning", "_engine", "_waiting", "began", "on", "renew", "symbol")

    def __init__(self, engine: SymbolEngine, beginning: Beginning, waiting: "Waiting") -> None:
        self.symbol = engine.symbol.name
        self.began = datetime.now(UTC)
        self.on = True
        self.renew = False
        self._engine = engine
        self._beginning = beginning
        self._waiting = waiting

    def started(self, said: Sequence[Command]) -> None:
        """The engine said this to its start."""
        self._waiting.append((self, self._beginning, said))

    def step(self, event: Event, commands: Sequence[Command]) -> None:
        """The engine handled an event; the commands must not change any more."""
        if self.on:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append((self, event, commands))
            else:
                self.on = False

    def settle(self) -> None:
        """The step is over and its requests are on their way: time for a checkpoint if one is wanted."""
        if self.renew:
            # In this order: the writer may fail, and say so, as soon as the checkpoint waits.
            self.on = True
            self.renew = False
            self._waiting.append((self, Checkpoint.of(self._engine), ()))

    def failed(self, event: Event, error: Exception) -> None:
        """The engine raised at this event."""
        if self.on:
            self._waiting.append((self, event, raised(error)))

    def close(self) -> None:
        """The engine has ended."""
        self._waiting.append((self, None, ()))


Waiting = deque[tuple[Recording, Event | Beginning | Checkpoint | None, StepOutcome]]
"""What waits for the writer, in order; None closes a recording."""
