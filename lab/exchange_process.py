"""A small Order Service in a process of its own, which knows exactly when each order reached it.

One thread over epoll. Told through a pipe to `drain`, it first takes everything that its sockets hold: what
a process had written by the time it asked is then noted as received before the answer. So an order that is
noted later was sent later. Times are CLOCK_MONOTONIC, which all processes of a machine share.

A second pipe stands for `engine.event.v1`: the ids of the orders that were cancelled.
"""

import json
import select
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

OK, CREATED, NOT_FOUND = "200 OK", "201 Created", "404 Not Found"
UNKNOWN = {"code": "ORDER_NOT_FOUND", "message": "no open order of that id"}
Answer = tuple[str, object]


@dataclass(slots=True)
class Peer:
    """One connection and what it has sent of its next request."""

    socket: socket.socket
    received: bytes = b""


@dataclass(slots=True)
class Exchange:
    """Orders of all symbols. Every order is accepted and rests until it is cancelled."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every order ever, by client order id."""
    open: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Open orders by symbol and order id."""
    received: list[tuple[str, int]] = field(default_factory=list)
    """(symbol, when it was received) of every order."""
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    """(symbol, client order id) of orders whose end has not been told yet."""

    def answer(self, method: str, target: str, body: bytes, at_ns: int) -> Answer:
        """Carry out one request."""
        url = urlsplit(target)
        name = url.path.rpartition("/")[2]
        if url.path == "/health":
            return OK, {}
        if method == "POST":
            return CREATED, self._place(json.loads(body), at_ns)
        if url.path != "/v1/orders":
            return self._cancel(name) if method == "DELETE" else self._query(name)
        resting = self.open.setdefault(parse_qs(url.query)["symbol"][0], {})
        if method == "GET":
            return OK, {"orders": list(resting.values()), "next_cursor": None}
        return OK, {"cancelled": sum(self._end(order_id) for order_id in tuple(resting))}

    def _place(self, wanted: dict[str, Any], at_ns: int) -> dict[str, Any]:
        symbol, client_order_id = wanted["symbol"], wanted["client_order_id"]
        self.received.append((symbol, at_ns))
        order = {
            "order_id": f"x{client_order_id}",
            "client_order_id": client_order_id,
            "symbol": symbol,
            "side": wanted["side"],
            "price": wanted["price"],
            "quantity": wanted["quantity"],
            "filled_quantity": "0",
            "status": "open",
            "created_at": "2026-11-20T00:00:00Z",
        }
        self.orders[client_order_id] = order
        self.open.setdefault(symbol, {})[order["order_id"]] = order
        return order

    def _cancel(self, order_id: str) -> Answer:
        return (OK, {"order_id": order_id}) if self._end(order_id) else (NOT_FOUND, UNKNOWN)

    def _query(self, client_order_id: str) -> Answer:
        order = self.orders.get(client_order_id)
        return (NOT_FOUND, UNKNOWN) if order is None else (OK, order)

    def _end(self, order_id: str) -> bool:
        order = self.orders.get(order_id[1:])
        if order is None or order["status"] != "open":
            return False
        order["status"] = "cancelled"
        del self.open[order["symbol"]][order_id]
        self.cancelled.append((order["symbol"], order["client_order_id"]))
        return True


class Server:
    """Serves an exchange until its pipe is closed."""

    def __init__(self, control: Connection, stream: Connection) -> None:
        self._control = control
        self._stream = stream
        self._exchange = Exchange()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.settimeout(0)
        self._poll = select.epoll()
        self._peers: dict[int, Peer] = {}
        for source in (self._listener, control):
            self._poll.register(source, select.EPOLLIN)

    def run(self) -> None:
        """Serve."""
        self._control.send(self._listener.getsockname()[1])
        while True:
            ready = [number for number, _ in self._poll.poll()]
            self._serve(ready)
            if self._control.fileno() in ready and not self._told():
                return
            if self._exchange.cancelled:
                self._stream.send(self._exchange.cancelled)
                self._exchange.cancelled = []

    def _told(self) -> bool:
        try:
            wanted = self._control.recv()
        except EOFError:
            return False
        if wanted == "drain":
            while ready := [number for number, _ in self._poll.poll(0) if number != self._control.fileno()]:
                self._serve(ready)
            self._control.send(time.monotonic_ns())
        else:
            self._control.send(self._exchange.received)
        return True

    def _serve(self, ready: list[int]) -> None:
        for number in ready:
            if number == self._listener.fileno():
                self._accept()
            elif number in self._peers:
                self._read(number, self._peers[number])

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            connection.settimeout(0)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[connection.fileno()] = Peer(connection)
            self._poll.register(connection, select.EPOLLIN)

    def _read(self, number: int, peer: Peer) -> None:
        try:
            data = peer.socket.recv(65_536)
        except ConnectionError:
            data = b""
        at_ns = time.monotonic_ns()
        if not data:
            self._poll.unregister(number)
            del self._peers[number]
            peer.socket.close()
            return
        peer.received += data
        while (request := _request(peer)) is not None:
            status, body = self._exchange.answer(*request, at_ns)
            payload = json.dumps(body).encode()
            peer.socket.send(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload
            )


def _request(peer: Peer) -> tuple[str, str, bytes] | None:
    """The next whole request: method, target and body."""
    head, end, rest = peer.received.partition(b"\r\n\r\n")
    if not end:
        return None
    line, *fields = head.decode().split("\r\n")
    lengths = [int(field[15:]) for field in fields if field.lower().startswith("content-length:")]
    length = lengths[0] if lengths else 0
    if len(rest) < length:
        return None
    peer.received = rest[length:]
    method, target, _ = line.split(" ")
    return method, target, rest[:length]


def serve(control: Connection, stream: Connection) -> None:
    """The process: sends its port, then serves until the pipe is closed."""
    Server(control, stream).run()
