"""Kafka, PostgreSQL or Valkey fail under a running service: what is unsafe stops, nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import asyncpg
import pytest
from tests.support.operator import until
from tests.support.service import ExchangeServers, Site

from lab.postgres_server import PostgresServer, free_port
from market_maker.repositories.migrations import migrate

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)

StartSite = Callable[..., Awaitable[Site]]


async def _quote(site: Site) -> None:
    for symbol in SYMBOLS:
        await site.operator.configure(symbol)
    for symbol in SYMBOLS:
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol, fills=2)


async def _reset_and_quote(site: Site) -> None:
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
    assert (await site.operator.emergency("reset")).status == 200
    for symbol in SYMBOLS:
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol)
        await site.require_equal_fills(symbol)


# --- Kafka -------------------------------------------------------------------------------------


@pytest.fixture
def own_exchange(start_exchange: Callable[..., ExchangeServers]) -> Iterator[ExchangeServers]:
    """An exchange whose broker the test may freeze."""
    exchange = start_exchange("--symbols", "BTCUSDT,ETHUSDT", "--seed", "3")
    yield exchange
    exchange.broker.thaw()


async def test_a_new_symbol_is_not_enabled_before_the_consumer_lag_is_known(start_site: StartSite) -> None:
    site = await start_site()
    await site.operator.configure(BTC)
    refused = await site.operator.control(BTC, "enable")  # the consumer group takes seconds to form
    assert (refused.status, refused.code) in ((503, "NO_OWNER"), (409, "REFUSED"))
    await site.operator.enable(BTC)
    assert (await site.operator.quoting(BTC))["kill"] is None


async def test_a_frozen_broker_halts_with_kafka_lag_and_every_fill_is_counted_after_the_thaw(
    start_site: StartSite, own_exchange: ExchangeServers
) -> None:
    site = await start_site(own_exchange, KILL_SWITCH_KAFKA_LAG_THRESHOLD="3s", KAFKA_SESSION_TIMEOUT="20s")
    await _quote(site)
    own_exchange.broker.freeze()
    for symbol in SYMBOLS:
        await site.trade_through(symbol, orders=2)  # nobody tells the service of these fills now
    for symbol in SYMBOLS:
        await site.operator.halted(symbol, "KAFKA_LAG", 3.0 + 3.0)
    await site.empty_at_exchange(timeout_s=1.0)
    own_exchange.broker.thaw()
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        await site.require_equal_fills(symbol)
    await _reset_and_quote(site)


# --- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture
async def own_database(own_postgres: PostgresServer) -> PostgresServer:
    """A server with the schema, which the test may stop and start."""
    await migrate(own_postgres.url())
    return own_postgres


async def _trade_for_a_while(site: Site, symbol: str) -> None:
    while True:
        await site.trade_against(symbol)


async def test_a_frozen_database_halts_within_the_journals_limit(
    start_site: StartSite, own_database: PostgresServer
) -> None:
    site = await start_site(POSTGRES_URL=own_database.url(), KILL_SWITCH_JOURNAL_LAG_THRESHOLD="2s")
    await _quote(site)
    # A symbol that journals nothing meanwhile has nothing that could lag: fills are forced.
    trading = [asyncio.ensure_future(_trade_for_a_while(site, symbol)) for symbol in SYMBOLS]
    own_database.freeze()
    try:
        for symbol in SYMBOLS:
            await site.operator.halted(symbol, "JOURNAL_FAILURE", 8.0)
        await site.empty_at_exchange(timeout_s=1.0)
    finally:
        own_database.thaw()
        for task in trading:
            task.cancel()
        await asyncio.gather(*trading, return_exceptions=True)
    for symbol in SYMBOLS:
        await site.require_equal_fills(symbol)


async def test_a_stopped_database_halts_at_once_and_gets_every_fill_when_it_is_back(
    start_site: StartSite, own_database: PostgresServer
) -> None:
    site = await start_site(POSTGRES_URL=own_database.url())
    await _quote(site)
    # The fills of these moments find no database, and count all the same.
    trading = [asyncio.ensure_future(_trade_for_a_while(site, symbol)) for symbol in SYMBOLS]
    await asyncio.to_thread(own_database.kill)
    for symbol in SYMBOLS:
        await site.operator.halted(symbol, "JOURNAL_FAILURE", 3.0)
    await site.empty_at_exchange(timeout_s=1.0)
    for task in trading:
        task.cancel()
    await asyncio.gather(*trading, return_exceptions=True)
    refused = await site.operator.change(BTC, base_spread_bps="2")
    assert (refused.status, refused.code) == (503, "DATABASE_UNAVAILABLE")

    async def every_fill_counts() -> bool:
        return bool((await site.operator.status(BTC))["fill_count"] == await site.executions(BTC))

    await until("every fill counts, though none can be stored", every_fill_counts)
    own_database.start()
    for symbol in SYMBOLS:
        await site.require_equal_fills(symbol)

    async def halted_in_the_database() -> bool:
        connection = await asyncpg.connect(own_database.url())
        try:
            rows = await connection.fetch("SELECT state FROM mm_states")
        finally:
            await connection.close()
        return [row["state"] for row in rows] == ["HALTED", "HALTED"]

    await until("the kills are durable", halted_in_the_database)
    await _reset_and_quote(site)


# --- Valkey ------------------------------------------------------------------------------------


async def test_without_redis_the_service_quotes_and_tells_that_it_is_degraded(start_site: StartSite) -> None:
    site = await start_site(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    await _quote(site)
    await site.operator.ready()
    health = await site.operator.get("/health")
    checks = {check["name"]: check["status"] for check in health["checks"]}
    assert checks["redis"] == "degraded"
    for symbol in SYMBOLS:
        await site.require_equal_fills(symbol)


# --- Schema Registry ---------------------------------------------------------------------------


async def test_a_registry_that_fails_while_all_schemas_are_known_changes_nothing(site: Site) -> None:
    await _quote(site)
    await site.exchange.fault("registry", "error")
    for symbol in SYMBOLS:
        await site.trade_against(symbol, fills=2)
        await site.require_equal_fills(symbol)
        assert (await site.operator.quoting(symbol))["kill"] is None
