"""Clearing a market without an engine, at an Order Service that asks to slow down."""

from collections import defaultdict

import pytest
from aiohttp import web
from tests.support.guard import RestingOrders

from lab.order_client import make_client
from lab.order_server import Seen
from market_maker.actors import last_resort
from market_maker.actors.last_resort import clear_market
from market_maker.actors.tenure import Tenure
from market_maker.clients.put_off import PutOff
from market_maker.telemetry.tracing import NoTracing

SYMBOL = "BTC-USDT"


@pytest.mark.parametrize(("method", "other"), [("DELETE", "GET"), ("GET", "DELETE")])
async def test_the_last_resort_repeats_a_request_no_sooner_than_the_exchange_takes_it_again(
    resting: RestingOrders, monkeypatch: pytest.MonkeyPatch, method: str, other: str
) -> None:
    resting.place(SYMBOL)
    obliging = resting.server.respond
    at_ns: defaultdict[str, list[int]] = defaultdict(list)

    def now_ns() -> int:
        """Half a second passes with each of the requests that are not refused."""
        return 500_000_000 * len(at_ns[other])

    async def slowed_down(request: web.Request, seen: Seen) -> web.StreamResponse:
        at_ns[seen.method].append(now_ns())
        if seen.method == method and len(at_ns[method]) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return await obliging(request, seen)

    resting.server.respond = slowed_down
    monkeypatch.setattr(last_resort, "PutOff", lambda: PutOff(now_ns))
    client = make_client(resting.server.url, [])
    try:
        await clear_market(SYMBOL, client, NoTracing(), Tenure(None, None))
    finally:
        await client.close()
    assert resting.left(SYMBOL) == 0
    refused_ns, again_ns, *_ = at_ns[method]
    assert again_ns - refused_ns >= 1_000_000_000, "the other request went on meanwhile"
