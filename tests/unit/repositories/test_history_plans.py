"""How PostgreSQL reads a page of history among a hundred thousand rows, once it knows the statement."""

import re

import asyncpg
import pytest

from market_maker.repositories.generated import fills, orders, outbox
from market_maker.repositories.paging import ID_MAX, TEXT_MAX

ROWS = 100_000
"""One a second since noon."""
PAGE = 100
FILL = """INSERT INTO mm_fills (symbol, trade_id, side, price, quantity, fee, order_id, is_maker, sequence,
    executed_at, recorded_at)
SELECT 'BTC', n, 'BUY', 1, 1, 0, n, true, n, at, at"""
ORDER = """INSERT INTO mm_orders (client_order_id, symbol, side, level, price, quantity, filled_quantity,
    status, reason, created_at, updated_at)
SELECT lpad(n::text, 8, '0'), 'BTC', 'BUY', 0, 1, 1, 0, 'cancelled', '', at, at"""
EVENT = """INSERT INTO outbox (event_id, topic, symbol, payload, trace_id, created_at, sent_at)
SELECT gen_random_uuid(), 't', 'BTC', '{}', '', at, at"""
TABLES = {
    "mm_fills": (FILL, fills.LIST_FILLS, ID_MAX),
    "mm_orders": (ORDER, orders.LIST_ORDERS, f"'{TEXT_MAX}'"),
    "outbox": (EVENT, outbox.LIST_EVENTS, ID_MAX),
}
PERIODS = {
    "no period": ("NULL", "NULL"),
    "a minute long ago": ("'2026-01-01 13:00Z'", "'2026-01-01 13:01Z'"),
    "up to long ago": ("NULL", "'2026-01-01 12:01Z'"),
    "from lately on": ("'2026-01-02 15:00Z'", "NULL"),
    "from long ago on": ("'2026-01-01 12:30Z'", "NULL"),
    "what is to come": ("'2027-01-01Z'", "NULL"),
}


@pytest.mark.parametrize("table", TABLES)
async def test_a_page_reads_few_rows_beside_those_that_it_shows(pool: asyncpg.Pool, table: str) -> None:
    insert, query, newest = TABLES[table]
    async with pool.acquire() as connection:
        await connection.execute(
            f"{insert} FROM generate_series(1, {ROWS}) AS n, "
            "LATERAL (SELECT timestamptz '2026-01-01 12:00Z' + n * interval '1 s' AS at) AS times"
        )
        await connection.execute(f"ANALYZE {table}")
        await connection.execute(f"PREPARE page AS {query}")
        for _ in range(10):
            for since, until in PERIODS.values():
                await connection.execute(f"EXECUTE page ('BTC', {newest}, {since}, {until}, {PAGE})")
        for period, (since, until) in PERIODS.items():
            plan = "\n".join(
                row[0]
                for row in await connection.fetch(
                    "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
                    f"EXECUTE page ('BTC', {newest}, {since}, {until}, {PAGE})"
                )
            )
            read = [
                int(rows)
                for rows in re.findall(r"rows=(\d+)|Removed by Filter: (\d+)", plan)
                for rows in rows
                if rows
            ]
            assert sum(read) <= 5 * PAGE, f"{period}: {plan}"
