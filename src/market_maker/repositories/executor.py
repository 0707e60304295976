"""What a query runs on: a pool, a connection of its own, or one inside a transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import asyncpg

from market_maker.repositories.errors import database_errors


class Executor(Protocol):
    """The part of asyncpg's Pool and Connection that the generated queries use."""

    async def execute(self, query: str, *args: object) -> str:
        """Run it and give the command tag."""
        ...

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Run it and give every row."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Any:
        """Run it and give the first row, or None."""
        ...


class Database:
    """A pool whose failures are this package's errors, whichever query meets them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def execute(self, query: str, *args: object) -> str:
        """Run it and give the command tag. Raises DatabaseError."""
        with database_errors():
            status: str = await self._pool.execute(query, *args)
        return status

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Run it and give every row. Raises DatabaseError."""
        with database_errors():
            rows: list[Any] = await self._pool.fetch(query, *args)
        return rows

    async def fetchrow(self, query: str, *args: object) -> Any:
        """Run it and give the first row, or None. Raises DatabaseError."""
        with database_errors():
            return await self._pool.fetchrow(query, *args)

    @asynccontextmanager
    async def transaction(self, *, one_snapshot: bool = False) -> AsyncIterator[Executor]:
        """A connection inside a transaction that commits at the end of the block. Raises DatabaseError.

        `one_snapshot`: every query sees what was committed when the first one began.
        """
        isolation: Final = "repeatable_read" if one_snapshot else "read_committed"
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction(isolation=isolation):
                yield connection
