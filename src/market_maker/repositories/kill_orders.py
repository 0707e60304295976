"""`mm_kill_orders`: kills asked of whoever owns a symbol, or will."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from market_maker.repositories.executor import Database
from market_maker.repositories.generated import kill_orders as sql
from market_maker.repositories.text import storable


class KillOrderRepository:
    """Kills on their way by the database: they arrive with Redis down, and at a symbol without an owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def order(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[UUID, str]:
        """Order the kill of symbols; the orders' ids with their symbols."""
        ids = {uuid7(): symbol for symbol in symbols}
        await sql.insert_kill_orders(
            self._database,
            ids=list(ids),
            symbols=list(ids.values()),
            actor=storable(actor),
            reason=storable(reason),
        )
        return ids

    async def open(self, symbols: Sequence[str]) -> Sequence[sql.ListOpenKillOrdersRow]:
        """Kills of these symbols that nobody has carried out, oldest first."""
        return await sql.list_open_kill_orders(self._database, symbols=symbols)

    async def done(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        """Which of these have been carried out: HALTED is durable."""
        return frozenset(await sql.list_done_kill_orders(self._database, ids=ids))

    async def mark_done(self, ids: Sequence[UUID]) -> int:
        """HALTED is durable; how many of them had been open."""
        return await sql.mark_kill_orders_done(self._database, ids=ids)
