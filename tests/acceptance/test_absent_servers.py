"""The service starts while a server that it needs is away: it says what is missing, and trades nothing."""

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, ExchangeServers, Site

BTC = "BTCUSDT"
StartSite = Callable[..., Awaitable[Site]]


@pytest.fixture
def absent_port() -> Iterator[int]:
    """A port that refuses connections, and that no server of another test can get meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def _reports(site: Site, component: str) -> bool:
    """Whether the service knows that a component is away; what depends on it should ask elsewhere then."""
    health = await site.operator.ask("GET", "/health")
    failed = {check["name"] for check in health.body["checks"] if check["status"] == "failed"}
    return component in failed and health.status == 503


async def test_without_kafka_the_service_answers_and_refuses_to_enable(
    start_site: StartSite, absent_port: int
) -> None:
    site = await start_site(KAFKA_BROKERS=f"127.0.0.1:{absent_port}")
    await site.operator.configure(BTC)
    await until("kafka is reported", lambda: _reports(site, "kafka"))
    assert (await site.operator.ask("GET", "/health/ready")).status == 503
    refused = await site.operator.control(BTC, "enable")  # nobody knows whose the symbol is
    assert (refused.status, refused.code) == (503, "NO_OWNER")
    began = time.monotonic()
    assert (site.service.terminate(), time.monotonic() - began < 10) == (0, True), site.service.log_tail()


async def test_without_the_order_service_zero_is_not_proven_and_nothing_is_enabled(
    start_site: StartSite, absent_port: int
) -> None:
    site = await start_site(ORDER_SERVICE_URL=f"http://127.0.0.1:{absent_port}")
    await site.operator.configure(BTC)
    await until("the order service is reported", lambda: _reports(site, "order_service"))
    status = await site.operator.until(BTC, "a book", lambda status: status["book"]["valid"])
    assert (status["proven_zero_since"], status["open_orders_at_exchange"]) == (None, None)
    refused = await site.operator.control(BTC, "enable")
    assert (refused.status, "NOT_PROVEN_ZERO" in refused.reasons) == (409, True)
    began = time.monotonic()
    assert (site.service.terminate(), time.monotonic() - began < 10) == (1, True)
    assert "zero open orders not proven for BTCUSDT" in site.service.log_tail()


async def test_fills_of_a_dead_process_wait_for_a_registry_that_comes_late(start_site: StartSite) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    site.service.kill()
    await site.trade_through(BTC, orders=2)
    await site.exchange.fault("registry", "error")
    await site.start()
    await until("the registry is reported", lambda: _reports(site, "schema_registry"))
    await until("engine events wait", lambda: _logged(site, "engine events wait for the schema registry"))
    status = await site.operator.status(BTC)
    assert (status["state"]["value"], status["book"]["valid"]) == ("PAUSED", False)
    assert status["fill_count"] < await site.executions(BTC)
    await site.exchange.clear_faults()
    await site.require_equal_fills(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


async def _logged(site: Site, words: str) -> bool:
    return words in site.service.log_tail()


@pytest.fixture
def own_exchange(start_exchange: Callable[..., ExchangeServers]) -> ExchangeServers:
    """An exchange whose broker the test may freeze."""
    return start_exchange("--symbols", BTC, "--seed", "4")


async def test_sigterm_with_a_silent_broker_ends_in_time_and_the_next_start_publishes_the_rest(
    start_site: StartSite, own_exchange: ExchangeServers
) -> None:
    site = await start_site(own_exchange, **SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    own_exchange.broker.freeze()
    try:
        began = time.monotonic()
        code = site.service.terminate()
        took_s = time.monotonic() - began
    finally:
        own_exchange.broker.thaw()
    assert (code, took_s < 10) == (1, True), (took_s, site.service.log_tail())
    assert "events are left in the outbox" in site.service.log_tail()
    assert await site.orders_at_exchange() == 0
    await site.start()
    assert (await site.operator.status(BTC))["state"]["value"] == "PAUSED"

    events: list[Any] = []

    async def all_sent() -> bool:
        nonlocal events
        events = await site.operator.rows(BTC, "events")
        return all(event["sent_at"] is not None for event in events)

    await until("every event is published", all_sent)
    assert [event["data"]["to"] for event in events] == ["ACTIVE", "PAUSED"]
