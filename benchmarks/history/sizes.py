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
    "mm_quoting_time",
    "outbox",
    "mm_audit",
    "mm_kill_orders",
    "mm_drills",
    "mm_proposals",
    "mm_config_versions",
)
"""Those with one row a symbol (checkpoints, what models have learned) do not grow, presence by the hour."""
_A_YEAR_OF_PRESENCE: Final = """
INSERT INTO mm_presence
SELECT
    'A' || number, 'two-way', 'wide', hour, hour + interval '1 hour',
    3000000000 + (number * 7919) % 600000000, 50 + number % 10, 300 + number % 60
FROM generate_series(1, 20) AS number, generate_series(
    timestamptz '2026-01-01', '2026-12-31 23:00', '1 hour'
) AS hour
"""


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


async def presence_row(url: str) -> float:
    """Bytes of a row of `mm_presence`, with its index, in a table that 20 symbols have filled for a year."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("TRUNCATE mm_presence")
        await connection.execute(_A_YEAR_OF_PRESENCE)
        size: int = await connection.fetchval("SELECT pg_total_relation_size('mm_presence')")
        rows: int = await connection.fetchval("SELECT count(*) FROM mm_presence")
    finally:
        await connection.close()
    return size / rows


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
