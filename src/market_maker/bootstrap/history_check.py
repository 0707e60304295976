"""Folds the whole history of each symbol that was taken and compares its checkpoint with it.

A start trusts the checkpoint; this is what finds out when it should not have. One symbol at a time, a page
at a time, and most of the time it rests: trading must not notice. PostgreSQL away means that it is tried
again; a difference halts the symbol, and its next start folds everything.
"""

import asyncio
import time
from typing import Final
from weakref import WeakSet

import structlog

from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.bootstrap.checkpoints import halt_for_history
from market_maker.core.ledger.fold import Fold, UnreadableFoldError
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRepository

LOOK_S: Final = 1.0
PAGE_ROWS: Final = 50
"""Folded without a turn for anything else: about a millisecond."""
SHARE_MAX: Final = 0.15
"""Of the time that it may be at work; it rests for the remainder, after each page."""

_log = structlog.get_logger()


class HistoryCheck:
    """Of every symbol whose actor was started here, once for each start."""

    def __init__(
        self, database: Database, supervisor: Supervisor, journal: Journal, share_max: float = SHARE_MAX
    ) -> None:
        self._checkpoints = CheckpointRepository(database)
        self._fills = FillRepository(database)
        self._supervisor = supervisor
        self._journal = journal
        self._share_max = share_max
        self._checked: WeakSet[Worker] = WeakSet()
        self.fills = 0
        """How many fills were read."""

    async def run(self) -> None:
        """Check what is taken until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for worker in tuple(self._supervisor):
                if worker.tenure.is_held and worker not in self._checked:
                    try:
                        await self._check(worker)
                    except DatabaseError as error:
                        _log.warning("history_not_checked", symbol=worker.name, reason=str(error))

    async def _check(self, worker: Worker) -> None:
        symbol, epoch = worker.name, worker.tenure.epoch
        try:
            checkpoint = await self._checkpoints.get(symbol)
        except UnreadableFoldError:
            checkpoint = None
        if checkpoint is not None and epoch is not None:
            whole = await self._fold(worker, checkpoint.last_id)
            if whole is None:
                return
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

    async def _fold(self, worker: Worker, last_id: int) -> Fold | None:
        """All fills up to one; None when the symbol's actor ends meanwhile."""
        fold = Fold()
        while self._is_here(worker):
            began = time.monotonic()
            page = await self._fills.page_after(worker.name, fold.last_id, PAGE_ROWS)
            for fill in page:
                if fill.id <= last_id:
                    fold.apply(fill)
            self.fills += len(page)
            if not page or page[-1].id >= last_id:
                return fold
            await asyncio.sleep((time.monotonic() - began) * (1 / self._share_max - 1))
        return None

    def _is_here(self, worker: Worker) -> bool:
        return self._supervisor.worker(worker.name) is worker and worker.tenure.is_held
