"""`mm_checkpoints` and `mm_pruned`: the fold of each symbol's fills up to one of them.

Its owner writes the checkpoint. The other one holds what the fills came to that are deleted: a fold of the
whole history begins there.
"""

import json
from datetime import datetime

import structlog

from market_maker.core.ledger.fold import Fold, UnreadableFoldError
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import checkpoints as sql

_log = structlog.get_logger()


class CheckpointRepository:
    """Checkpoints of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def get(self, symbol: str) -> Fold | None:
        """The symbol's checkpoint, None when it has none. Raises UnreadableFoldError."""
        row = await sql.get_checkpoint(self._db, symbol=symbol)
        return None if row is None else Fold.from_json(row.last_fill_id, json.loads(row.fold))

    async def readable(self, symbol: str) -> Fold | None:
        """The same, but None also when another version wrote it."""
        try:
            return await self.get(symbol)
        except UnreadableFoldError as error:
            _log.warning("checkpoint_unreadable", symbol=symbol, reason=str(error))
            return None

    async def beginning(self, symbol: str) -> Fold:
        """What the fills that are there are folded onto. Raises UnreadableFoldError."""
        row = await sql.get_pruned(self._db, symbol=symbol)
        return Fold() if row is None else Fold.from_json(row.last_fill_id, json.loads(row.fold))

    async def prune(self, symbol: str, fold: Fold, executed_until: datetime) -> None:
        """Note what the fills came to that this transaction deletes, and all before them."""
        await sql.upsert_pruned(
            self._db,
            symbol=symbol,
            last_fill_id=fold.last_id,
            executed_until=executed_until,
            fold=json.dumps(fold.to_json()),
        )

    async def save(self, symbol: str, epoch: int, fold: Fold) -> bool:
        """Write it; False, and nothing written, when the epoch is over."""
        written = json.dumps(fold.to_json())
        return bool(
            await sql.upsert_checkpoint(
                self._db, symbol=symbol, epoch=epoch, last_fill_id=fold.last_id, fold=written
            )
        )

    async def drop(self, symbol: str, epoch: int) -> None:
        """Forget it, so that the next start folds every fill; nothing happens when the epoch is over."""
        await sql.delete_checkpoint(self._db, symbol=symbol, epoch=epoch)
