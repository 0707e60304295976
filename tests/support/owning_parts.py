"""What stands in for the world around an instance: the venue, the directory, the dead letters."""

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from random import Random

import grpc
from aiohttp import web

from lab.exchange_process import Exchange as OrderBook
from lab.order_server import OrderServer, Seen
from market_maker.streams.batch import TopicPartitionKey, Undecodable
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import CONSUMED
from tradex_contracts.metadata_pb2_grpc import add_MetadataServiceServicer_to_server
from tradex_sandbox.exchange import Exchange as Listing
from tradex_sandbox.faults import Fault as ServiceFault
from tradex_sandbox.faults import FaultKind, FaultTable, Operation
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.metadata_service import MetadataService

PARTITIONS = 6


def keys_of(symbols: Iterable[str]) -> frozenset[TopicPartitionKey]:
    """The partitions of all topics that carry the symbols."""
    return frozenset((topic, partition_of(symbol, PARTITIONS)) for topic in CONSUMED for symbol in symbols)


class Venue:
    """An honest Order Service on a socket, in a thread of its own, and its own record of what came in."""

    def __init__(self, server: OrderServer) -> None:
        self.server = server
        self.book = OrderBook()
        self.broken = ""
        """Requests for this symbol fail."""
        server.respond = self._respond

    async def _respond(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        if self.broken and self.broken in request.raw_path:
            return web.Response(status=503)
        status, body = self.book.answer(seen.method, request.raw_path, seen.body, time.monotonic_ns())
        return web.Response(status=int(status[:3]), body=json.dumps(body).encode())

    def resting(self, symbol: str) -> int:
        """How many orders rest."""
        return len(self.book.open.get(symbol, {}))

    def heard(self) -> int:
        """How many requests have come in."""
        return len(self.server.requests)

    def placed_since(self, count: int) -> list[Seen]:
        """The orders among the requests after the first `count`."""
        return [seen for seen in self.server.requests[count:] if seen.method == "POST"]


class Directory:
    """A Metadata Service; every instrument has a tick of 0.1 and a lot of 0.00001."""

    def __init__(self) -> None:
        self.listing = Listing(session="test")
        self.faults = FaultTable(Random(1))  # noqa: S311 - a test's chance
        self._server = grpc.aio.server()
        self._number: list[int] = []

    def list(self, *symbols: str) -> None:
        """List these too."""
        for symbol in symbols:
            self.listing.add_simulated(parse_instrument(f"{symbol}:0.1:0.00001:5"), Decimal(60000), seed=7)

    def go_away(self, symbol: str | None = None) -> None:
        """Answer nothing (of one symbol) any more."""
        self.faults.add(ServiceFault(operation=Operation.METADATA, kind=FaultKind.ERROR, symbol=symbol))

    def come_back(self) -> None:
        """Answer again."""
        self.faults.clear()

    async def start(self) -> str:
        """Serve; its address."""
        service = MetadataService(self.listing, self.faults)
        add_MetadataServiceServicer_to_server(service, self._server)  # type: ignore[no-untyped-call] # generated
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return f"127.0.0.1:{port}"

    async def stop(self) -> None:
        """End."""
        await self._server.stop(None)


class DeadLetters:
    """Keeps them."""

    def __init__(self) -> None:
        self.sent: list[Undecodable] = []

    def send(self, message: Undecodable) -> None:
        self.sent.append(message)
