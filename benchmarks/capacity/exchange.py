"""A bare exchange as a process: the Order Service's contract, engine events, Metadata and a registry.

No matching and no market of its own: what costs time in the sandbox is not what is measured here.
"""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import grpc
import orjson
import uvloop
from aiohttp import web

from benchmarks.bare_http import CREATED, HOST, OK, BareHttp
from benchmarks.capacity.orders import Orders, RestingOrder, Told
from tradex_contracts import subject
from tradex_contracts.metadata_pb2_grpc import add_MetadataServiceServicer_to_server
from tradex_sandbox import topics
from tradex_sandbox.app import registered_schemas
from tradex_sandbox.avro import Encoder
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.faults import FaultTable
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.messages import message_of, plain
from tradex_sandbox.metadata_service import MetadataService
from tradex_sandbox.order_requests import parse_new_order, timestamp
from tradex_sandbox.publisher import Publisher
from tradex_sandbox.schema_registry import SchemaRegistry

NOT_FOUND: Final = "404 Not Found"
ORDERS: Final = "/v1/orders"
BY_CLIENT_ID: Final = f"{ORDERS}/by-client-order-id/"
GRID: Final = "0.01:0.001:5"
START_PRICE: Final = Decimal(100)
FILL_AFTER_S: Final = 0.5
TICK_S: Final = 0.05


class OrderDesk:
    """The Order Service's contract without a framework (`benchmarks.bare_http`), and what happened so far."""

    def __init__(self, publisher: Publisher) -> None:
        self.orders = Orders()
        self._publisher = publisher
        self._untold: list[Told] = []

    def answer(self, method: str, target: str, body: bytes) -> tuple[str, bytes]:
        """Carry out one request."""
        url = urlsplit(target)
        if url.path == ORDERS:
            return self._place(body) if method == "POST" else self._all(method, parse_qs(url.query))
        if url.path.startswith(BY_CLIENT_ID):
            return self._query(url.path.removeprefix(BY_CLIENT_ID))
        if method == "DELETE":
            return self._cancel(url.path.rpartition("/")[2])
        if url.path == "/presence":
            return OK, orjson.dumps(self.orders.presence.longest_s(now_us()))
        return OK, orjson.dumps({"cancels": self.orders.cancels, "trades": self.orders.trades})

    def _place(self, body: bytes) -> tuple[str, bytes]:
        order, told, trades = self.orders.place(parse_new_order(body), now_us())
        self._tell(told)
        if trades:
            asyncio.get_running_loop().call_later(FILL_AFTER_S, self._fill, order)
        made = {**_named(order), "status": "open", "created_at": timestamp(now_us())}
        return CREATED if told else OK, orjson.dumps(made)

    def _cancel(self, order_id: str) -> tuple[str, bytes]:
        order = self.orders.by_id.get(order_id)
        if order is None or order.status != "open":
            return _unknown("ORDER_NOT_OPEN")
        self._tell(self.orders.cancel(order, now_us()))
        return OK, orjson.dumps({**_named(order), "status": order.status})

    def _all(self, method: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
        """The list of open orders, or the end of all of them."""
        found = self.orders.open_orders(query["account_id"][0], query.get("symbol", [None])[0])
        if method == "GET":
            listed = [_described(order) for order in found]
            return OK, orjson.dumps({"orders": listed, "next_cursor": None})
        for order in found:
            self._tell(self.orders.cancel(order, now_us()))
        return OK, orjson.dumps({"cancelled": len(found)})

    def _query(self, client_order_id: str) -> tuple[str, bytes]:
        order = self.orders.by_client_id.get(client_order_id)
        return _unknown("ORDER_NOT_FOUND") if order is None else (OK, orjson.dumps(_described(order)))

    def _fill(self, order: RestingOrder) -> None:
        self._tell(self.orders.fill(order, now_us()))

    def _tell(self, events: list[Told]) -> None:
        if events and not self._untold:
            asyncio.get_running_loop().call_soon(self._publish)  # after the answer was written
        self._untold += events

    def _publish(self) -> None:
        events, self._untold = self._untold, []
        self._publisher.send([message_of(event, _same, event.at_us) for event in events])


async def _serve(ready: Connection, broker: str, symbols: Sequence[str]) -> None:
    store = registered_schemas()
    ids = {topic: store.version(subject(topic), "latest").schema_id for topic in topics.FILLED}
    publisher = Publisher(broker, Encoder(ids))
    listed = Exchange("capacity")
    for symbol in symbols:
        listed.add_simulated(parse_instrument(f"{symbol}:{GRID}"), START_PRICE, 1)
    desk = OrderDesk(publisher)
    orders = await asyncio.get_running_loop().create_server(lambda: BareHttp(desk.answer), HOST, 0)
    app = web.Application()
    app.add_routes(SchemaRegistry(store, _open).routes())
    registry = web.AppRunner(app, access_log=None)
    await registry.setup()
    await web.TCPSite(registry, HOST, 0).start()
    metadata = grpc.aio.server()
    service = MetadataService(listed, FaultTable(Random(1)))
    add_MetadataServiceServicer_to_server(service, metadata)  # type: ignore[no-untyped-call] # generated
    grpc_port = metadata.add_insecure_port(f"{HOST}:0")
    await metadata.start()
    ready.send((orders.sockets[0].getsockname()[1], registry.addresses[0][1], grpc_port, ids))
    while True:
        publisher.send(())
        await asyncio.sleep(TICK_S)


def serve(ready: Connection, broker: str, symbols: Sequence[str]) -> None:
    """The process's whole life; sends the ports of orders, registry and Metadata, and the schema ids."""
    uvloop.run(_serve(ready, broker, symbols))


def now_us() -> int:
    """Wall time in microseconds."""
    return time.time_ns() // 1000


async def _open() -> None:
    """The registry is never away."""


def _same(at_us: int) -> int:
    return at_us


def _named(order: RestingOrder) -> dict[str, Any]:
    return {"order_id": order.order_id, "client_order_id": order.new.client_order_id}


def _described(order: RestingOrder) -> dict[str, Any]:
    new = order.new
    filled = new.quantity if order.status == "filled" else Decimal(0)
    return {
        **_named(order),
        "symbol": new.symbol,
        "side": new.side.value,
        "price": plain(new.price or Decimal(0)),
        "quantity": plain(new.quantity),
        "filled_quantity": plain(filled),
        "status": order.status,
    }


def _unknown(code: str) -> tuple[str, bytes]:
    return NOT_FOUND, orjson.dumps({"code": code, "message": "there is no such order"})
