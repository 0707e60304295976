"""PostgreSQL as the guard needs it: one that hangs counts as one that is away, and is left behind at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import asyncpg

from market_maker.guard.signs import Records
from market_maker.repositories.database import open_pool
from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.executor import Database
from market_maker.repositories.interventions import Holder, InterventionRepository, Loss

READ_S_MAX: Final = 1.0
WRITE_S_MAX: Final = 5.0
WRITES_MAX: Final = 4
"""At a time; a look finds a connection besides. The rest waits its turn, and that time does not count."""

_T = TypeVar("_T")


class GuardRecords:
    """Reads signs of life and owners, takes symbols away. Everything ends in time or raises DatabaseError.

    A query that is given up would keep its connection until the server says something; so all connections
    are dropped then, and new ones are made when they are needed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._writes = asyncio.Semaphore(WRITES_MAX)
        self._left_behind: set[asyncio.Task[object]] = set()

    async def read(self) -> Records:
        """Every instance's newest sign of life, and who owns what."""
        return await self._within(READ_S_MAX, _read)

    async def take_away(self, symbol: str, loss: Loss, epoch: int | None, at: datetime) -> Holder | None:
        """As InterventionRepository says."""
        async with self._writes:
            return await self._within(WRITE_S_MAX, lambda store: store.take_away(symbol, loss, epoch, at))

    async def forget_instance(self, instance_id: str) -> None:
        """Nothing is left of an instance that was lost."""
        async with self._writes:
            await self._within(WRITE_S_MAX, lambda store: store.forget_instance(instance_id))

    async def close(self) -> None:
        """Drop every connection."""
        if self._pool is not None:
            self._drop(self._pool)
        if self._left_behind:
            await asyncio.wait(self._left_behind, timeout=READ_S_MAX)

    async def _within(self, limit_s: float, work: Callable[[InterventionRepository], Awaitable[_T]]) -> _T:
        pool = await self._open()

        async def done() -> _T:
            return await work(InterventionRepository(Database(pool)))

        task = asyncio.get_running_loop().create_task(done())
        try:
            await asyncio.wait({task}, timeout=limit_s)
        finally:
            if not task.done():
                self._left_behind.add(task)
                task.add_done_callback(self._forget)
                task.cancel()
        if not task.done():
            self._drop(pool)
            raise DatabaseUnavailableError(f"PostgreSQL does not answer within {limit_s:g} s")
        return task.result()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                # Nothing is connected yet, so that a guard can start while PostgreSQL is away.
                self._pool = await open_pool(
                    self._url,
                    min_size=0,
                    max_size=WRITES_MAX + 1,
                    connect_timeout_s=READ_S_MAX,
                    command_timeout_s=WRITE_S_MAX,
                    application_name="market-maker guard",
                )
            return self._pool

    def _drop(self, pool: asyncpg.Pool) -> None:
        pool.terminate()
        if self._pool is pool:
            self._pool = None

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it: it was given up


async def _read(store: InterventionRepository) -> Records:
    # Beats first: who has beaten before its symbols are read cannot look both silent and an owner.
    beats = await store.beats()
    return Records(beats, await store.holders())
