"""What a start does not read again is checked behind it."""

from collections.abc import Awaitable, Callable

import asyncpg
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site

BTC = "BTCUSDT"
FILLS = 1_200
"""Enough for a checkpoint."""
EARLIER_FILLS = """
INSERT INTO mm_fills (
    symbol, trade_id, side, price, quantity, fee, order_id, is_maker, sequence, executed_at, recorded_at
)
SELECT
    $1, 'earlier-' || number, CASE number % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 60000 + number % 7, 0.0001,
    0.001, 'order-' || number / 2, true, number, now(), now()
FROM generate_series(1, $2::int) AS number
"""


async def test_a_history_that_was_changed_halts_the_symbol_until_a_person_has_looked(
    start_site: Callable[..., Awaitable[Site]], database_url: str
) -> None:
    database = await asyncpg.connect(database_url)
    try:
        await database.execute(EARLIER_FILLS, BTC, FILLS)
        site = await start_site(**SOON_FORGOTTEN)
        await site.operator.configure(BTC)
        await site.operator.clear(BTC)
        assert (await site.operator.status(BTC))["fill_count"] == FILLS
        assert site.service.terminate() == 0
        counted = "SELECT (fold->>'fill_count')::int FROM mm_checkpoints WHERE symbol = $1"
        assert await database.fetchval(counted, BTC) == FILLS

        changed = "UPDATE mm_fills SET quantity = 2 * quantity WHERE trade_id = 'earlier-600'"
        assert await database.execute(changed) == "UPDATE 1"
        await site.start()
        await site.operator.halted(BTC, "HISTORY_DIFFERS")
        kill = (await site.operator.status(BTC))["kill"]
        assert "position 0.0000 is not 0.0001" in kill["measured"]

        assert site.service.terminate() == 0
        await site.start()  # now from the fills alone
        await site.operator.clear(BTC)
        assert (await site.operator.emergency("reset", BTC)).status == 200
        assert (await site.operator.status(BTC))["position"] == "0.0001"

        async def enabled() -> bool:
            return (await site.operator.control(BTC, "enable")).status == 200

        await until("it may be enabled", enabled)
    finally:
        await database.close()
