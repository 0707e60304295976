"""Clearing a market without an engine, at an Order Service that asks to slow down."""

import time
from collections import defaultdict

import pytest
from aiohttp import web
from tests.support.guard import RestingOrders
from tests.support.order_client import make_client
from tests.support.order_server import Seen

from market_maker.actors.last_resort import clear_market
from market_maker.actors.tenure import Tenure
from market_maker.telemetry.tracing import NoTracing

SYMBOL = "BTC-USDT"


@pytest.mark.parametrize(("method", "other"), [("DELETE", "GET"), ("GET", "DELETE")])
async def test_the_last_resort_repeats_a_request_no_sooner_than_the_exchange_takes_it_again(
    resting: RestingOrders, method: str, other: str
) -> None:
    resting.place(SYMBOL)
    obliging = resting.server.respond
    at_s: defaultdict[str, list[float]] = defaultdict(list)

    async def slowed_down(request: web.Request, seen: Seen) -> web.StreamResponse:
        at_s[seen.method].append(time.monotonic())
        if seen.method == method and len(at_s[method]) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return await obliging(request, seen)

    resting.server.respond = slowed_down
    client = make_client(resting.server.url, [])
    try:
        await clear_market(SYMBOL, client, NoTracing(), Tenure(None, None))
    finally:
        await client.close()
    assert resting.left(SYMBOL) == 0
    refused_s, again_s, *_ = at_s[method]
    assert again_s - refused_s >= 1.0
    assert len([sent_s for sent_s in at_s[other] if sent_s < again_s]) > 1
