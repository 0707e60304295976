"""Giving symbols up in an orderly way: pause, cancel, prove zero, save, release."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.api.changes import ChangeFeed
from market_maker.bootstrap.resumptions import Resumptions
from market_maker.bootstrap.tenancy import Tenancy
from market_maker.core.states import Cause, State
from market_maker.repositories.owners import Release

RECHECK_S: Final = 0.5
SYSTEM: Final = "system"

_log = structlog.get_logger()


class HandOver:
    """Carries it out, step by step; who calls decides how long each step may take."""

    def __init__(
        self,
        supervisor: Supervisor,
        controls: Controls,
        changes: ChangeFeed,
        journal: Journal,
        tenancy: Tenancy,
        resumptions: Resumptions,
    ) -> None:
        self._supervisor = supervisor
        self._controls = controls
        self._changes = changes
        self._journal = journal
        self._tenancy = tenancy
        self._resumptions = resumptions

    def begin(self, symbols: Iterable[str], cause: Cause, reason: str, *, resume: bool = False) -> None:
        """Stop quoting: no order leaves from here on, and what rests is being cancelled.

        `resume`: the next owner may let a symbol go on that is ACTIVE now, where the desk said so.
        """
        for symbol in symbols:
            worker = self._supervisor.worker(symbol)
            if worker is None:
                continue
            if not resume:
                self._resumptions.forget(symbol)
            elif worker.engine.symbol.state is State.ACTIVE:
                self._resumptions.leave_to_the_next(symbol)
            self._supervisor.retire(symbol, reason)
            request_id, _ = self._controls.open()
            self._supervisor.ask(symbol, request_id, cause, SYSTEM, reason)

    async def until(self, symbols: Sequence[str], done: Callable[[Worker], bool]) -> None:
        """Return once `done` holds for each of the symbols."""
        changes = self._changes.subscribe()
        try:
            while any(not done(worker) for worker in self._workers(symbols)):
                await changes.next(RECHECK_S)
        finally:
            changes.close()

    async def save(self) -> None:
        """Return once everything that was recorded so far is durable."""
        await self._journal.drain()

    async def release(self, symbols: Sequence[str]) -> None:
        """Let go of those symbols of which nothing is in the market; from here on nothing leaves for them.

        First everything that they recorded becomes durable, what comes meanwhile (a kill) included.
        A symbol that is not proven to be out of the market stays claimed: its next owner waits until our
        lease has ended. So does one whose last owner may still be sending. Raises DatabaseError.
        """
        await self.save()
        while any(map(self._journal.holds, symbols)):
            await self.save()
        releases: list[Release] = []
        for worker in self._workers(symbols):
            resume = self._resumptions.next_may(worker.name) and worker.engine.symbol.kill is None
            tenure = worker.tenure
            if not (tenure.is_held and tenure.is_alone and is_given_up(worker)):
                continue
            tenure.end()
            self._resumptions.forget(worker.name)
            if tenure.epoch is not None:
                releases.append(Release(worker.name, tenure.epoch, resume))
        if releases:
            await self._tenancy.release(releases)
            _log.info("released", symbols=[release.symbol for release in releases])

    def _workers(self, symbols: Iterable[str]) -> list[Worker]:
        found = (self._supervisor.worker(symbol) for symbol in symbols)
        return [worker for worker in found if worker is not None]


def is_given_up(worker: Worker) -> bool:
    """Whether nothing of a symbol can be in the market, or get there: it has left ACTIVE too."""
    return worker.engine.is_out_of_market and worker.engine.symbol.state is not State.ACTIVE
