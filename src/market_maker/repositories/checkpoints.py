"""`mm_checkpoints`: the fold of each symbol's fills up to one of them. Its owner writes it."""

import json

from market_maker.core.ledger.fold import Fold
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import checkpoints as sql


class CheckpointRepository:
    """Checkpoints of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def get(self, symbol: str) -> Fold | None:
        """The symbol's checkpoint, None when it has none. Raises UnreadableFoldError."""
        row = await sql.get_checkpoint(self._db, symbol=symbol)
        return None if row is None else Fold.from_json(row.last_fill_id, json.loads(row.fold))

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
