"""Symbols that go on quoting by themselves: only after an orderly hand-over, where the desk said so."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from market_maker.actors.controls import Controls
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.api.changes import ChangeFeed
from market_maker.core.control import activation_problems
from market_maker.core.states import Cause
from market_maker.repositories.owners import Claim

AGE_MAX: Final = timedelta(seconds=60)
"""A hand-over is a matter of seconds; a service that stood still for longer starts PAUSED as ever."""
WAIT_S_MAX: Final = 30.0
LOOK_EVERY_S: Final = 0.1
ACTOR: Final = "system"
REASON: Final = "went on after a clean hand-over"

_log = structlog.get_logger()


class Resumptions:
    """Asks the engine to resume, as an operator would, once nothing speaks against it any more."""

    def __init__(
        self, supervisor: Supervisor, controls: Controls, changes: ChangeFeed, tasks: TaskGroup
    ) -> None:
        self._supervisor = supervisor
        self._changes = changes
        self._controls = controls
        self._tasks = tasks
        self._waiting: dict[str, Claim] = {}
        self._left: set[str] = set()

    def leave_to_the_next(self, symbol: str) -> None:
        """A symbol's hand-over begins while it is ACTIVE: its next owner may go on."""
        self._left.add(symbol)

    def next_may(self, symbol: str) -> bool:
        """Whether a symbol that is given up was ACTIVE, or about to be again, and no operator stopped it."""
        return symbol in self._left or symbol in self._waiting

    def consider(self, claim: Claim) -> None:
        """Resume a symbol that was just taken, if it was ACTIVE until its clean hand-over and may go on."""
        self.forget(claim.symbol)
        worker = self._supervisor.worker(claim.symbol)
        age = claim.resume_age
        if worker is None or age is None or age > AGE_MAX:
            return
        if worker.engine.symbol.config.resume_on_clean_handover:
            self._waiting[claim.symbol] = claim
            self._tasks.start(f"resume {claim.symbol}", self._resume(claim))

    def forget(self, symbol: str) -> None:
        """An operator has decided about the symbol himself, or it is not ours any more."""
        self._waiting.pop(symbol, None)
        self._left.discard(symbol)

    async def _resume(self, claim: Claim) -> None:
        changes = self._changes.subscribe()
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                while self._waiting.get(claim.symbol) is claim and not await self._resumed(claim):
                    await changes.next(LOOK_EVERY_S)
        except TimeoutError:
            _log.warning("not_resumed", symbol=claim.symbol, problems=self._problems(claim))
        finally:
            changes.close()
            if self._waiting.get(claim.symbol) is claim:
                del self._waiting[claim.symbol]

    async def _resumed(self, claim: Claim) -> bool:
        """Whether there is nothing more to try."""
        worker = self._supervisor.worker(claim.symbol)
        if worker is None or worker.tenure.epoch != claim.epoch or worker.engine.symbol.kill is not None:
            return True
        if activation_problems(worker.engine.symbol, resume=True):
            return False
        request_id, reply = self._controls.open()
        self._supervisor.ask(claim.symbol, request_id, Cause.RESUME, ACTOR, REASON)
        return not (await reply).problems

    def _problems(self, claim: Claim) -> list[str]:
        worker = self._supervisor.worker(claim.symbol)
        if worker is None:
            return []
        return [problem.code for problem in activation_problems(worker.engine.symbol, resume=True)]
