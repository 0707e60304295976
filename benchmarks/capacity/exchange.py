"""A bare exchange as a process: the Order Service's contract, engine events, Metadata and a registry.

No matching and no market of its own: what costs time in the sandbox is not what is measured here.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from decimal import Decimal
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Final

import grpc
import uvloop
from aiohttp import web

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

HOST: Final = "127.0.0.1"
GRID: Final = "0.01:0.001:5"
START_PRICE: Final = Decimal(100)
FILL_AFTER_S: Final = 0.5
TICK_S: Final = 0.05


class OrderDesk:
    """The routes of the Order Service."""

    def __init__(self, publisher: Publisher) -> None:
        self.orders = Orders()
        self._publisher = publisher
        self._untold: list[Told] = []

    def routes(self) -> list[web.RouteDef]:
        """Paths under /v1/orders, and what happened so far."""
        return [
            web.post("/v1/orders", self._place),
            web.get("/v1/orders", self._list, allow_head=False),
            web.delete("/v1/orders", self._cancel_all),
            web.delete("/v1/orders/{order_id}", self._cancel),
            web.get("/v1/orders/by-client-order-id/{client_order_id}", self._query, allow_head=False),
            web.get("/health", self._health),
            web.get("/presence", self._presence),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        new = parse_new_order(await request.read())
        order, told, trades = self.orders.place(new, now_us())
        self._tell(told)
        if trades:
            asyncio.get_running_loop().call_later(FILL_AFTER_S, self._fill, order)
        created_at = timestamp(now_us())
        return _json({**_named(order), "status": "open", "created_at": created_at}, 201 if told else 200)

    async def _cancel(self, request: web.Request) -> web.Response:
        order = self.orders.by_id.get(request.match_info["order_id"])
        if order is None or order.status != "open":
            return _json({"code": "ORDER_NOT_OPEN", "message": "nothing to cancel"}, 404)
        self._tell(self.orders.cancel(order, now_us()))
        return _json({**_named(order), "status": order.status})

    async def _cancel_all(self, request: web.Request) -> web.Response:
        found = self.orders.open_orders(request.query["account_id"], request.query.get("symbol"))
        for order in found:
            self._tell(self.orders.cancel(order, now_us()))
        return _json({"cancelled": len(found)})

    async def _query(self, request: web.Request) -> web.Response:
        order = self.orders.by_client_id.get(request.match_info["client_order_id"])
        if order is None:
            return _json({"code": "ORDER_NOT_FOUND", "message": "no such order"}, 404)
        return _json(_described(order))

    async def _list(self, request: web.Request) -> web.Response:
        found = self.orders.open_orders(request.query["account_id"], request.query.get("symbol"))
        return _json({"orders": [_described(order) for order in found], "next_cursor": None})

    async def _health(self, _request: web.Request) -> web.Response:
        return _json({"cancels": self.orders.cancels, "trades": self.orders.trades})

    async def _presence(self, _request: web.Request) -> web.Response:
        return _json(self.orders.presence.longest_s(now_us()))

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
    app = web.Application()
    app.add_routes(OrderDesk(publisher).routes())
    app.add_routes(SchemaRegistry(store, _open).routes())
    http = web.AppRunner(app, access_log=None)
    await http.setup()
    await web.TCPSite(http, HOST, 0).start()
    metadata = grpc.aio.server()
    service = MetadataService(listed, FaultTable(Random(1)))
    add_MetadataServiceServicer_to_server(service, metadata)  # type: ignore[no-untyped-call] # generated
    grpc_port = metadata.add_insecure_port(f"{HOST}:0")
    await metadata.start()
    ready.send((http.addresses[0][1], grpc_port, ids))
    while True:
        publisher.send(())
        await asyncio.sleep(TICK_S)


def serve(ready: Connection, broker: str, symbols: Sequence[str]) -> None:
    """The process's whole life; sends (HTTP port, gRPC port, schema ids by topic) when it listens."""
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


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
