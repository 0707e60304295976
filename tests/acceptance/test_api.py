"""While the service trades, every route of its API does what the document says, and the exchange shows it."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from tests.support.operator import until
from tests.support.service import Site

BTC, ETH, UNCONFIGURED = "BTCUSDT", "ETHUSDT", "SOLUSDT"


@pytest.fixture
async def quoting(site: Site) -> Site:
    """BTCUSDT and ETHUSDT are quoted."""
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol)
    for symbol in (BTC, ETH):
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
    return site


async def test_every_get_route_of_the_openapi_document_answers(quoting: Site) -> None:
    document = await quoting.operator.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    await quoting.operator.ready()
    paths = [path for path, methods in document["paths"].items() if "get" in methods]
    assert len(paths) >= 11
    for path in paths:
        if path == "/v1/mm/stream":
            continue  # it never ends: it has a test of its own
        answer = await quoting.operator.ask(
            "GET", path.replace("{symbol}", BTC).replace("{version}", "1").replace("{proposal}", "1")
        )
        nobody_approves = path == "/v1/mm/proposals/{proposal}"  # CHANGES_NEED_APPROVAL is false
        assert answer.status == (404 if nobody_approves else 200), (path, answer)
    assert (await quoting.operator.ask("GET", "/docs")).status == 200


async def test_a_symbol_quotes_both_sides_from_the_moment_it_is_enabled(site: Site) -> None:
    await site.operator.configure(BTC, num_levels=3)
    status = await site.operator.status(BTC)
    assert status["state"]["value"] == "PAUSED"
    assert await site.orders_at_exchange() == 0
    await site.operator.enable(BTC)
    status = await site.operator.until(BTC, "3 levels a side", lambda status: status["open_orders"] == 6)
    assert status["config"]["enabled"] is True
    bids = [Decimal(order["price"]) for order in status["orders"] if order["side"] == "BUY"]
    asks = [Decimal(order["price"]) for order in status["orders"] if order["side"] == "SELL"]
    assert len(bids) == len(asks) == 3
    assert max(bids) < Decimal(status["mid"]) < min(asks)


async def test_pause_empties_the_market_within_a_second(quoting: Site) -> None:
    assert await quoting.orders_at_exchange(BTC) > 0
    began = time.monotonic()
    answer = await quoting.operator.control(BTC, "pause")
    assert (answer.status, answer.body["state"]) == (200, "PAUSED")
    await quoting.empty_at_exchange(BTC, timeout_s=1.0)
    assert time.monotonic() - began < 1.0
    assert (await quoting.operator.clear(BTC))["open_orders_at_exchange"] == 0
    await quoting.operator.quoting(ETH)
    assert (await quoting.operator.control(BTC, "resume", wait=30)).body["state"] == "ACTIVE"
    await quoting.operator.quoting(BTC)


async def test_a_wider_spread_changes_the_next_quotes(quoting: Site) -> None:
    narrow = Decimal((await quoting.operator.quoting(BTC))["spread_bps"])
    answer = await quoting.operator.change(BTC, base_spread_bps="40")
    assert (answer.status, answer.body["base_spread_bps"]) == (200, "40")
    await quoting.operator.until(
        BTC,
        "the spread is 40 bps",
        lambda status: status["spread_bps"] is not None and abs(Decimal(status["spread_bps"]) - 40) < 5,
        timeout_s=2.0,
    )
    assert narrow < 10


async def test_setting_enabled_to_false_pauses_and_true_starts_nothing(quoting: Site) -> None:
    await quoting.operator.change(BTC, enabled=False)
    await quoting.operator.state(BTC, "PAUSED", 1.0)
    await quoting.empty_at_exchange(BTC, timeout_s=1.0)
    refused = await quoting.operator.control(BTC, "resume")
    assert (refused.status, refused.code) == (409, "REFUSED")
    assert "NOT_ENABLED" in refused.reasons
    await quoting.operator.change(BTC, enabled=True)
    assert (await quoting.operator.status(BTC))["state"]["value"] == "PAUSED"


async def test_kill_halts_and_only_reset_leads_back(quoting: Site) -> None:
    answer = await quoting.operator.emergency("kill", BTC)
    assert (answer.status, answer.body["results"][0]["state"]) == (200, "HALTED")
    await quoting.empty_at_exchange(BTC, timeout_s=1.0)
    status = await quoting.operator.clear(BTC)
    assert status["kill"]["reason"] == "MANUAL"
    for action in ("enable", "resume"):
        refused = await quoting.operator.control(BTC, action)
        assert (refused.status, refused.reasons) == (409, {"HALTED"})
    assert (await quoting.operator.control(BTC, "pause")).status == 409
    await quoting.operator.change(BTC, enabled=True)
    assert (await quoting.operator.status(BTC))["state"]["value"] == "HALTED"
    assert (await quoting.operator.status(ETH))["state"]["value"] == "ACTIVE"
    overall = await quoting.operator.get("/v1/mm/status")
    assert overall["kill_switch"] == {"latched": True, "symbols": [BTC]}
    reset = await quoting.operator.emergency("reset", BTC)
    assert (reset.status, reset.body["results"][0]["state"]) == (200, "PAUSED")
    await quoting.operator.enable(BTC)
    await quoting.operator.quoting(BTC)


async def test_a_kill_without_symbols_halts_everything(quoting: Site) -> None:
    answer = await quoting.operator.emergency("kill")
    assert {result["state"] for result in answer.body["results"]} == {"HALTED"}
    await quoting.empty_at_exchange(timeout_s=1.0)


async def test_a_kill_that_also_names_an_unknown_symbol_kills_the_known_one(quoting: Site) -> None:
    answer = await quoting.operator.emergency("kill", UNCONFIGURED, BTC)
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert f"not configured: {UNCONFIGURED}" in answer.body["detail"]
    assert [result["accepted"] for result in answer.body["results"]] == [True, False]
    await quoting.operator.halted(BTC, "MANUAL")
    await quoting.empty_at_exchange(BTC, timeout_s=1.0)


async def test_reset_of_a_symbol_that_is_not_halted_is_refused(quoting: Site) -> None:
    answer = await quoting.operator.emergency("reset", BTC)
    assert answer.status == 409
    assert answer.body["results"][0]["problems"][0]["code"] == "NOT_HALTED"
    assert (await quoting.operator.status(BTC))["state"]["value"] == "ACTIVE"


async def test_flatten_cancels_everything_and_leaves_every_symbol_paused(quoting: Site) -> None:
    position = (await quoting.operator.status(BTC))["position"]
    answer = await quoting.operator.emergency("flatten")
    assert {result["state"] for result in answer.body["results"]} == {"PAUSED"}
    await quoting.empty_at_exchange(timeout_s=1.0)
    status = await quoting.operator.clear(BTC)
    fills = {row["trade_id"] for row in await quoting.operator.rows(BTC, "fills")}
    assert fills or status["position"] == position


async def test_a_fill_moves_position_and_pnl_and_stands_in_the_history(quoting: Site) -> None:
    rows: list[Any] = []

    async def both_sides_filled() -> bool:
        await quoting.trade_against(BTC)
        rows[:] = await quoting.require_equal_fills(BTC)
        return {row["side"] for row in rows} == {"BUY", "SELL"}

    await until("fills of both sides", both_sides_filled)
    orders = {order["order_id"]: order for order in await quoting.operator.rows(BTC, "orders")}
    assert all(Decimal(orders[row["order_id"]]["filled_quantity"]) > 0 for row in rows)


async def test_quotes_tell_why_each_price_is_what_it_is(quoting: Site) -> None:
    answer = await quoting.operator.get(f"/v1/mm-configs/{BTC}/quotes")
    text = json.dumps(answer)
    assert all(word in text for word in ("mid", "spread", "bias", "verdict"))


async def test_an_active_symbol_cannot_be_deleted_and_a_paused_one_can(quoting: Site) -> None:
    refused = await quoting.operator.ask("DELETE", f"/v1/mm-configs/{BTC}?confirm=true")
    assert (refused.status, refused.code) == (409, "SYMBOL_ACTIVE")
    await quoting.operator.control(BTC, "pause")
    await quoting.operator.clear(BTC)
    assert (await quoting.operator.ask("DELETE", f"/v1/mm-configs/{BTC}?confirm=true")).status == 204
    assert (await quoting.operator.ask("GET", f"/v1/mm-configs/{BTC}")).status == 404


async def test_unknown_duplicate_and_unlisted_symbols_are_refused(quoting: Site) -> None:
    for method, path in (
        ("GET", f"/v1/mm-configs/{UNCONFIGURED}"),
        ("PUT", f"/v1/mm-configs/{UNCONFIGURED}"),
        ("DELETE", f"/v1/mm-configs/{UNCONFIGURED}"),
        ("GET", f"/v1/mm-configs/{UNCONFIGURED}/status"),
        ("GET", f"/v1/mm-configs/{UNCONFIGURED}/quotes"),
        ("GET", f"/v1/mm-configs/{UNCONFIGURED}/fills"),
        ("POST", f"/v1/mm-configs/{UNCONFIGURED}/enable"),
        ("POST", f"/v1/mm-configs/{UNCONFIGURED}/pause"),
        ("POST", f"/v1/mm-configs/{UNCONFIGURED}/resume"),
    ):
        body: dict[str, str] | None = {} if method in ("PUT", "POST") else None
        answer = await quoting.operator.ask(method, path, body)
        assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL"), (method, path)
    duplicate = await quoting.operator.ask("POST", "/v1/mm-configs", {"symbol": BTC})
    assert (duplicate.status, duplicate.code) == (409, "DUPLICATE_CONFIG")
    unlisted = await quoting.operator.ask("POST", "/v1/mm-configs", {"symbol": "NOSUCHUSDT"})
    assert (unlisted.status, unlisted.code) == (422, "SYMBOL_NOT_LISTED")


async def test_a_wrong_field_is_named(quoting: Site) -> None:
    answer = await quoting.operator.change(BTC, base_spread_bps="-1", num_levels=99)
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert {error["field"] for error in answer.body["errors"]} == {"base_spread_bps", "num_levels"}
    unknown = await quoting.operator.change(BTC, spred="1")
    assert unknown.status == 422
    assert unknown.body["errors"][0]["field"] == "spred"


async def test_the_stream_shows_a_change_of_state(quoting: Site) -> None:
    seen: list[tuple[str, str]] = []
    async with quoting.operator.session.get(f"{quoting.operator.url}/v1/mm/stream") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        paused, event = False, ""
        async for raw in response.content:
            line = raw.decode().rstrip()
            event = line.removeprefix("event: ") if line.startswith("event: ") else event
            if event != "status" or not line.startswith("data: "):
                continue
            status = json.loads(line.removeprefix("data: "))
            seen.append((status["symbol"], status["state"]["value"]))
            if not paused and {(BTC, "ACTIVE"), (ETH, "ACTIVE")} <= set(seen):
                paused = True
                await quoting.operator.control(BTC, "pause")
            if (BTC, "PAUSED") in seen:
                break
    assert paused


async def test_health_names_every_component(site: Site) -> None:
    await site.operator.ready()
    checks = {check["name"]: check["status"] for check in (await site.operator.get("/health"))["checks"]}
    assert set(checks) >= {"postgres", "kafka", "redis", "order_service", "metadata", "schema_registry"}
    assert set(checks.values()) == {"ok"}
