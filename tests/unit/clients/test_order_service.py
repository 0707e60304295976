import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from tests.support.order_server import OpenGate, OrderServer, Seen, accept, answer, checked_order, drop

from market_maker.clients.order_contract import Account, retry_after_ns
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core.events import (
    CancelAllAnswer,
    CancelAnswer,
    ExchangeOrder,
    ExchangeStatus,
    Outcome,
    PlaceAnswer,
    Side,
)
from market_maker.telemetry.loop_lag import LoopLagMonitor

ACCEPTED = {
    "order_id": "x-1",
    "client_order_id": "c-1",
    "status": "open",
    "created_at": "2026-11-20T00:00:00Z",
}
REFUSED = {"code": "OFF_TICK", "message": "price: not on a tick"}
RESTING = {
    "order_id": "x-1",
    "client_order_id": "c-1",
    "symbol": "BTC-USDT",
    "side": "buy",
    "price": "60000.01",
    "quantity": "0.00015",
    "filled_quantity": "0",
    "status": "open",
}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def server() -> Iterator[OrderServer]:
    with OrderServer() as running:
        yield running


@pytest.fixture
def reports() -> list[RequestReport]:
    return []


@pytest.fixture
async def client(server: OrderServer, reports: list[RequestReport]) -> AsyncIterator[OrderServiceClient]:
    made = make_client(server.url, reports, token="t0ken")
    yield made
    await made.close()


def make_client(url: str, reports: list[RequestReport], token: str | None = None) -> OrderServiceClient:
    return OrderServiceClient(
        url,
        Account("account-1", "user-1"),
        LoopLagMonitor(),
        response_timeout_ns=5_000_000_000,
        on_report=reports.append,
        token=token,
    )


def never(late: PlaceAnswer | CancelAnswer | CancelAllAnswer) -> None:
    raise AssertionError(f"an answer in time was followed by {late}")


async def place(client: OrderServiceClient) -> PlaceAnswer:
    return await client.place(checked_order("c-1"), TRACE, OpenGate(), never)


# --- placing -----------------------------------------------------------------------------------


async def test_an_order_is_sent_as_the_contract_says(
    server: OrderServer, client: OrderServiceClient, reports: list[RequestReport]
) -> None:
    placed = await place(client)
    assert (placed.outcome, placed.order_id, placed.client_order_id) == (Outcome.OK, "x-c-1", "c-1")
    assert placed.ended
    seen = server.requests[0]
    assert (seen.method, seen.path) == ("POST", "/v1/orders")
    assert seen.json == {
        "symbol": "BTC-USDT",
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "post_only": True,
        "price": "60000.01",
        "quantity": "0.00015",
        "client_order_id": "c-1",
        "idempotency_key": "c-1",
        "account_id": "account-1",
        "user_id": "user-1",
        "account_type": "SYSTEM_MARKET_MAKER",
    }
    assert seen.headers["Authorization"] == "Bearer t0ken"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["traceparent"] == TRACE
    assert [(report.request, report.outcome) for report in reports] == [("place", Outcome.OK)]
    assert 0 < reports[0].latency_ns < 5_000_000_000


async def test_without_a_token_and_a_trace_no_such_headers_are_sent(server: OrderServer) -> None:
    client = make_client(server.url, [])
    await client.place(checked_order("c-1", side=Side.SELL), None, OpenGate(), never)
    await client.close()
    assert server.requests[0].json["side"] == "sell"
    assert not {"Authorization", "traceparent"} & set(server.requests[0].headers)


async def test_numbers_go_out_without_an_exponent(server: OrderServer, client: OrderServiceClient) -> None:
    await client.place(checked_order("c-1", ticks=1, lots=1), None, OpenGate(), never)
    assert (server.requests[0].json["price"], server.requests[0].json["quantity"]) == ("0.01", "0.00001")


async def test_the_first_answer_given_again_is_an_acceptance(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, ACCEPTED)
    assert (await place(client)).outcome is Outcome.OK


async def test_a_4xx_in_the_contracts_words_is_a_final_rejection(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(422, REFUSED)
    placed = await place(client)
    assert (placed.outcome, placed.code, placed.detail) == (Outcome.REJECTED, "OFF_TICK", REFUSED["message"])
    assert not placed.would_cross


async def test_a_post_only_order_that_would_cross_is_told_apart(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(422, {"code": "POST_ONLY_WOULD_CROSS", "message": "it would take"})
    placed = await place(client)
    assert (placed.outcome, placed.would_cross) == (Outcome.REJECTED, True)


async def test_a_429_tells_how_long_to_wait(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(429, b"slow down", {"Retry-After": "3"})
    placed = await place(client)
    assert (placed.outcome, placed.retry_after_ns) == (Outcome.RATE_LIMITED, 3_000_000_000)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 1),
        ("0", 0),
        ("7200", 3600),
        ("9" * 30, 3600),
        ("Fri, 20 Nov 2026 06:00:10 GMT", 10),
        ("Fri, 20 Nov 2026 05:00:00 GMT", 0),
        ("soon", 1),
        ("-5", 1),
        ("Fri, 99 Nov 2026 06:00:10 GMT", 1),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_negative_or_endless(
    header: str | None, seconds: int
) -> None:
    wall_s = 1_795_154_400.0
    assert retry_after_ns(header, wall_s) == seconds * 1_000_000_000


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 202])
async def test_a_status_that_is_no_answer_leaves_the_order_uncertain(
    server: OrderServer, client: OrderServiceClient, status: int
) -> None:
    server.respond = answer(status, REFUSED, {"Location": "/elsewhere"})
    placed = await place(client)
    assert placed.outcome is Outcome.UNCERTAIN
    assert f"answer {status}" in placed.detail
    assert len(server.requests) == 1


async def test_a_broken_connection_leaves_the_order_uncertain_and_is_not_tried_again(
    server: OrderServer, client: OrderServiceClient
) -> None:
    await client.warm(1)
    server.respond = drop
    server.requests.clear()
    placed = await place(client)
    assert (placed.outcome, placed.ended) == (Outcome.UNCERTAIN, True)
    assert "ServerDisconnectedError" in placed.detail
    assert len(server.requests) == 1


async def test_an_order_service_that_is_not_there_leaves_the_order_uncertain() -> None:
    with OrderServer() as gone:
        url = gone.url
    client = make_client(url, [])
    placed = await place(client)
    health = await client.health()
    await client.close()
    assert placed.outcome is Outcome.UNCERTAIN
    assert "ClientConnectorError" in placed.detail
    assert (health.healthy, "ClientConnectorError" in health.detail) == (False, True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body: not JSON"),
        (b"\xff\xfe", "body: not JSON"),
        (b"[" * 100_000, "body: not JSON"),
        (b"<html>", "body: not JSON"),
        ([ACCEPTED], "body: must be a JSON object, got list"),
        ({**ACCEPTED, "order_id": None}, "order_id: must be a text, got None"),
        ({**ACCEPTED, "order_id": 17}, "order_id: must be a text, got 17"),
        ({**ACCEPTED, "order_id": ""}, "order_id: must be a text"),
        ({k: v for k, v in ACCEPTED.items() if k != "order_id"}, "order_id: missing"),
        ({**ACCEPTED, "client_order_id": "c-2"}, "client_order_id: must be 'c-1', got 'c-2'"),
        ({k: v for k, v in ACCEPTED.items() if k != "created_at"}, "created_at: missing"),
        ({**ACCEPTED, "status": "perhaps"}, "status: must be one of open, partially_filled"),
    ],
)
async def test_an_acceptance_that_is_not_the_contract_is_uncertain_and_names_the_field(
    server: OrderServer, client: OrderServiceClient, body: object, named: str
) -> None:
    server.respond = answer(201, body)
    placed = await place(client)
    assert placed.outcome is Outcome.UNCERTAIN
    assert placed.detail.startswith(f"answer 201: {named}")


@pytest.mark.parametrize("body", [b"404 page not found", {"code": "X"}, {"code": 1, "message": "m"}, []])
async def test_a_4xx_in_other_words_proves_nothing(
    server: OrderServer, client: OrderServiceClient, body: object
) -> None:
    server.respond = answer(404, body)
    assert (await place(client)).outcome is Outcome.UNCERTAIN
    assert (await client.query("c-1")).outcome is Outcome.UNCERTAIN
    assert (await client.cancel("c-1", "x-1", never)).outcome is Outcome.UNCERTAIN


async def test_an_answer_without_end_is_cut_off(server: OrderServer, client: OrderServiceClient) -> None:
    async def endless(request: web.Request, _seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    server.respond = endless
    placed = await place(client)
    assert (placed.outcome, placed.detail) == (Outcome.UNCERTAIN, "answer longer than 4194304 bytes")


async def test_what_is_not_http_leaves_the_order_uncertain(
    server: OrderServer, client: OrderServiceClient
) -> None:
    async def garbage(request: web.Request, _seen: Seen) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"SMTP ready\r\n\r\n")
        request.transport.close()
        return web.Response()

    server.respond = garbage
    assert (await place(client)).outcome is Outcome.UNCERTAIN


async def test_an_answer_cut_in_the_middle_leaves_the_order_uncertain(
    server: OrderServer, client: OrderServiceClient
) -> None:
    async def cut(request: web.Request, _seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(status=201, headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(json.dumps(ACCEPTED).encode())
        assert request.transport is not None
        request.transport.close()
        return response

    server.respond = cut
    placed = await place(client)
    assert placed.outcome is Outcome.UNCERTAIN
    assert "ClientPayloadError" in placed.detail


# --- cancelling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"order_id": "x/1", "status": "cancelled"}, Outcome.OK),
        (204, b"", Outcome.OK),
        (200, {"order_id": "x-2"}, Outcome.UNCERTAIN),
        (200, b"ok", Outcome.UNCERTAIN),
        (404, REFUSED, Outcome.NOT_FOUND),
        (409, REFUSED, Outcome.NOT_FOUND),
        (403, REFUSED, Outcome.REJECTED),
        (429, REFUSED, Outcome.RATE_LIMITED),
        (500, REFUSED, Outcome.UNCERTAIN),
    ],
)
async def test_a_cancel_says_what_the_exchange_said(
    server: OrderServer, client: OrderServiceClient, status: int, body: object, outcome: Outcome
) -> None:
    server.respond = answer(status, body)
    cancelled = await client.cancel("c-1", "x/1", never)
    assert (cancelled.client_order_id, cancelled.outcome, cancelled.ended) == ("c-1", outcome, True)
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/v1/orders/x%2F1")


async def test_cancelling_all_names_account_and_symbol_and_counts(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, {"cancelled": 7})
    cancelled = await client.cancel_all("BTC-USDT", never)
    assert (cancelled.outcome, cancelled.cancelled) == (Outcome.OK, 7)
    seen = server.requests[0]
    assert (seen.method, seen.path) == ("DELETE", "/v1/orders")
    assert seen.query == {"account_id": "account-1", "symbol": "BTC-USDT"}


@pytest.mark.parametrize("count", [None, "7", -1, True, 1.5])
async def test_a_count_that_is_none_leaves_cancelling_all_uncertain(
    server: OrderServer, client: OrderServiceClient, count: object
) -> None:
    server.respond = answer(200, {"cancelled": count})
    cancelled = await client.cancel_all("BTC-USDT", never)
    assert cancelled.outcome is Outcome.UNCERTAIN
    assert "cancelled: must be a whole number" in cancelled.detail


# --- asking ------------------------------------------------------------------------------------


async def test_an_order_is_found_by_its_client_id(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(
        200, {**RESTING, "status": "partially_filled", "filled_quantity": "1E-5", "unknown_field": 1}
    )
    found = await client.query("c-1")
    assert found.outcome is Outcome.OK
    assert found.order == ExchangeOrder(
        "x-1",
        "c-1",
        Side.BUY,
        Decimal("60000.01"),
        Decimal("0.00015"),
        Decimal("0.00001"),
        ExchangeStatus.PARTIALLY_FILLED,
    )
    assert server.requests[0].path == "/v1/orders/by-client-order-id/c-1"


async def test_an_order_that_the_exchange_does_not_know_is_not_found(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(404, {"code": "ORDER_NOT_FOUND", "message": "no such order"})
    found = await client.query("c-1")
    assert (found.outcome, found.order) == (Outcome.NOT_FOUND, None)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("price", 60000.01, "price: must be a text"),
        ("price", "sixty", "price: must be a positive decimal"),
        ("price", "NaN", "price: must be a positive decimal"),
        ("price", "-1", "price: must be a positive decimal"),
        ("quantity", "0", "quantity: must be a positive decimal"),
        ("filled_quantity", "1", "filled_quantity: 1 is more than the quantity 0.00015"),
        ("side", "BUY", "side: must be one of buy, sell"),
        ("client_order_id", "c-2", "client_order_id: must be 'c-1'"),
        ("status", None, "status: must be a text"),
    ],
)
async def test_an_order_that_is_not_the_contract_is_uncertain_and_names_the_field(
    server: OrderServer, client: OrderServiceClient, field: str, value: object, named: str
) -> None:
    server.respond = answer(200, {**RESTING, field: value})
    found = await client.query("c-1")
    assert (found.outcome, found.order) == (Outcome.UNCERTAIN, None)
    assert found.detail.startswith(f"answer 200: {named}")


def pages(*contents: Any) -> dict[str | None, Any]:
    """Pages by the cursor that asks for them; the last content may be a whole body."""
    return dict(zip([None, "2", "3"], contents, strict=False))


def serve_pages(server: OrderServer, contents: dict[str | None, Any]) -> None:
    async def respond(request: web.Request, seen: Seen) -> web.StreamResponse:
        content = contents[seen.query.get("cursor")]
        return await answer(*content)(request, seen)

    server.respond = respond


def resting(number: int, **changes: object) -> dict[str, object]:
    return {**RESTING, "order_id": f"x-{number}", "client_order_id": f"c-{number}", **changes}


async def test_open_orders_are_read_to_the_last_page(
    server: OrderServer, client: OrderServiceClient, reports: list[RequestReport]
) -> None:
    serve_pages(
        server,
        pages(
            (200, {"orders": [resting(1), resting(2)], "next_cursor": "2"}),
            (200, {"orders": [resting(2), resting(3, status="filled")], "next_cursor": "3"}),
            (200, {"orders": [resting(4)], "next_cursor": None}),
        ),
    )
    listed = await client.open_orders("BTC-USDT")
    assert listed.outcome is Outcome.OK
    assert [order.order_id for order in listed.orders] == ["x-1", "x-2", "x-4"]
    assert listed.asked_at_ns < listed.at_ns
    assert server.requests[0].query == {
        "account_id": "account-1",
        "symbol": "BTC-USDT",
        "status": "open",
        "limit": "200",
    }
    assert [report.request for report in reports] == ["open_orders"] * 3


async def test_no_open_orders_is_an_answer_too(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(200, {"orders": []})
    listed = await client.open_orders("BTC-USDT")
    assert (listed.outcome, listed.orders) == (Outcome.OK, ())


@pytest.mark.parametrize(
    ("second", "outcome", "named"),
    [
        ((500, b"oops"), Outcome.UNCERTAIN, "answer 500"),
        ((200, {"orders": None}), Outcome.UNCERTAIN, "orders: must be a list"),
        ((200, {"next_cursor": None}), Outcome.UNCERTAIN, "orders: missing"),
        ((200, {"orders": [], "next_cursor": "2"}), Outcome.UNCERTAIN, "next_cursor: '2' repeats itself"),
        ((200, {"orders": [], "next_cursor": 3}), Outcome.UNCERTAIN, "next_cursor: must be a text"),
        ((200, {"orders": [resting(3, symbol="ETH-USDT")]}), Outcome.UNCERTAIN, "symbol: must be 'BTC-USDT'"),
        ((429, b""), Outcome.RATE_LIMITED, "slow down"),
    ],
)
async def test_a_list_that_cannot_be_read_to_its_end_is_no_list(
    server: OrderServer, client: OrderServiceClient, second: Any, outcome: Outcome, named: str
) -> None:
    serve_pages(server, pages((200, {"orders": [resting(1)], "next_cursor": "2"}), second))
    listed = await client.open_orders("BTC-USDT")
    assert (listed.outcome, listed.orders) == (outcome, ())
    assert named in listed.detail


# --- connections -------------------------------------------------------------------------------


async def test_warm_connections_are_used_by_the_orders_that_follow(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, {"status": "ok"})
    assert (await client.warm(3)).healthy
    warmed = {seen.peer for seen in server.requests}
    assert len(warmed) == 6
    server.respond = accept
    await place(client)
    server.respond = answer(204, b"")
    await client.cancel("c-1", "x-1", never)
    placed, cancelled = server.requests[-2:]
    assert {placed.peer, cancelled.peer} < warmed
    assert placed.peer != cancelled.peer


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, True), (503, False)])
async def test_any_answer_below_500_is_a_sign_of_life(
    server: OrderServer, client: OrderServiceClient, status: int, healthy: bool
) -> None:
    server.respond = answer(status, b"")
    assert (await client.health()).healthy is healthy
