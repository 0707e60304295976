from typing import Any

import pytest
from aiohttp import ClientResponse
from tests.support.sandbox import ACCOUNT, OTHER_ACCOUNT, new_order
from tests.support.sandbox_http import TOKEN, Servers

from tradex_sandbox import topics

FAR_BID = "50000.00"


async def ask(
    servers: Servers, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with servers.session.request(
        method, f"{servers.url}{path}", json=body, headers=headers
    ) as response:
        return response.status, await answer(response)


async def answer(response: ClientResponse) -> Any:
    assert response.content_type == "application/json"
    return await response.json()


async def place(servers: Servers, **changes: Any) -> tuple[int, Any]:
    return await ask(
        servers, "POST", "/v1/orders", {**new_order("BTCUSDT", "buy", FAR_BID, "0.001"), **changes}
    )


def kinds(servers: Servers) -> list[str]:
    return [message.data["kind"] for message in servers.outlet.of(topics.ENGINE)]


async def test_an_order_is_entered_and_can_be_asked_for_by_its_clients_id(servers: Servers) -> None:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    status, entered = await ask(servers, "POST", "/v1/orders", order)
    assert status == 201
    assert set(entered) == {"order_id", "client_order_id", "status", "created_at"}
    assert entered["status"] == "open"
    assert entered["created_at"].endswith("Z")
    status, found = await ask(servers, "GET", f"/v1/orders/by-client-order-id/{order['client_order_id']}")
    assert status == 200
    assert found["order_id"] == entered["order_id"]
    assert (found["price"], found["quantity"], found["filled_quantity"]) == (FAR_BID, "0.001", "0.00000")
    assert (found["side"], found["status"]) == ("buy", "open")


async def test_the_engine_tells_of_an_order_after_it_was_answered_and_continues_its_trace(
    servers: Servers,
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    await ask(servers, "POST", "/v1/orders", order, {"traceparent": trace})
    assert kinds(servers) == ["ORDER_ACCEPTED"]
    (message,) = servers.outlet.of(topics.ENGINE)
    assert message.data["client_order_id"] == order["client_order_id"]
    assert message.traceparent == trace


async def test_the_same_idempotency_key_gives_the_first_answer_again_and_no_second_order(
    servers: Servers,
) -> None:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    first = await ask(servers, "POST", "/v1/orders", order)
    await ask(servers, "DELETE", f"/v1/orders/{first[1]['order_id']}")
    again = await ask(servers, "POST", "/v1/orders", order)
    assert (first[0], again[0]) == (201, 200)
    assert again[1] == first[1]
    assert kinds(servers) == ["ORDER_ACCEPTED", "ORDER_CANCELED"]


async def test_an_id_used_for_another_order_is_a_conflict(servers: Servers) -> None:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    await ask(servers, "POST", "/v1/orders", order)
    status, refusal = await ask(servers, "POST", "/v1/orders", {**order, "quantity": "0.002"})
    assert (status, refusal["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    status, refusal = await ask(servers, "POST", "/v1/orders", {**order, "idempotency_key": "another"})
    assert (status, refusal["code"]) == (409, "DUPLICATE_CLIENT_ORDER_ID")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"symbol": None}, "symbol"),
        ({"side": "BUY"}, "side"),
        ({"type": "stop"}, "type"),
        ({"time_in_force": "fok"}, "time_in_force"),
        ({"post_only": "yes"}, "post_only"),
        ({"price": 50000.0}, "price"),
        ({"price": "cheap"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": None}, "price"),
        ({"price": "-1"}, "price"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": ""}, "quantity"),
        ({"client_order_id": "x" * 129}, "client_order_id"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"account_id": None}, "account_id"),
        ({"account_type": "ROBOT"}, "account_type"),
        ({"type": "market"}, "post_only"),
    ],
)
async def test_an_unreadable_order_is_a_400_that_names_the_field(
    servers: Servers, changes: dict[str, Any], named: str
) -> None:
    status, refusal = await place(servers, **changes)
    assert status == 400
    assert set(refusal) == {"code", "message"}
    assert named in refusal["message"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPEUSDT"}, "UNKNOWN_SYMBOL"),
        ({"price": "50000.005"}, "OFF_TICK"),
        ({"quantity": "0.000001"}, "OFF_LOT"),
        ({"quantity": "0.00001"}, "BELOW_MIN_NOTIONAL"),
        ({"price": "70000.00"}, "POST_ONLY_WOULD_CROSS"),
    ],
)
async def test_an_order_that_the_market_does_not_take_is_a_422_with_a_code(
    servers: Servers, changes: dict[str, Any], code: str
) -> None:
    status, refusal = await place(servers, **changes)
    assert (status, refusal["code"]) == (422, code)


async def test_the_engine_tells_of_a_refused_order_too(servers: Servers) -> None:
    await place(servers, price="70000.00")
    (message,) = servers.outlet.of(topics.ENGINE)
    assert (message.data["kind"], message.data["reason"]) == ("ORDER_REJECTED", "POST_ONLY_WOULD_CROSS")


async def test_a_body_that_is_not_json_is_a_400(servers: Servers) -> None:
    for body in (b"{", b"[]"):
        async with servers.session.post(f"{servers.url}/v1/orders", data=body) as response:
            assert response.status == 400
            assert (await answer(response))["message"].startswith("body:")


async def test_one_cancel_ends_an_order_and_another_is_a_404(servers: Servers) -> None:
    _, entered = await place(servers)
    path = f"/v1/orders/{entered['order_id']}"
    status, cancelled = await ask(servers, "DELETE", path)
    assert status == 200
    assert (cancelled["status"], cancelled["filled_quantity"]) == ("cancelled", "0.00000")
    assert cancelled["client_order_id"] == entered["client_order_id"]
    status, refusal = await ask(servers, "DELETE", path)
    assert (status, refusal["code"]) == (404, "ORDER_NOT_OPEN")
    status, refusal = await ask(servers, "DELETE", "/v1/orders/nobodys")
    assert (status, refusal["code"]) == (404, "ORDER_NOT_FOUND")
    status, refusal = await ask(servers, "GET", "/v1/orders/by-client-order-id/nobodys")
    assert (status, refusal["code"]) == (404, "ORDER_NOT_FOUND")


async def test_cancel_all_ends_one_accounts_orders_only(servers: Servers) -> None:
    for account in (ACCOUNT, ACCOUNT, OTHER_ACCOUNT):
        await place(servers, account_id=account)
    path = f"/v1/orders?account_id={ACCOUNT}&symbol=BTCUSDT"
    assert await ask(servers, "DELETE", path) == (200, {"cancelled": 2})
    assert await ask(servers, "DELETE", path) == (200, {"cancelled": 0})
    _, page = await ask(servers, "GET", f"/v1/orders?account_id={OTHER_ACCOUNT}&status=open")
    assert len(page["orders"]) == 1
    status, refusal = await ask(servers, "DELETE", "/v1/orders?symbol=BTCUSDT")
    assert status == 400
    assert "account_id" in refusal["message"]


async def test_pages_show_every_open_order_once_even_while_orders_go(servers: Servers) -> None:
    placed = [(await place(servers))[1]["order_id"] for _ in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/orders?account_id={ACCOUNT}&symbol=BTCUSDT&status=open&limit=3&cursor={cursor}"
        _, page = await ask(servers, "GET", path)
        seen += [order["order_id"] for order in page["orders"]]
        await ask(servers, "DELETE", f"/v1/orders/{seen[-1]}")
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(placed)
    assert len(seen) == 7


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "account_id"),
        ("account_id=a&status=filled", "status"),
        ("account_id=a&limit=0", "limit"),
        ("account_id=a&limit=501", "limit"),
        ("account_id=a&limit=ten", "limit"),
        ("account_id=a&cursor=here", "cursor"),
    ],
)
async def test_a_listing_that_is_wrong_names_its_parameter(servers: Servers, query: str, named: str) -> None:
    status, refusal = await ask(servers, "GET", f"/v1/orders?{query}")
    assert status == 400
    assert refusal["message"].startswith(f"{named}:")


@pytest.mark.parametrize("servers", [TOKEN], indirect=True)
async def test_a_configured_token_is_asked_for_on_every_order_route(servers: Servers) -> None:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    routes = [
        ("POST", "/v1/orders", order),
        ("GET", f"/v1/orders?account_id={ACCOUNT}", None),
        ("DELETE", f"/v1/orders?account_id={ACCOUNT}", None),
        ("DELETE", "/v1/orders/x", None),
        ("GET", "/v1/orders/by-client-order-id/x", None),
    ]
    for method, path, body in routes:
        for headers in (None, {"Authorization": "Bearer wrong"}):
            status, refusal = await ask(servers, method, path, body, headers)
            assert (status, refusal["code"]) == (401, "UNAUTHORIZED")
    status, _ = await ask(servers, "POST", "/v1/orders", order, {"Authorization": f"Bearer {TOKEN}"})
    assert status == 201


async def test_a_trade_against_our_order_is_told_with_both_accounts(servers: Servers) -> None:
    best_ask = servers.venue.exchange.snapshot("BTCUSDT").asks[0][0]
    # One tick better than the crowd: the next market order meets us first.
    await place(
        servers, side="sell", price=str(best_ask - servers.venue.exchange.instrument("BTCUSDT").tick_size)
    )
    status, taken = await place(
        servers,
        type="market",
        time_in_force="ioc",
        post_only=False,
        price=None,
        account_id=OTHER_ACCOUNT,
        account_type="USER",
    )
    assert (status, taken["status"]) == (201, "filled")
    trade = next(
        message.data["trade"] for message in servers.outlet.of(topics.ENGINE) if message.data["trade"]
    )
    assert (trade["maker_account_id"], trade["taker_account_id"]) == (ACCOUNT, OTHER_ACCOUNT)
    assert (trade["taker_side"], trade["is_buyer_maker"], trade["qty"]) == ("BUY", False, "0.00100")
    report = (await ask(servers, "GET", f"/sandbox/report?account_id={ACCOUNT}"))[1]["symbols"]["BTCUSDT"]
    assert (report["executions"], report["sells"], report["position"]) == (1, 1, "-0.00100")
    (listed,) = (await ask(servers, "GET", f"/sandbox/trades?account_id={ACCOUNT}&symbol=BTCUSDT"))[1][
        "trades"
    ]
    assert (listed["side"], listed["is_maker"], listed["trade_id"]) == ("sell", True, trade["trade_id"])
