"""What the service never does and always does, seen from outside: every request of it is on record."""

import asyncio
import re
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from tests.support.events import EventReader
from tests.support.operator import until
from tests.support.order_proxy import OrderProxy, Passed, proxy_before
from tests.support.service import (
    ExchangeServers,
    Site,
    service_environment,
    service_process,
    site_of,
    skip_history,
)

from lab.databases import Databases
from lab.postgres_server import PostgresServer
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT, TRADES

BTC = "BTCUSDT"
CONTRACT = {
    ("GET", "/health"),
    ("POST", "/v1/orders"),
    ("DELETE", "/v1/orders"),
    ("GET", "/v1/orders"),
    ("DELETE", "/v1/orders/ID"),
    ("GET", "/v1/orders/by-client-order-id/ID"),
}
"""The Order Service's public routes, nothing else."""
EXCHANGE_TOPICS = (ORDER_BOOK_SNAPSHOT, ORDER_BOOK_DELTA, TRADES, ENGINE_EVENT)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a service that quoted, filled, requoted and was killed asked the exchange, and what that left."""

    account: str
    passed: list[Passed]
    trades: list[Any]
    order_rows: list[Any]
    sources: dict[str, set[str]]
    """Who wrote messages to each topic of the exchange meanwhile."""

    @property
    def placed(self) -> list[Passed]:
        """The new orders."""
        return [request for request in self.passed if route(request) == ("POST", "/v1/orders")]


@pytest.fixture(scope="module")
def watched(
    shared_exchange: ExchangeServers,
    postgres_server: PostgresServer,
    databases: Databases,
    valkey_url: str,
    service_directory: Path,
) -> Watched:
    """Everything that a service does to the exchange in a short life."""

    url = postgres_server.url(databases.take())
    environment = service_environment(shared_exchange, url, valkey_url, str(uuid4()))
    skip_history(shared_exchange, environment["KAFKA_CONSUMER_GROUP"])

    async def life() -> Watched:
        async with aiohttp.ClientSession() as http, proxy_before(shared_exchange.url, http) as proxy:
            process = service_process({**environment, "ORDER_SERVICE_URL": proxy.url}, service_directory)
            site = site_of(process, shared_exchange, http)
            try:
                await site.start()
                return await _watch(site, proxy)
            finally:
                process.close()

    return asyncio.run(life())


async def _watch(site: Site, proxy: OrderProxy) -> Watched:
    began = time.time()
    await site.operator.configure(BTC, num_levels=2)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.trade_against(BTC, fills=4)
    await site.operator.change(BTC, base_spread_bps="20")
    await site.operator.until(
        BTC, "some orders were replaced", lambda status: status["counters"]["orders_cancelled"] > 0
    )
    await site.operator.emergency("kill", BTC)
    await site.operator.clear(BTC)
    placed = {request.body["client_order_id"] for request in proxy.passed if route(request)[0] == "POST"}

    async def all_durable() -> bool:
        return placed <= {row["client_order_id"] for row in await site.operator.rows(BTC, "orders")}

    await until("every order is durable", all_durable)
    readers = [EventReader(site, topic) for topic in EXCHANGE_TOPICS]
    try:
        told = [await reader.read(began) for reader in readers]
    finally:
        for reader in readers:
            reader.close()
    return Watched(
        site.account,
        proxy.passed,
        await site.exchange.trades(BTC, site.account),
        await site.operator.rows(BTC, "orders"),
        {
            topic: {event["source_service"] for event in events}
            for topic, events in zip(EXCHANGE_TOPICS, told, strict=True)
        },
    )


def route(request: Passed) -> tuple[str, str]:
    """Method and path, ids left out."""
    path = re.sub(r"^(/v1/orders/by-client-order-id/|/v1/orders/)(?!by-client)[^/]+$", r"\1ID", request.path)
    return request.method, path


def test_every_order_goes_through_the_order_service_and_only_through_its_public_routes(
    watched: Watched,
) -> None:
    assert {route(request) for request in watched.passed} <= CONTRACT
    accepted = {request.answer["order_id"] for request in watched.placed if request.status == 201}
    assert len(watched.trades) >= 4
    assert {trade["order_id"] for trade in watched.trades} <= accepted
    recorded = {row["client_order_id"] for row in watched.order_rows}
    assert recorded == {request.body["client_order_id"] for request in watched.placed}


def test_every_order_is_tagged_as_the_system_market_makers(watched: Watched) -> None:
    assert len(watched.placed) >= 4
    for request in watched.placed:
        body = request.body
        tags = (body["account_type"], body["account_id"], body["user_id"])
        assert tags == ("SYSTEM_MARKET_MAKER", watched.account, watched.account)


def test_no_account_but_our_own_is_ever_asked_about(watched: Watched) -> None:
    """No wallet, no balance, no position of anybody: only our orders, by our account or by their ids."""
    ids = {request.answer["order_id"] for request in watched.placed if request.status == 201}
    ours = {request.body["client_order_id"] for request in watched.placed}
    for request in watched.passed:
        if request.path == "/v1/orders" and request.method != "POST":
            assert request.query["account_id"] == watched.account
        elif request.path.startswith("/v1/orders/"):
            assert request.path.rsplit("/", 1)[-1] in ids | ours
        assert not re.search("wallet|balance|position", request.path)


def test_orders_carry_nothing_that_other_traders_could_not_send(watched: Watched) -> None:
    """Limit orders that rest, in the fields of the contract: no flag for priority, matching or fees."""
    fields = {
        *("symbol", "side", "type", "time_in_force", "post_only", "price", "quantity"),
        *("client_order_id", "idempotency_key", "account_id", "user_id", "account_type"),
    }
    for request in watched.placed:
        assert set(request.body) == fields
        assert (request.body["type"], request.body["time_in_force"]) == ("limit", "gtc")
        assert request.body["post_only"] is True
        assert Decimal(request.body["price"]) > 0
    assert all(trade["is_maker"] for trade in watched.trades)


@pytest.mark.parametrize("topic", EXCHANGE_TOPICS)
def test_nothing_is_written_to_the_topics_of_the_exchange(watched: Watched, topic: str) -> None:
    """Books change by orders alone: what the topics of market and engine carry comes from the exchange."""
    assert watched.sources[topic]
    assert watched.sources[topic] <= {"matching-engine", "market-data"}
