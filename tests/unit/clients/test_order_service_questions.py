import asyncio
import time
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from lab.order_client import REFUSED, RESTING, never, place
from lab.order_server import OrderServer, Seen, accept, answer, until
from market_maker.clients.http_lane import CONNECTIONS_MAX
from market_maker.clients.order_service import WARM_AT_ONCE, OrderServiceClient, RequestReport
from market_maker.core.events import ExchangeOrder, ExchangeStatus, RequestOutcome
from market_maker.core.side import Side

# --- cancelling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"order_id": "x/1", "status": "cancelled"}, RequestOutcome.OK),
        (204, b"", RequestOutcome.OK),
        (200, {"order_id": "x-2"}, RequestOutcome.UNCERTAIN),
        (200, b"ok", RequestOutcome.UNCERTAIN),
        (404, REFUSED, RequestOutcome.NOT_FOUND),
        (409, REFUSED, RequestOutcome.NOT_FOUND),
        (403, REFUSED, RequestOutcome.REJECTED),
        (429, REFUSED, RequestOutcome.RATE_LIMITED),
        (500, REFUSED, RequestOutcome.UNCERTAIN),
    ],
)
async def test_a_cancel_says_what_the_exchange_said(
    server: OrderServer, client: OrderServiceClient, status: int, body: object, outcome: RequestOutcome
) -> None:
    server.respond = answer(status, body)
    cancelled = await client.cancel("c-1", "x/1", never)
    assert (cancelled.client_order_id, cancelled.outcome, cancelled.ended) == ("c-1", outcome, True)
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/v1/orders/x%2F1")


async def test_a_question_tells_when_it_was_asked(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(404, REFUSED)
    began_ns = time.monotonic_ns()
    said = await client.query("c-1")
    assert said.outcome is RequestOutcome.NOT_FOUND
    assert began_ns <= said.asked_at_ns < said.at_ns


async def test_every_request_tells_how_long_a_429_asks_to_wait(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(429, b"slow down", {"Retry-After": "3"})
    answers = (
        await client.cancel("c-1", "x-1", never),
        await client.cancel_all("BTC-USDT", never),
        await client.query("c-1"),
        await client.open_orders("BTC-USDT"),
    )
    assert {(said.outcome, said.retry_after_ns) for said in answers} == {
        (RequestOutcome.RATE_LIMITED, 3_000_000_000)
    }


async def test_cancelling_all_names_account_and_symbol_and_counts(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, {"cancelled": 7})
    cancelled = await client.cancel_all("BTC-USDT", never)
    assert (cancelled.outcome, cancelled.cancelled) == (RequestOutcome.OK, 7)
    seen = server.requests[0]
    assert (seen.method, seen.path) == ("DELETE", "/v1/orders")
    assert seen.query == {"account_id": "account-1", "symbol": "BTC-USDT"}


@pytest.mark.parametrize("count", [None, "7", -1, True, 1.5])
async def test_a_count_that_is_none_leaves_cancelling_all_uncertain(
    server: OrderServer, client: OrderServiceClient, count: object
) -> None:
    server.respond = answer(200, {"cancelled": count})
    cancelled = await client.cancel_all("BTC-USDT", never)
    assert cancelled.outcome is RequestOutcome.UNCERTAIN
    assert "cancelled: must be a whole number" in cancelled.detail


# --- asking ------------------------------------------------------------------------------------


async def test_an_order_is_found_by_its_client_id(server: OrderServer, client: OrderServiceClient) -> None:
    server.respond = answer(
        200, {**RESTING, "status": "partially_filled", "filled_quantity": "1E-5", "unknown_field": 1}
    )
    found = await client.query("c-1")
    assert found.outcome is RequestOutcome.OK
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
    assert (found.outcome, found.order) == (RequestOutcome.NOT_FOUND, None)


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
    assert (found.outcome, found.order) == (RequestOutcome.UNCERTAIN, None)
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
    assert listed.outcome is RequestOutcome.OK
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
    assert (listed.outcome, listed.orders) == (RequestOutcome.OK, ())


@pytest.mark.parametrize(
    ("second", "outcome", "named"),
    [
        ((500, b"oops"), RequestOutcome.UNCERTAIN, "answer 500"),
        ((200, {"orders": None}), RequestOutcome.UNCERTAIN, "orders: must be a list"),
        ((200, {"next_cursor": None}), RequestOutcome.UNCERTAIN, "orders: missing"),
        (
            (200, {"orders": [], "next_cursor": "2"}),
            RequestOutcome.UNCERTAIN,
            "next_cursor: '2' repeats itself",
        ),
        ((200, {"orders": [], "next_cursor": 3}), RequestOutcome.UNCERTAIN, "next_cursor: must be a text"),
        (
            (200, {"orders": [resting(3, symbol="ETH-USDT")]}),
            RequestOutcome.UNCERTAIN,
            "symbol: must be 'BTC-USDT'",
        ),
        ((429, b""), RequestOutcome.RATE_LIMITED, "slow down"),
    ],
)
async def test_a_list_that_cannot_be_read_to_its_end_is_no_list(
    server: OrderServer, client: OrderServiceClient, second: Any, outcome: RequestOutcome, named: str
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
    assert await client.warm(3) is None
    warmed = {seen.peer for seen in server.requests}
    assert len(warmed) == 9
    server.respond = accept
    await place(client)
    server.respond = answer(204, b"")
    await client.cancel("c-1", "x-1", never)
    placed, cancelled = server.requests[-2:]
    assert {placed.peer, cancelled.peer} < warmed
    assert placed.peer != cancelled.peer


async def test_each_lane_keeps_as_many_connections_warm_as_it_has_needed_at_once(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, {"cancelled": 0})
    server.hold("DELETE")
    cancelling = [client.cancel_all(f"S{number}-USDT", never) for number in range(40)]
    await until(lambda: len(server.requests) == 40)
    server.release()
    await asyncio.gather(*cancelling)
    needed = {seen.peer for seen in server.requests}
    for _ in range(2):
        server.requests.clear()
        await client.warm()
        assert needed <= {seen.peer for seen in server.requests}
        assert len(server.requests) == 40 + 2 * WARM_AT_ONCE
    server.requests.clear()
    await asyncio.gather(*(client.cancel_all(f"S{number}-USDT", never) for number in range(40)))
    assert {seen.peer for seen in server.requests} == needed
    for lane in client.lanes:
        lane.tide()
        lane.tide()
    assert [lane.high_water for lane in client.lanes] == [0, 0, 0]


async def test_connections_that_the_exchange_has_closed_are_made_again_before_they_are_needed(
    server: OrderServer, client: OrderServiceClient
) -> None:
    server.respond = answer(200, {"cancelled": 0}, {"Connection": "close"})
    server.hold("DELETE")
    cancelling = [client.cancel_all(f"S{number}-USDT", never) for number in range(20)]
    await until(lambda: len(server.requests) == 20)
    server.release()
    await asyncio.gather(*cancelling)
    server.respond = answer(200, {"cancelled": 0})
    await client.warm()
    assert client.lanes[2].standing == 20


async def test_cancels_of_single_orders_that_fill_their_pool_do_not_delay_a_cancel_of_everything(
    server: OrderServer, client: OrderServiceClient
) -> None:
    async def hanging(request: web.Request, seen: Seen) -> web.StreamResponse:
        if not seen.query:
            await server.released()
        return web.json_response({"cancelled": 1})

    server.respond = hanging
    cancelling = [client.cancel(f"c-{n}", f"x-{n}", never) for n in range(CONNECTIONS_MAX + 10)]
    await until(lambda: len(server.requests) == CONNECTIONS_MAX)
    assert (await client.cancel_all("BTC-USDT", never)).outcome is RequestOutcome.OK
    server.release()
    await asyncio.gather(*cancelling)


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, True), (503, False)])
async def test_any_answer_below_500_is_a_sign_of_life(
    server: OrderServer, client: OrderServiceClient, status: int, healthy: bool
) -> None:
    server.respond = answer(status, b"")
    assert (await client.health() is None) is healthy
