"""The Order Service misbehaves towards one symbol: it halts with its orders gone, the other quotes on."""

from typing import Any

import pytest
from tests.support.service import RESPONSE_TIMEOUT_MS, Site

BTC, ETH = "BTCUSDT", "ETHUSDT"

LATE_MS = 1.5 * RESPONSE_TIMEOUT_MS


@pytest.fixture
async def quoting(site: Site) -> Site:
    """BTCUSDT and ETHUSDT are quoted, and both have fills."""
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol, num_levels=2)
    for symbol in (BTC, ETH):
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol)
    return site


async def _requote(site: Site) -> None:
    """Make BTCUSDT's present quotes wrong, so that they are cancelled and placed anew."""
    await site.operator.change(BTC, base_spread_bps="30")


async def _require_aftermath(site: Site) -> None:
    """BTCUSDT is out of the market with every fill counted, ETHUSDT still in it; a reset leads back."""
    await site.empty_at_exchange(BTC)
    status = await site.operator.clear(BTC)
    assert (status["open_orders"], status["unknown_orders"]) == (0, 0)
    await site.operator.quoting(ETH)
    for symbol in (BTC, ETH):
        await site.trade_against(ETH)
        await site.require_equal_fills(symbol)
    await site.exchange.clear_faults()  # what quotes again meets none of them
    assert (await site.operator.emergency("reset", BTC)).status == 200
    await site.operator.change(BTC, base_spread_bps="1")
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "error", "phase": "before"}, "ORDER_UNCERTAIN"),
        ({"kind": "error", "phase": "after"}, "ORDER_UNCERTAIN"),
        ({"kind": "drop", "phase": "before"}, "ORDER_UNCERTAIN"),
        ({"kind": "drop", "phase": "after"}, "ORDER_UNCERTAIN"),
        ({"kind": "garbage"}, "ORDER_UNCERTAIN"),
        ({"kind": "not_http"}, "ORDER_UNCERTAIN"),
        ({"kind": "delay", "phase": "before", "delay_ms": LATE_MS}, "RESPONSE_TIMEOUT"),
        ({"kind": "delay", "phase": "after", "delay_ms": LATE_MS}, "RESPONSE_TIMEOUT"),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else value,
)
async def test_an_uncertain_answer_to_a_new_order_halts_its_symbol_only(
    quoting: Site, fault: dict[str, Any], reason: str
) -> None:
    await quoting.exchange.fault("place", symbol=BTC, count=1, **fault)
    await _requote(quoting)
    await quoting.operator.halted(BTC, reason)
    await _require_aftermath(quoting)


async def test_answers_given_twice_place_each_order_once(quoting: Site) -> None:
    before = {order["client_order_id"] for order in (await quoting.operator.quoting(BTC))["orders"]}
    await quoting.exchange.fault("place", "duplicate", symbol=BTC, count=8)
    await _requote(quoting)

    def replaced(status: dict[str, Any]) -> bool:
        known = {order["client_order_id"] for order in status["orders"] if order["status"] == "open"}
        return len(known) == 4 and not known & before

    status = await quoting.operator.until(BTC, "four new quotes", replaced)
    assert status["kill"] is None
    assert await quoting.orders_at_exchange(BTC) == 4
    await quoting.require_equal_fills(BTC)


@pytest.mark.parametrize("operation", ["cancel", "any_order"])
async def test_a_service_that_fails_for_a_while_is_cleared_as_soon_as_it_answers(
    quoting: Site, operation: str
) -> None:
    await quoting.exchange.fault(operation, "error", symbol=BTC)
    await _requote(quoting)
    await quoting.operator.halted(BTC, "ORDER_UNCERTAIN")
    if operation == "any_order":
        refused = await quoting.operator.emergency("reset", BTC)
        assert await quoting.orders_at_exchange(BTC) > 0
        assert (refused.status, refused.code) == (409, "REFUSED")
        await quoting.operator.quoting(ETH)
        await quoting.exchange.clear_faults()
    await _require_aftermath(quoting)


async def test_a_storm_of_rejections_halts(quoting: Site) -> None:
    await quoting.exchange.fault("place", "refuse", symbol=BTC)
    await _requote(quoting)
    await quoting.operator.halted(BTC, "REJECT_STORM")
    await quoting.exchange.clear_faults()
    await _require_aftermath(quoting)


async def test_a_rate_limit_of_the_exchange_is_waited_out(quoting: Site) -> None:
    await quoting.exchange.fault("place", "rate_limit", symbol=BTC, count=2, retry_after_s=1)
    await _requote(quoting)
    status = await quoting.operator.until(
        BTC, "quotes again after the limit", lambda status: "exchange_rate_limit" in str(status["counters"])
    )
    status = await quoting.operator.quoting(BTC)
    assert status["kill"] is None
