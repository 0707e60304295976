"""What tables grow by: rows and bytes, with their indexes."""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg

TABLES: Final = (
    "mm_orders",
    "mm_fills",
    "mm_markouts",
    "mm_pnl",
    "mm_presence",
    "mm_quoting_time",
    "outbox",
    "mm_audit",
    "mm_kill_orders",
    "mm_drills",
    "mm_proposals",
    "mm_config_versions",
)
"""Those with one row a symbol (checkpoints, what models have learned) do not grow."""


@dataclass(frozen=True, slots=True)
class TableGrowth:
    """Of one table, in a while."""

    table: str
    rows: int
    bytes: int
    """Of the table, its indexes and what it keeps beside them."""


async def growth(url: str, seconds: float) -> list[TableGrowth]:
    """What each table grows by in so many seconds."""
    before = await _look(url)
    await asyncio.sleep(seconds)
    after = await _look(url)
    return [
        TableGrowth(table, after[table][0] - before[table][0], after[table][1] - before[table][1])
        for table in TABLES
    ]


async def largest(url: str, table: str, column: str) -> int:
    """Bytes of the largest value, as it is stored; 0 without any."""
    connection = await asyncpg.connect(url)
    try:
        query = f"SELECT coalesce(max(pg_column_size({column})), 0) FROM {table}"  # noqa: S608 - names of ours
        size: int = await connection.fetchval(query)
    finally:
        await connection.close()
    return size


async def _look(url: str) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(url)
    try:
        return {
            table: (
                await connection.fetchval(f"SELECT count(*) FROM {table}"),  # noqa: S608 - names of ours
                await connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", table),
            )
            for table in TABLES
        }
    finally:
        await connection.close()
