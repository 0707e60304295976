"""Fills of earlier years, made by PostgreSQL itself."""

import asyncpg

_INDEXES = ("mm_fills_fold_idx", "mm_fills_executed_idx")
_INSERT = """
INSERT INTO mm_fills (
    symbol, trade_id, side, price, quantity, fee, order_id, client_order_id, is_maker, sequence, executed_at,
    recorded_at
)
SELECT
    ($1::text[])[1 + number % cardinality($1::text[])],
    gen_random_uuid(),
    CASE round % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END,
    60000.01 + (round / 2) % 1000 + 0.02 * (round % 2),
    0.00100 + 0.00001 * ((round / 2) % 90),
    -0.0001,
    md5((number % cardinality($1::text[]))::text || 'order' || round / 3)::uuid,
    md5((number % cardinality($1::text[]))::text || 'client' || round / 3)::uuid,
    true,
    number,
    now() - interval '1 day' - (interval '0.1 s' * ($2::bigint - number)),
    now() - interval '1 day' - (interval '0.1 s' * ($2::bigint - number))
FROM (
    SELECT number, number / cardinality($1::text[]) AS round FROM generate_series(0, $2::bigint - 1) AS number
) AS numbered
ORDER BY number
"""


async def store(url: str, symbols: list[str], fills: int) -> int:
    """Store as many fills, the symbols in turn, each buying and selling; returns the table's bytes.

    Every position is closed in the end, so that it may be enabled. Indexes are made afterwards, which changes
    nothing but the time that it takes.
    """
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
            made = [
                await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", name) for name in _INDEXES
            ]
            for name in _INDEXES:
                await connection.execute(f"DROP INDEX {name}")
            await connection.execute("ALTER TABLE mm_fills DROP CONSTRAINT mm_fills_pkey")
            await connection.execute(_INSERT, symbols, fills)
            await connection.execute("ALTER TABLE mm_fills ADD PRIMARY KEY (symbol, trade_id, side)")
            for statement in made:
                await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE mm_fills")
        size: int = await connection.fetchval("SELECT pg_total_relation_size('mm_fills')")
    finally:
        await connection.close()
    return size
