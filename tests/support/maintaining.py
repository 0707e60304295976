"""`market-maker maintain` on a real database that has been traded on."""

import asyncio
import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.conversation import INSTRUMENT

from lab.journal_records import Fills
from market_maker.bootstrap.restore import Restorer
from market_maker.core.commands import Record, RecordFill
from market_maker.core.config import SymbolConfig
from market_maker.core.ledger.fold import Fold
from market_maker.core.side import Side
from market_maker.maintenance.command import maintain
from market_maker.repositories.executor import Database
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.owners import OwnerRepository

BTC = "BTC-USDT"
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=400)


class Desk:
    """A database with history."""

    def __init__(self, url: str, pool: asyncpg.Pool) -> None:
        self.url, self.pool, self.database = url, pool, Database(pool)
        self.fills = Fills()

    async def record(self, *records: Record, at: datetime = OLD) -> None:
        await JournalStore(self.pool).write([JournalEntry(BTC, (one,), at) for one in records])

    async def fill(self, *ages_days: float) -> list[RecordFill]:
        made = []
        for number, age in enumerate(ages_days):
            side = Side.SELL if number % 3 == 2 else Side.BUY
            at = NOW - timedelta(days=age)
            fill = replace(
                self.fills.next(side, f"0.{number + 1}"), executed_at_us=round(at.timestamp() * 1e6)
            )
            await self.record(fill, at=at)
            made.append(fill)
        return made

    async def start(self) -> Fold:
        """What a start makes of the fills; it writes a checkpoint."""
        [claim] = await OwnerRepository(self.database).claim([BTC], "north")
        restored, _ = await Restorer(self.database).restore(SymbolConfig(BTC), INSTRUMENT, claim.epoch)
        fold = Fold()
        fold.inventory, fold.filled = restored.inventory, dict(restored.filled_by_order)
        fold.last_id = await self.pool.fetchval("SELECT max(last_fill_id) FROM mm_checkpoints")
        return fold

    async def maintain(self, *words: str, **environ: str) -> tuple[int, list[str]]:
        out = io.StringIO()
        environment = {"POSTGRES_URL": self.url, **environ}
        code = await asyncio.to_thread(maintain, words, environment, out)
        return code, out.getvalue().splitlines()

    async def values(self, sql: str) -> list[Any]:
        return [row[0] for row in await self.pool.fetch(sql)]


def exported(directory: Path, table: str) -> list[dict[str, Any]]:
    lines: list[str] = []
    for path in sorted(directory.glob(f"{table}-*.jsonl.gz")):
        lines += gzip.decompress(path.read_bytes()).decode().splitlines()
    return [json.loads(line) for line in lines]
