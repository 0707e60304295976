import gc
import json

import pytest
from aiohttp import web

from lab.order_client import ACCEPTED, REFUSED, TRACE, make_client, never, place
from lab.order_server import OpenGate, OrderServer, Seen, answer, checked_order, drop, until
from market_maker.clients.http_call import HttpCall
from market_maker.clients.order_contract import retry_after_ns
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.clients.under_way import UnderWay
from market_maker.core.events import PlaceAnswer, RequestOutcome
from market_maker.core.side import Side


async def test_an_order_is_sent_as_the_contract_says(
    server: OrderServer, client: OrderServiceClient, reports: list[RequestReport]
) -> None:
    placed = await place(client)
    assert (placed.outcome, placed.order_id, placed.client_order_id) == (RequestOutcome.OK, "x-c-1", "c-1")
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
    assert [(report.request, report.outcome) for report in reports] == [("place", RequestOutcome.OK)]
    assert 0 < reports[0].latency_ns < 5_000_000_000


async def test_without_a_token_and_a_trace_no_such_headers_are_sent(server: OrderServer) -> None:
    client = make_client(server.url, [])
    await client.place(checked_order("c-1", side=Side.SELL), None, OpenGate(), never)
    await client.close()
    assert server.requests[0].json["side"] == "sell"
    assert not {"Authorization", "traceparent"} & set(server.requests[0].headers)


async def test_an_answered_request_leaves_the_garbage_collector_nothing_to_do(
    server: OrderServer, client: OrderServiceClient
) -> None:
    """It would stop everything in the middle of a later step, a quarter of a millisecond at a time."""
    heard: list[tuple[PlaceAnswer, int | None]] = []

    def ask() -> None:
        under_way = client.place(checked_order("c-1"), None, OpenGate(), never)
        under_way.then(lambda answer: heard.append((answer, under_way.left_ns)), raising)

    def raising(error: Exception) -> None:
        raise error

    gc.collect()  # of other tests
    gc.disable()
    try:
        ask()
        await until(lambda: bool(heard))
        left = [type(one) for one in gc.get_objects() if isinstance(one, HttpCall | UnderWay)]
    finally:
        gc.enable()
    assert left == []


async def test_numbers_go_out_without_an_exponent(server: OrderServer, client: OrderServiceClient) -> None:
    await client.place(checked_order("c-1", ticks=1, lots=1), None, OpenGate(), never)
    assert (server.requests[0].json["price"], server.requests[0].json["quantity"]) == ("0.01", "0.00001")


async def test_the_first_answer_given_again_is_an_acceptance(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, ACCEPTED)
    assert (await place(client)).outcome is RequestOutcome.OK


async def test_a_4xx_in_the_contracts_words_is_a_final_rejection(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(422, REFUSED)
    placed = await place(client)
    assert (placed.outcome, placed.code, placed.detail) == (
        RequestOutcome.REJECTED,
        "OFF_TICK",
        REFUSED["message"],
    )
    assert not placed.would_cross


async def test_a_post_only_order_that_would_cross_is_told_apart(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(422, {"code": "POST_ONLY_WOULD_CROSS", "message": "it would take"})
    placed = await place(client)
    assert (placed.outcome, placed.would_cross) == (RequestOutcome.REJECTED, True)


async def test_a_429_tells_how_long_to_wait(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(429, b"slow down", {"Retry-After": "3"})
    placed = await place(client)
    assert (placed.outcome, placed.retry_after_ns) == (RequestOutcome.RATE_LIMITED, 3_000_000_000)


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
    assert placed.outcome is RequestOutcome.UNCERTAIN
    assert f"answer {status}" in placed.detail
    assert len(server.requests) == 1


async def test_a_broken_connection_leaves_the_order_uncertain_and_is_not_tried_again(
    server: OrderServer, client: OrderServiceClient
) -> None:
    await client.warm(1)
    server.respond = drop
    server.requests.clear()
    placed = await place(client)
    assert (placed.outcome, placed.ended) == (RequestOutcome.UNCERTAIN, True)
    assert "ConnectionError: the server closed the connection without a whole answer" in placed.detail
    assert len(server.requests) == 1


async def test_an_order_service_that_is_not_there_leaves_the_order_uncertain() -> None:
    with OrderServer() as gone:
        url = gone.url
    client = make_client(url, [])
    placed = await place(client)
    health = await client.health()
    await client.close()
    assert placed.outcome is RequestOutcome.UNCERTAIN
    assert "ConnectionRefusedError" in placed.detail
    assert "ConnectionRefusedError" in (health or "")


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
    assert placed.outcome is RequestOutcome.UNCERTAIN
    assert placed.detail.startswith(f"answer 201: {named}")


@pytest.mark.parametrize("body", [b"404 page not found", {"code": "X"}, {"code": 1, "message": "m"}, []])
async def test_a_4xx_in_other_words_proves_nothing(
    server: OrderServer, client: OrderServiceClient, body: object
) -> None:
    server.respond = answer(404, body)
    assert (await place(client)).outcome is RequestOutcome.UNCERTAIN
    assert (await client.query("c-1")).outcome is RequestOutcome.UNCERTAIN
    assert (await client.cancel("c-1", "x-1", never)).outcome is RequestOutcome.UNCERTAIN


async def test_an_answer_without_end_is_cut_off(server: OrderServer, client: OrderServiceClient) -> None:
    async def endless(request: web.Request, _seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    server.respond = endless
    placed = await place(client)
    assert (placed.outcome, placed.detail) == (RequestOutcome.UNCERTAIN, "answer longer than 4194304 bytes")


async def test_what_is_not_http_leaves_the_order_uncertain(
    server: OrderServer, client: OrderServiceClient
) -> None:
    async def garbage(request: web.Request, _seen: Seen) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"SMTP ready\r\n\r\n")
        request.transport.close()
        return web.Response()

    server.respond = garbage
    assert (await place(client)).outcome is RequestOutcome.UNCERTAIN


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
    assert placed.outcome is RequestOutcome.UNCERTAIN
    assert "without a whole answer" in placed.detail


@pytest.mark.parametrize(
    "begun",
    [b"HTTP/1.1 2", b"HTTP/1.1 204 No Con", b"HTTP/1.1 204 No Content\r\nDate: x", b"HTTP/1.1 429 Too"],
)
async def test_an_answer_cut_off_in_its_headers_leaves_the_order_uncertain(
    server: OrderServer, client: OrderServiceClient, begun: bytes
) -> None:
    async def cut(request: web.Request, _seen: Seen) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(begun)
        request.transport.close()
        return web.Response()

    server.respond = cut
    cancelled = await client.cancel("c-1", "x-1", never)
    assert cancelled.outcome is RequestOutcome.UNCERTAIN
    assert "without a whole answer" in cancelled.detail


@pytest.mark.parametrize(
    ("header", "server_ns"),
    [("exchange;dur=0.42", 420_000), ('a;desc="x"; dur=3', 3_000_000), ("exchange", None), ("", None)],
)
async def test_what_the_exchange_says_of_its_own_time_is_reported(
    server: OrderServer,
    client: OrderServiceClient,
    reports: list[RequestReport],
    header: str,
    server_ns: int | None,
) -> None:
    server.respond = answer(201, ACCEPTED, {"Server-Timing": header})
    await place(client)
    assert reports[-1].server_ns == server_ns
