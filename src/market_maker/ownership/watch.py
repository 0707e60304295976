"""Tells the ownership machine what actors are like: whenever one has changed that it waits for."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from market_maker.actors.tasks import TaskGroup
from market_maker.actors.trading import Trading
from market_maker.actors.worker import Worker
from market_maker.core.engine.control import activation_problems
from market_maker.core.states import State
from market_maker.ownership.events import ActorSeen, Facts
from market_maker.ownership.machine import OwnershipMachine

LOOK_EVERY_S: Final = 0.1


class ActorWatch:
    """Looks at the actors of one instance."""

    def __init__(
        self,
        machine: OwnershipMachine,
        trading: Trading,
        tasks: TaskGroup,
        tell: Callable[[ActorSeen], None],
    ) -> None:
        self._machine = machine
        self._supervisor = trading.supervisor
        self._journal = trading.journal
        self._changes = trading.changes
        self._tasks = tasks
        self._tell = tell
        self._watching: asyncio.Task[None] | None = None

    def report(self, symbol: str) -> None:
        """Tell what the symbol's actor is like now."""
        worker = self._supervisor.worker(symbol)
        if worker is not None:
            self._tell(ActorSeen(time.monotonic_ns(), symbol, self._facts(worker)))

    def report_all(self) -> None:
        """Tell it of every actor."""
        for worker in self._supervisor:
            self.report(worker.name)

    def watch(self) -> None:
        """Look, from now on, at each change of those that the machine waits for."""
        if self._watching is None and self._machine.watched():
            self._watching = self._tasks.start("watch actors", self._watch())

    async def _watch(self) -> None:
        changes = self._changes.subscribe()
        try:
            while watched := self._machine.watched():
                for symbol in watched:
                    self.report(symbol)
                await changes.next(LOOK_EVERY_S)
        finally:
            self._watching = None
            changes.close()

    async def until_clear(self) -> None:
        """Return once nothing of what is ours is in the market."""
        changes = self._changes.subscribe()
        try:
            while any(worker.tenure.is_held and not worker.engine.is_clear for worker in self._supervisor):
                await changes.next(LOOK_EVERY_S)
        finally:
            changes.close()

    def _facts(self, worker: Worker) -> Facts:
        symbol = worker.engine.symbol
        return Facts(
            is_active=symbol.state is State.ACTIVE,
            is_out=is_out_of_market(worker),
            is_killed=symbol.kill is not None,
            is_busy=self._journal.holds(worker.name) or len(worker.mailbox) > 0,
            may_resume=symbol.config.resume_on_clean_handover,
            is_ready=self._machine.may_go_on(worker.name) and not activation_problems(symbol, resume=True),
        )


def is_out_of_market(worker: Worker) -> bool:
    """Whether nothing of a symbol can be in the market, or get there: it has left ACTIVE too."""
    return worker.engine.is_out_of_market and worker.engine.symbol.state is not State.ACTIVE
