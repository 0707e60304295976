"""Folds the whole history of each symbol that was taken and compares its checkpoint with it.

A start trusts the checkpoint; this is what finds out when it should not have. One symbol at a time, a page
at a time, and most of the time it rests: trading must not notice. PostgreSQL away means that it is tried
again; a difference halts the symbol, and its next start folds everything.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakSet

import structlog

from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.bootstrap.checkpoints import halt_for_history
from market_maker.bootstrap.whole_history import whole_history
from market_maker.core.ledger.fold import UnreadableFoldError
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database

LOOK_S: Final = 1.0
PAGE_ROWS: Final = 100
"""Folded without a turn for anything else: less than a millisecond."""
SHARE_MAX: Final = 0.15
"""Of the time that it may be at work; it rests for the remainder, after each page."""

_log = structlog.get_logger()


class _ActorGoneError(Exception):
    """There is nobody left to halt."""


class HistoryCheck:
    """Of every symbol whose actor was started here, once for each start."""

    def __init__(
        self, database: Database, supervisor: Supervisor, journal: Journal, share_max: float = SHARE_MAX
    ) -> None:
        self._checkpoints = CheckpointRepository(database)
        self._database = database
        self._supervisor = supervisor
        self._journal = journal
        self._share_max = share_max
        self._checked: WeakSet[Worker] = WeakSet()

    async def run(self) -> None:
        """Check what is taken until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for worker in tuple(self._supervisor):
                if worker.tenure.is_held and worker not in self._checked:
                    try:
                        await self._check(worker)
                    except _ActorGoneError:
                        continue
                    except (DatabaseError, UnreadableFoldError) as error:
                        _log.warning("history_not_checked", symbol=worker.name, reason=str(error))

    async def _check(self, worker: Worker) -> None:
        symbol, epoch = worker.name, worker.tenure.epoch
        checkpoint = await self._checkpoints.readable(symbol)
        if checkpoint is not None and epoch is not None:
            whole = await whole_history(
                self._database, symbol, PAGE_ROWS, checkpoint.last_id, self._rest(worker)
            )
            difference = checkpoint.difference(whole)
            if difference and self._is_here(worker):
                await self._checkpoints.drop(symbol, epoch)  # the next start folds every fill
                halt_for_history(
                    self._supervisor, self._journal, symbol, f"checkpoint against fills: {difference}"
                )
            _log.info(
                "history_checked", symbol=symbol, fills=whole.position.fill_count, difference=difference
            )
        self._checked.add(worker)

    def _rest(self, worker: Worker) -> Callable[[], Awaitable[None]]:
        """Rest for as long as its share demands after each page, while the symbol's actor is here."""
        began = time.monotonic()

        async def rest() -> None:
            nonlocal began
            await asyncio.sleep((time.monotonic() - began) * (1 / self._share_max - 1))
            if not self._is_here(worker):
                raise _ActorGoneError
            began = time.monotonic()

        return rest

    def _is_here(self, worker: Worker) -> bool:
        return self._supervisor.worker(worker.name) is worker and worker.tenure.is_held
