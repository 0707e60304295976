"""`mm_learned`: what each symbol's quoting model has learned of the market, as that model's own text."""

from decimal import Decimal

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import learned as sql


class LearnedRepository:
    """What the models of all symbols have learned."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def get(self, symbol: str) -> sql.GetLearnedRow | None:
        """What was written last; it means something to that model on that grid only. None: nothing was."""
        return await sql.get_learned(self._db, symbol=symbol)

    async def save(
        self, symbol: str, epoch: int, model: str, tick_size: Decimal, lot_size: Decimal, learned: str
    ) -> bool:
        """Write it; False, and nothing written, when the epoch is over."""
        written = await sql.upsert_learned(
            self._db,
            symbol=symbol,
            epoch=epoch,
            model=model,
            tick_size=tick_size,
            lot_size=lot_size,
            learned=learned,
        )
        return bool(written)
