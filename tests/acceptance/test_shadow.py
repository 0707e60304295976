"""Shadow mode on the running service: everything is decided, nothing leaves."""

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from tests.support.events import events_since
from tests.support.operator import until
from tests.support.order_proxy import OrderProxy
from tests.support.service import Site

BTC = "BTCUSDT"
LEVELS = 2

StartSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def shadow(start_site: StartSite, order_proxy: OrderProxy) -> Site:
    """BTCUSDT is ACTIVE in a service that sends nothing."""
    site = await start_site(MM_SHADOW_MODE="true", ORDER_SERVICE_URL=order_proxy.url)
    await site.operator.configure(BTC, num_levels=LEVELS)
    await site.operator.enable(BTC)
    return site


def order_requests(proxy: OrderProxy) -> list[tuple[str, str]]:
    """What reached the Order Service, but for the question whether it is there."""
    return [(request.method, request.path) for request in proxy.passed if request.path.startswith("/v1/")]


async def test_quotes_are_computed_and_no_order_request_leaves_whatever_is_asked(
    shadow: Site, order_proxy: OrderProxy
) -> None:
    status = await shadow.operator.until(
        BTC, "20 quote sets", lambda status: status["counters"]["quotes_computed"] >= 20
    )
    assert status["state"]["value"] == "ACTIVE"
    assert (await shadow.operator.get("/v1/mm/status"))["shadow_mode"] is True
    await shadow.operator.control(BTC, "pause")
    await shadow.operator.control(BTC, "resume")
    await shadow.operator.emergency("flatten", BTC)
    await shadow.operator.emergency("kill", BTC)
    await shadow.operator.state(BTC, "HALTED")
    assert shadow.service.terminate() == 0
    assert order_requests(order_proxy) == []
    assert await shadow.orders_at_exchange() == 0


async def test_each_simulated_quote_can_be_read_with_its_waterfall(shadow: Site) -> None:
    began = time.time()  # other services have quoted on this exchange before
    await shadow.operator.until(
        BTC, "20 quote sets", lambda status: status["counters"]["quotes_computed"] >= 20
    )
    quotes = await events_since(shadow, "mm.quote.simulated.v1", began, BTC)
    assert len(quotes) >= 10
    for quote in quotes:
        assert quote["symbol"] == BTC
        mid, spread, bias = (Decimal(quote[name]) for name in ("mid", "spread", "bias"))
        inner = {level["side"]: level for level in quote["levels"] if level["level"] == 0}
        assert len(quote["levels"]) == 2 * LEVELS
        assert Decimal(inner["BUY"]["raw_price"]) == mid - spread / 2 - bias
        assert Decimal(inner["SELL"]["raw_price"]) == mid + spread / 2 - bias
        assert Decimal(inner["BUY"]["price"]) < Decimal(inner["SELL"]["price"])
        assert {level["verdict"] for level in quote["levels"]} == {"simulated"}


async def test_risk_checks_and_kill_switches_act_as_if_real(shadow: Site) -> None:
    began = time.time()
    await shadow.operator.change(BTC, max_position_usdt="100")

    async def outer_level_refused() -> bool:
        quotes = await shadow.operator.get(f"/v1/mm-configs/{BTC}/quotes")
        levels = quotes["quote"]["levels"]
        return {level["outcome"] for level in levels if level["level"] == 1} == {"position_limit"}

    await until("the outer levels are beyond the position limit", outer_level_refused)
    await shadow.exchange.halt(BTC)
    try:
        await shadow.operator.halted(BTC, "MARKET_HALT")

        async def published() -> bool:
            risks = await events_since(shadow, "mm.risk.triggered.v1", began, BTC)
            return [risk["reason"] for risk in risks] == ["MARKET_HALT"]

        await until("the risk event is published", published)
    finally:
        await shadow.exchange.resume(BTC)
