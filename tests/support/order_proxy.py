"""Stands between a service and the Order Service and writes down every request. Fixture: `order_proxy`."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.service import ExchangeServers

HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Passed:
    """One request of the service, and the status that the exchange answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any
    at: float
    """Wall time of its arrival here, seconds since 1970."""


@dataclass(slots=True)
class OrderProxy:
    """Passes on everything, both ways, as it is."""

    target: str
    url: str = ""
    passed: list[Passed] = field(default_factory=list)

    def placed(self) -> list[Passed]:
        """The new orders."""
        return [
            request for request in self.passed if (request.method, request.path) == ("POST", "/v1/orders")
        ]


@asynccontextmanager
async def proxy_before(target: str, http: aiohttp.ClientSession) -> AsyncIterator[OrderProxy]:
    """A proxy before the Order Service at `target`."""
    proxy = OrderProxy(target)

    async def pass_on(request: web.Request) -> web.Response:
        arrived = time.time()
        content = await request.read()
        headers = {name: text for name, text in request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with http.request(
            request.method, proxy.target + request.path_qs, data=content, headers=headers
        ) as response:
            answer = await response.read()
            proxy.passed.append(
                Passed(
                    request.method,
                    request.path,
                    dict(request.query),
                    dict(request.headers),
                    json.loads(content) if content else None,
                    response.status,
                    json.loads(answer) if answer else None,
                    arrived,
                )
            )
            return web.Response(status=response.status, body=answer, content_type=response.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield proxy
    finally:
        await runner.cleanup()


@pytest.fixture
async def order_proxy(
    shared_exchange: ExchangeServers, http: aiohttp.ClientSession
) -> AsyncIterator[OrderProxy]:
    """A proxy before the shared exchange."""
    async with proxy_before(shared_exchange.url, http) as proxy:
        yield proxy
