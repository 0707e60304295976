"""Writes down from time to time how far each symbol's fills are folded, so that a start folds only the rest.

A checkpoint is made from the stored fills, never from an engine, and under the owner's epoch: it cannot hold
a fill that is not in the table. A start without one folds everything and does without nothing else. Where the
fills do not come to the position that the engine stored with them, the symbol halts.

On the same round it has written down what quoting models learned (`learned`), which follows from no fill.
"""

import asyncio
import time
from typing import Final

import structlog

from market_maker.actors.journal import HISTORY_DIFFERS, Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.bootstrap.learned import LearnedWriter
from market_maker.core.events import Fault, JournalMeasured
from market_maker.core.states import KillReason
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.positions import PositionRepository

FILLS_MAX: Final = 1_000
"""So many fills a start folds, at most about: 10 ms."""
FILLS_AT_RELEASE: Final = 100
"""From so many on a symbol that is released gets a checkpoint: fewer are folded as fast as it is written."""
RELEASE_S_MAX: Final = 0.5
"""For that: the next owner waits."""
AGE_S_MAX: Final = 600.0
"""A checkpoint is at most so much older than the fills after it, however few: what it holds may be pruned."""
LOOK_S: Final = 1.0
PAGE_ROWS: Final = 100

_log = structlog.get_logger()


class Checkpoints:
    """Those of all symbols that this instance owns."""

    def __init__(self, database: Database, supervisor: Supervisor, journal: Journal) -> None:
        self._database = database
        self._supervisor = supervisor
        self._journal = journal
        self._learned = LearnedWriter(database, supervisor)
        self._written: dict[str, tuple[int, float]] = {}
        """How many fills each symbol's checkpoint counted at the last look, and when that was."""

    def counted(self, symbol: str, fills: int) -> None:
        """The symbol was restored from a checkpoint that counts so many fills."""
        self._written[symbol] = fills, time.monotonic()

    async def before_release(self, symbol: str) -> None:
        """Spare the next owner the folding, if there is much, and what the model would have to learn again.

        Whatever prevents it: he folds, and the model begins with what was written before.
        """
        worker = self._supervisor.worker(symbol)
        if worker is None or worker.tenure.epoch is None:
            return
        try:
            async with asyncio.timeout(RELEASE_S_MAX):
                if self.fills_since(worker) >= FILLS_AT_RELEASE:
                    await self._write(worker)
                await self._learned.write(worker)
        except (DatabaseError, TimeoutError) as error:
            _log.warning("checkpoint_not_written", symbol=symbol, reason=str(error) or "no answer in time")

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for worker in tuple(self._supervisor):
                try:
                    if self._is_due(worker):
                        await self._write(worker)
                    if self._learned.is_due(worker):
                        await self._learned.write(worker)
                except DatabaseError as error:
                    _log.warning("checkpoint_not_written", symbol=worker.name, reason=str(error))

    def _is_due(self, worker: Worker) -> bool:
        if not worker.tenure.is_held or worker.tenure.epoch is None:
            return False
        fills = self.fills_since(worker)
        _, at_s = self._written[worker.name]
        return fills >= FILLS_MAX or (fills > 0 and time.monotonic() - at_s >= AGE_S_MAX)

    def fills_since(self, worker: Worker) -> int:
        """How many fills its checkpoint does not count yet."""
        counted, _ = self._written.setdefault(worker.name, (0, time.monotonic()))
        return worker.engine.symbol.inventory.fill_count - counted

    async def _write(self, worker: Worker) -> None:
        symbol, epoch = worker.name, worker.tenure.epoch
        assert epoch is not None  # noqa: S101 - only such are due
        async with self._database.transaction(one_snapshot=True) as db:
            checkpoints = CheckpointRepository(db)
            fold = await checkpoints.readable(symbol) or await checkpoints.beginning(symbol)
            last_id = fold.last_id
            async for fill in FillRepository(db).fold_rows(symbol, PAGE_ROWS, fold.last_id):
                fold.apply(fill)
            stored = await PositionRepository(db).get(symbol)
            differs = stored is not None and stored != fold.position
            if differs:
                await checkpoints.drop(symbol, epoch)
            elif fold.last_id != last_id:
                await checkpoints.save(symbol, epoch, fold)
        self._written[symbol] = (fold.position.fill_count, time.monotonic())
        if differs:
            detail = f"the fills come to {fold.position}, the engine to {stored}"
            halt_for_history(self._supervisor, self._journal, symbol, detail)


def halt_for_history(supervisor: Supervisor, journal: Journal, symbol: str, difference: str) -> None:
    """The symbol's position is not that of its fills: HALTED, and not to be enabled before a restart."""
    now_ns = time.monotonic_ns()
    journal.troubled.setdefault(symbol, HISTORY_DIFFERS)
    supervisor.tell(symbol, Fault(now_ns, KillReason.HISTORY_DIFFERS, difference))
    supervisor.tell(symbol, JournalMeasured(now_ns, 0, failed=True, detail=HISTORY_DIFFERS))
