"""A real HTTP server, and an Order Service client that talks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from lab.order_client import make_client
from lab.order_server import OrderServer
from market_maker.clients.order_service import OrderServiceClient, RequestReport


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
