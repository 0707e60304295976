"""`mm_day_marks`: each symbol's result when a day of the house began."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import day_marks as sql


class DayMarkRepository:
    """The marks of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def of(self, began_at: datetime) -> dict[str, Decimal]:
        """The marks of a day, by symbol."""
        return {row.symbol: row.pnl for row in await sql.list_day_marks(self._db, began_at=began_at)}

    async def note(self, began_at: datetime, results: Mapping[str, Decimal]) -> None:
        """Add marks; a symbol that has one for the day keeps it."""
        await sql.insert_day_marks(
            self._db, began_at=began_at, symbols=list(results), pnls=list(results.values())
        )
