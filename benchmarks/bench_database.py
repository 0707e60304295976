"""How fast the journal becomes durable, on a real PostgreSQL that forces every commit to disk.

    python -m benchmarks.bench_database [--json]

Fills of ten symbols, each with its position and one order, as the engine records them.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import time

import asyncpg
from tests.support.journal_records import NOON, Fills, entry, order, state
from tests.support.postgres_server import start_server

from market_maker.core.commands import OrderStatus
from market_maker.core.events import Side
from market_maker.core.inventory import fold
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

Result = dict[str, object]


def made_entries(count: int, run: str) -> list[JournalEntry]:
    """Entries of ten symbols in turn, one fill each."""
    makers = [Fills() for _ in range(10)]
    made = []
    for number in range(count):
        side = Side.BUY if number % 20 < 10 else Side.SELL
        fill = makers[number % 10].next(side, "0.0123", "61234.56", "-0.0075321")
        made.append(entry(fill, order(f"{run}-{number}", OrderStatus.FILLED), symbol=f"{run}-{number % 10}"))
    return made


async def group_commit(pool: asyncpg.Pool) -> list[Result]:
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
        results.append(
            {
                "name": f"journal, {size} fills a commit",
                "value": round(rate),
                "unit": "fills/s",
                "budget": FILLS_PER_SECOND_MIN if size >= GROUP_MIN else None,
                "within": rate >= FILLS_PER_SECOND_MIN if size >= GROUP_MIN else None,
                "commit_ms_p50": round(statistics.median(times) * 1e3, 3),
                "commit_ms_p99": round(sorted(times)[int(len(times) * 0.99)] * 1e3, 3),
            }
        )
    return results


async def rebuild(pool: asyncpg.Pool) -> list[Result]:
    """Reading and folding a symbol's whole history, as at start-up."""
    began = time.perf_counter()
    fills = [fill async for fill in FillRepository(pool).fold_rows("b2000-0")]
    folded = fold(fills)
    seconds = time.perf_counter() - began
    assert folded.fill_count == len(fills) > 0
    return [plain("rebuild from fills", len(fills) / seconds, "fills/s")]


async def relay(pool: asyncpg.Pool) -> list[Result]:
    """Reading waiting events and marking them sent, 100 at a time, with 5000 waiting."""
    await JournalStore(pool).write([entry(state(), symbol=f"s{number % 50}") for number in range(5000)])
    outbox = OutboxRepository(pool)
    times = []
    while True:
        began = time.perf_counter()
        events = await outbox.unsent(100)
        if not events:
            break
        times.append(time.perf_counter() - began)
        assert await outbox.mark_sent([event.id for event in events], NOON) == len(events)
    return [plain("outbox, 100 read with a backlog", statistics.median(times) * 1e3, "ms")]


def plain(name: str, value: float, unit: str) -> Result:
    """A result without a budget."""
    return {"name": name, "value": round(value, 2), "unit": unit, "budget": None, "within": None}


async def measure(url: str) -> list[Result]:
    """Everything, in order."""
    await migrate(url)
    async with await open_pool(url) as pool:
        return [*await group_commit(pool), *await rebuild(pool), *await relay(pool)]


def run() -> list[Result]:
    """Start a durable server, measure, and remove it."""
    server, directory = start_server(durable=True)
    try:
        return asyncio.run(measure(server.url()))
    finally:
        server.stop()
        shutil.rmtree(directory)


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON array instead of a table")
    as_json = parser.parse_args().json
    results = run()
    if as_json:
        print(json.dumps(results))
        return
    for result in results:
        budget = (
            "" if result["budget"] is None else f"  budget {result['budget']}, within: {result['within']}"
        )
        print(f"{result['name']:34} {result['value']:>12} {result['unit']}{budget}")


if __name__ == "__main__":
    main()
