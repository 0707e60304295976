"""What the service never does and always does, seen from outside: every request of it is on record."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.support.events import EventReader
from tests.support.order_proxy import OrderProxy, Passed
from tests.support.service import Site

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

StartSite = Callable[..., Awaitable[Site]]


@dataclass(frozen=True, slots=True)
class Watched:
    """A service that quoted, filled, requoted and was killed, and what it asked the exchange."""

    site: Site
    proxy: OrderProxy


@pytest.fixture
async def watched(start_site: StartSite, order_proxy: OrderProxy) -> Watched:
    """Everything that a service does to the exchange in a short life."""
    site = await start_site(ORDER_SERVICE_URL=order_proxy.url)
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
    return Watched(site, order_proxy)


def route(request: Passed) -> tuple[str, str]:
    """Method and path, ids left out."""
    path = re.sub(r"^(/v1/orders/by-client-order-id/|/v1/orders/)(?!by-client)[^/]+$", r"\1ID", request.path)
    return request.method, path


async def test_every_order_goes_through_the_order_service_and_only_through_its_public_routes(
    watched: Watched,
) -> None:
    assert {route(request) for request in watched.proxy.passed} <= CONTRACT
    accepted = {request.answer["order_id"] for request in watched.proxy.placed() if request.status == 201}
    trades = await watched.site.exchange.trades(BTC, watched.site.account)
    assert len(trades) >= 4
    assert {trade["order_id"] for trade in trades} <= accepted
    recorded = {row["client_order_id"] for row in await watched.site.operator.rows(BTC, "orders")}
    assert recorded == {request.body["client_order_id"] for request in watched.proxy.placed()}


async def test_every_order_is_tagged_as_the_system_market_makers(watched: Watched) -> None:
    placed = watched.proxy.placed()
    assert len(placed) >= 4
    account = watched.site.account
    for request in placed:
        body = request.body
        tags = (body["account_type"], body["account_id"], body["user_id"])
        assert tags == ("SYSTEM_MARKET_MAKER", account, account)


async def test_no_account_but_our_own_is_ever_asked_about(watched: Watched) -> None:
    """No wallet, no balance, no position of anybody: only our orders, by our account or by their ids."""
    ids = {request.answer["order_id"] for request in watched.proxy.placed() if request.status == 201}
    ours = {request.body["client_order_id"] for request in watched.proxy.placed()}
    for request in watched.proxy.passed:
        if request.path == "/v1/orders" and request.method != "POST":
            assert request.query["account_id"] == watched.site.account
        elif request.path.startswith("/v1/orders/"):
            assert request.path.rsplit("/", 1)[-1] in ids | ours
        assert not re.search("wallet|balance|position", request.path)


async def test_orders_carry_nothing_that_other_traders_could_not_send(watched: Watched) -> None:
    """Limit orders that rest, in the fields of the contract: no flag for priority, matching or fees."""
    fields = {
        *("symbol", "side", "type", "time_in_force", "post_only", "price", "quantity"),
        *("client_order_id", "idempotency_key", "account_id", "user_id", "account_type"),
    }
    for request in watched.proxy.placed():
        assert set(request.body) == fields
        assert (request.body["type"], request.body["time_in_force"]) == ("limit", "gtc")
        assert request.body["post_only"] is True
        assert Decimal(request.body["price"]) > 0
    assert all(trade["is_maker"] for trade in await watched.site.exchange.trades(BTC, watched.site.account))


async def test_nothing_is_written_to_the_topics_of_the_exchange(watched: Watched) -> None:
    """Books change by orders alone: what the topics of market and engine carry comes from the exchange."""
    for topic in (ORDER_BOOK_SNAPSHOT, ORDER_BOOK_DELTA, TRADES, ENGINE_EVENT):
        reader = EventReader(watched.site, topic)
        try:
            sources = {event["source_service"] for event in await reader.read(2_000, 3.0, 5.0)}
        finally:
            reader.close()
        assert sources
        assert sources <= {"matching-engine", "market-data"}, topic
