import asyncio
import time
from typing import Any

import aiohttp
import pytest
from tests.support.sandbox import ACCOUNT, new_order
from tests.support.sandbox_http import Servers

from tradex_sandbox.faults import Fault

FAR_BID = "50000.00"


def tell(servers: Servers, kind: str, operation: str = "place", **fields: Any) -> None:
    servers.faults.add(Fault.model_validate({"operation": operation, "kind": kind, **fields}))


async def place(servers: Servers) -> tuple[int, bytes, str | None]:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    async with servers.session.post(f"{servers.url}/v1/orders", json=order) as response:
        return response.status, await response.read(), response.headers.get("Retry-After")


def open_orders(servers: Servers) -> int:
    return len(servers.venue.exchange.open_orders(ACCOUNT))


@pytest.mark.parametrize(("phase", "left"), [("before", 0), ("after", 1)])
async def test_an_error_strikes_before_or_after_the_order_is_entered(
    servers: Servers, phase: str, left: int
) -> None:
    tell(servers, "error", phase=phase, status=502, code="BAD_GATEWAY")
    status, body, _ = await place(servers)
    assert status == 502
    assert b'"BAD_GATEWAY"' in body
    assert open_orders(servers) == left


@pytest.mark.parametrize(("phase", "left"), [("before", 0), ("after", 1)])
async def test_a_dropped_connection_leaves_the_client_without_an_answer(
    servers: Servers, phase: str, left: int
) -> None:
    tell(servers, "drop", phase=phase)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await place(servers)
    assert open_orders(servers) == left


async def test_a_refusal_does_nothing_and_says_its_code(servers: Servers) -> None:
    tell(servers, "refuse", code="POST_ONLY_WOULD_CROSS", message="told so")
    status, body, _ = await place(servers)
    assert (status, body) == (422, b'{"code": "POST_ONLY_WOULD_CROSS", "message": "told so"}')
    assert open_orders(servers) == 0


async def test_a_rate_limit_says_when_to_come_back(servers: Servers) -> None:
    tell(servers, "rate_limit", retry_after_s=2)
    status, _, retry_after = await place(servers)
    assert (status, retry_after) == (429, "2")
    assert open_orders(servers) == 0


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_delay_makes_the_answer_late(servers: Servers, phase: str) -> None:
    tell(servers, "delay", phase=phase, delay_ms=60)
    began = time.monotonic()
    status, _, _ = await place(servers)
    assert status == 201
    assert time.monotonic() - began >= 0.06


async def test_an_order_whose_client_gave_up_is_still_entered(servers: Servers) -> None:
    tell(servers, "delay", delay_ms=500)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await place(servers)
    assert open_orders(servers) == 0
    async with asyncio.timeout(5):
        while open_orders(servers) == 0:  # noqa: ASYNC110 - the exchange has no event for a test to await
            await asyncio.sleep(0.005)


async def test_a_delay_and_an_error_may_meet_the_same_request(servers: Servers) -> None:
    tell(servers, "delay", delay_ms=40)
    tell(servers, "error", phase="after")
    began = time.monotonic()
    assert (await place(servers))[0] == 503
    assert time.monotonic() - began >= 0.04
    assert open_orders(servers) == 1


async def test_garbage_is_an_answer_that_cannot_be_read_to_an_order_that_was_entered(
    servers: Servers,
) -> None:
    tell(servers, "garbage", body="{}}")
    assert (await place(servers))[:2] == (201, b"{}}")
    assert open_orders(servers) == 1


async def test_an_answer_that_is_not_http_breaks_the_client_but_not_the_order(servers: Servers) -> None:
    tell(servers, "not_http")
    with pytest.raises(aiohttp.ClientError):
        await place(servers)
    assert open_orders(servers) == 1


async def test_a_duplicate_answer_is_twice_on_the_wire_for_one_order(servers: Servers) -> None:
    tell(servers, "duplicate", operation="cancel_all")
    host, port = servers.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = f"/v1/orders?account_id={ACCOUNT}"
    writer.write(f"DELETE {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answers = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.count(b'{"cancelled": 0}') == 2


async def test_a_fault_of_a_symbol_also_finds_cancels_and_queries_of_its_orders(servers: Servers) -> None:
    order = new_order("BTCUSDT", "buy", FAR_BID, "0.001")
    async with servers.session.post(f"{servers.url}/v1/orders", json=order) as response:
        order_id = (await response.json())["order_id"]
    tell(servers, "error", "cancel", symbol="BTCUSDT")
    tell(servers, "error", "query", symbol="BTCUSDT")
    async with servers.session.delete(f"{servers.url}/v1/orders/{order_id}") as cancelled:
        assert cancelled.status == 503
    path = f"/v1/orders/by-client-order-id/{order['client_order_id']}"
    async with servers.session.get(f"{servers.url}{path}") as queried:
        assert queried.status == 503
    assert open_orders(servers) == 1
