"""The load tool's exchange answers as the Order Service does, without a framework."""

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from benchmarks.capacity.exchange import OrderDesk

ORDER = {
    "symbol": "S001USDT",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "post_only": True,
    "price": "99.5",
    "quantity": "1",
    "client_order_id": "c1",
    "idempotency_key": "c1",
    "account_id": "a",
    "user_id": "u",
    "account_type": "SYSTEM_MARKET_MAKER",
}
ALL = "/v1/orders?account_id=a&symbol=S001USDT"


@pytest.fixture
def desk() -> OrderDesk:
    return OrderDesk(cast("Any", SimpleNamespace(send=lambda _messages: None)))


async def test_an_order_rests_until_it_is_cancelled(desk: OrderDesk) -> None:
    status, made = desk.answer("POST", "/v1/orders", orjson.dumps(ORDER))
    order_id = orjson.loads(made)["order_id"]
    assert status == "201 Created"
    assert orjson.loads(desk.answer("GET", ALL, b"")[1])["orders"][0]["order_id"] == order_id
    assert desk.answer("DELETE", f"/v1/orders/{order_id}", b"")[0] == "200 OK"
    assert desk.answer("DELETE", f"/v1/orders/{order_id}", b"")[0] == "404 Not Found"
    assert orjson.loads(desk.answer("GET", ALL, b"")[1])["orders"] == []


async def test_the_end_of_all_orders_counts_them(desk: OrderDesk) -> None:
    desk.answer("POST", "/v1/orders", orjson.dumps(ORDER))
    assert orjson.loads(desk.answer("DELETE", ALL, b"")[1]) == {"cancelled": 1}
    _, told = desk.answer("GET", "/v1/orders/by-client-order-id/c1", b"")
    assert orjson.loads(told)["status"] == "cancelled"
    assert desk.answer("GET", "/v1/orders/by-client-order-id/c2", b"")[0] == "404 Not Found"


async def test_the_same_order_twice_is_one(desk: OrderDesk) -> None:
    first = desk.answer("POST", "/v1/orders", orjson.dumps(ORDER))
    again = desk.answer("POST", "/v1/orders", orjson.dumps(ORDER))
    assert (first[0], again[0]) == ("201 Created", "200 OK")
    assert orjson.loads(first[1])["order_id"] == orjson.loads(again[1])["order_id"]
