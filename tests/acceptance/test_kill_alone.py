"""A kill needs nobody but the Order Service: PostgreSQL, Kafka and Redis may all stand still meanwhile."""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.support.operator import until
from tests.support.service import ExchangeServers, Site
from tests.support.valkey import Valkey

from lab.postgres_server import PostgresServer
from market_maker.repositories.migrations import migrate

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)
KILLED_S_MAX = 2.0

StartSite = Callable[..., Awaitable[Site]]


@pytest.fixture
def own_exchange(start_exchange: Callable[..., ExchangeServers]) -> Iterator[ExchangeServers]:
    """An exchange whose broker the test may freeze."""
    exchange = start_exchange("--symbols", ",".join(SYMBOLS), "--seed", "11")
    yield exchange
    exchange.broker.thaw()


async def test_a_kill_while_database_broker_and_redis_stand_still_empties_the_market_at_once(
    start_site: StartSite, own_exchange: ExchangeServers, own_postgres: PostgresServer, valkey: Valkey
) -> None:
    await migrate(own_postgres.url())
    site = await start_site(
        own_exchange, POSTGRES_URL=own_postgres.url(), REDIS_URL=valkey.url, KAFKA_SESSION_TIMEOUT="20s"
    )
    for symbol in SYMBOLS:
        await site.operator.configure(symbol)
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol)
    own_postgres.freeze()
    own_exchange.broker.freeze()
    valkey.freeze()
    try:
        began = time.monotonic()
        killed = await site.operator.emergency("kill")
        await site.empty_at_exchange(timeout_s=KILLED_S_MAX)
        assert time.monotonic() - began < KILLED_S_MAX + 3.0
        assert killed.status == 200, killed
        for symbol in SYMBOLS:
            await site.operator.halted(symbol, "MANUAL")
    finally:
        valkey.thaw()
        own_exchange.broker.thaw()
        own_postgres.thaw()
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        await site.require_equal_fills(symbol)
    await until("the kills are durable and published", lambda: _published(site))


async def _published(site: Site) -> bool:
    for symbol in SYMBOLS:
        events: list[dict[str, Any]] = await site.operator.rows(symbol, "events")
        halted = [event for event in events if event["data"].get("to") == "HALTED"]
        if len(halted) != 1 or halted[0]["sent_at"] is None:
            return False
    return True
