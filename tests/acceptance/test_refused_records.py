"""PostgreSQL refuses what one symbol did: that symbol halts while this lasts, and no fill is lost."""

from collections.abc import Awaitable, Callable

import asyncpg
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site, small

BTC, ETH = "BTCUSDT", "ETHUSDT"
StartSite = Callable[..., Awaitable[Site]]


async def _execute(site: Site, sql: str) -> None:
    connection = await asyncpg.connect(site.service.environment["POSTGRES_URL"])
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_a_symbol_whose_fills_are_refused_stays_halted_until_a_restart_that_counts_them(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol)
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
    await _execute(site, f"ALTER TABLE mm_fills ADD CONSTRAINT no_room CHECK (symbol <> '{BTC}') NOT VALID")

    async def halted() -> bool:
        await site.exchange.trade(BTC, "sell", small(BTC))
        return bool((await site.operator.status(BTC))["state"]["value"] == "HALTED")

    await until("a fill, this one or one of the crowd, is refused", halted)
    await site.operator.halted(BTC, "JOURNAL_FAILURE")
    await site.operator.clear(BTC)
    assert (await site.operator.status(ETH))["state"]["value"] == "ACTIVE"
    # What is stored is behind what the engine knows: a reset alone must not lead back to trading.
    assert (await site.operator.emergency("reset", BTC)).status == 200
    refused = await site.operator.control(BTC, "enable")
    assert (refused.status, "JOURNAL_FAILURE" in refused.reasons) == (409, True)
    assert (await site.operator.emergency("kill", BTC)).status == 200
    await site.operator.halted(BTC, "MANUAL")
    await _execute(site, "ALTER TABLE mm_fills DROP CONSTRAINT no_room")
    assert site.service.terminate() == 0, site.service.log_tail()
    await site.start()
    assert (await site.operator.status(BTC))["state"]["value"] == "HALTED"
    await site.require_equal_fills(BTC)
    await site.operator.clear(BTC)
    assert (await site.operator.emergency("reset", BTC)).status == 200
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
