"""How fast the journal becomes durable, on a real PostgreSQL that forces every commit to disk.

Fills of ten symbols, each with its position and one order, as the engine records them.
"""

import asyncio
import shutil
import statistics
import time

import asyncpg

from benchmarks.report import Row
from lab.journal_records import NOON, Fills, entry, order, state
from lab.postgres_server import start_server
from market_maker.core.commands import OrderStatus
from market_maker.core.ledger.fold import Fold
from market_maker.core.side import Side
from market_maker.repositories.database import open_pool
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.migrations import migrate
from market_maker.repositories.outbox import OutboxRepository

FILLS_PER_SECOND_MIN = 20_000
"""PERFORMANCE.md: by group commit."""

GROUP_MIN = 100
"""From this many fills in a commit on, the budget must hold."""

BATCHES = ((1, 300), (10, 200), (100, 60), (500, 20), (2000, 8))
"""(fills in a batch, batches)."""


def made_entries(count: int, run: str) -> list[JournalEntry]:
    """Entries of ten symbols in turn, one fill each."""
    makers = [Fills() for _ in range(10)]
    made = []
    for number in range(count):
        side = Side.BUY if number % 20 < 10 else Side.SELL
        fill = makers[number % 10].next(side, "0.0123", "61234.56", "-0.0075321")
        made.append(entry(fill, order(f"{run}-{number}", OrderStatus.FILLED), symbol=f"{run}-{number % 10}"))
    return made


async def group_commit(pool: asyncpg.Pool) -> list[Row]:
    """Fills per second for each batch size."""
    store = JournalStore(pool)
    results = []
    for size, batches in BATCHES:
        entries = made_entries(size * batches, f"b{size}")
        times = []
        for start in range(0, len(entries), size):
            began = time.perf_counter()
            await store.write(entries[start : start + size])
            times.append(time.perf_counter() - began)
        rate = size / statistics.median(times)
        budget = FILLS_PER_SECOND_MIN if size >= GROUP_MIN else None
        results.append(Row(f"journal, {size} fills a commit", rate, "/s", budget, at_least=True))
        results.append(Row(f"journal, {size} fills a commit, p50", statistics.median(times) * 1e3, "ms"))
    return results


async def rebuild(pool: asyncpg.Pool) -> list[Row]:
    """Reading and folding a symbol's whole history, as at start-up."""
    began = time.perf_counter()
    fold = Fold()
    async for fill in FillRepository(pool).fold_rows("b2000-0"):
        fold.apply(fill)
    seconds = time.perf_counter() - began
    assert fold.inventory.fill_count > 0
    return [Row("rebuild from fills", fold.inventory.fill_count / seconds, "fills/s")]


async def relay(pool: asyncpg.Pool) -> list[Row]:
    """Reading waiting events and marking them sent, 100 at a time, with 5000 waiting."""
    await JournalStore(pool).write([entry(state(), symbol=f"s{number % 50}") for number in range(5000)])
    outbox = OutboxRepository(pool)
    symbols = await outbox.unsent_symbols()
    times = []
    while True:
        began = time.perf_counter()
        events = await outbox.unsent(symbols, 100)
        if not events:
            break
        times.append(time.perf_counter() - began)
        assert await outbox.mark_sent([event.id for event in events], NOON) == len(events)
    return [Row("outbox, 100 read with a backlog", statistics.median(times) * 1e3, "ms")]


async def measure(url: str) -> list[Row]:
    """Everything, in order."""
    await migrate(url)
    async with await open_pool(url) as pool:
        return [*await group_commit(pool), *await rebuild(pool), *await relay(pool)]


def rows() -> list[Row]:
    """Start a durable server, measure, and remove it."""
    server, directory = start_server(durable=True)
    try:
        return asyncio.run(measure(server.url()))
    finally:
        server.stop()
        shutil.rmtree(directory)
