"""What a start does and does not do."""

from collections.abc import Awaitable, Callable

import asyncpg
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, ExchangeServers, Site

BTC, ETH = "BTCUSDT", "ETHUSDT"

StartSite = Callable[..., Awaitable[Site]]


async def _execute(site: Site, sql: str) -> None:
    connection = await asyncpg.connect(site.service.environment["POSTGRES_URL"])
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_a_start_loads_every_configuration_and_waits_for_a_person(start_site: StartSite) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC, base_spread_bps="7.5", num_levels=3)
    await site.operator.configure(ETH, order_size_usdt="50")
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    configured = await site.operator.get("/v1/mm-configs")
    assert site.service.terminate() == 0
    await site.start()
    assert await site.operator.get("/v1/mm-configs") == configured
    # It follows the market, so that an operator sees it, but nothing is sent.
    for symbol in (BTC, ETH):
        status = await site.operator.until(
            symbol, "the market is followed", lambda status: status["counters"]["book_deltas"] > 20
        )
        assert status["state"]["value"] == "PAUSED"
        assert status["counters"]["orders_placed"] == 0
    assert await site.orders_at_exchange() == 0
    await site.operator.until(BTC, "it can be resumed", lambda status: not status["enable_problems"])
    assert (await site.operator.control(BTC, "resume")).status == 200
    await site.operator.quoting(BTC)
    assert (await site.operator.status(ETH))["state"]["value"] == "PAUSED"


async def test_the_position_is_made_from_the_fills_even_where_the_stored_one_is_wrong(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.trade_against(BTC, fills=4)
    await site.require_equal_fills(BTC)
    assert site.service.terminate() == 0
    await _execute(site, "UPDATE mm_positions SET position = position + 5, realized_pnl = 77")
    await site.start()
    await site.require_equal_fills(BTC)
    assert "position_differs_from_fills" in site.service.log_tail()
    await _execute(site, "ALTER TABLE mm_positions ADD CHECK (realized_pnl <> 77)")  # fails if it is still so


async def test_orders_that_an_earlier_process_left_are_found_and_cancelled(start_site: StartSite) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC, num_levels=3)
    await site.operator.enable(BTC)
    await site.operator.until(BTC, "six orders", lambda status: status["open_orders"] == 6)
    site.service.kill()
    assert await site.orders_at_exchange(BTC) > 0
    await site.start()
    status = await site.operator.clear(BTC)
    assert (status["open_orders"], status["open_orders_at_exchange"]) == (0, 0)
    assert await site.orders_at_exchange(BTC) == 0

    async def recorded() -> bool:
        rows = await site.operator.rows(BTC, "orders")
        return all(row["status"] not in ("open", "unknown") for row in rows)

    await until("the end of each order is durable", recorded)


async def test_a_symbol_that_is_taken_does_not_wait_for_the_next_snapshot(
    start_site: StartSite, start_exchange: Callable[..., ExchangeServers]
) -> None:
    """Its book is read back from the topics; the one snapshot of this hour came before the service."""
    exchange = start_exchange("--symbols", BTC, "--seed", "7", "--snapshot-interval", "3600")
    site = await start_site(exchange)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    assert "books_read_back" in site.service.log.read_text()
