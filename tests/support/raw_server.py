"""An HTTP server that shows when each byte arrives."""

import json
import socket


class RawServer:
    """A listening socket that only this test's own code serves, byte by byte."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0)
        self.peers: list[socket.socket] = []
        self.heard: list[bytes] = []
        self.ended: list[bool] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def look(self) -> None:
        """Take whatever the kernel has by now: connections, bytes, ends."""
        while True:
            try:
                peer, _ = self.listener.accept()
            except BlockingIOError:
                break
            peer.settimeout(0)
            self.peers.append(peer)
            self.heard.append(b"")
            self.ended.append(False)
        for number, peer in enumerate(self.peers):
            try:
                while not self.ended[number]:
                    data = peer.recv(65_536)
                    self.heard[number] += data
                    self.ended[number] = not data
            except BlockingIOError:
                continue

    def bytes_of(self, connection: int) -> bytes:
        """What has arrived on a connection so far."""
        self.look()
        return self.heard[connection] if connection < len(self.heard) else b""

    def has_ended(self, connection: int) -> bool:
        """Whether the client has closed a connection."""
        self.look()
        return connection < len(self.ended) and self.ended[connection]

    def orders(self) -> list[str]:
        """The client order ids of all orders that have arrived whole."""
        self.look()
        return [
            json.loads(part.partition(b"\r\n\r\n")[2])["client_order_id"]
            for heard in self.heard
            for part in heard.split(b"POST ")[1:]
        ]

    def accept_order(self, connection: int, client_order_id: str) -> None:
        body = {
            "order_id": f"x-{client_order_id}",
            "client_order_id": client_order_id,
            "status": "open",
            "created_at": "2026-11-20T00:00:00Z",
        }
        self.answer(connection, "201 Created", body)

    def answer(self, connection: int, status: str, body: object) -> None:
        payload = json.dumps(body).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
        self.peers[connection].send(head + payload)

    def close(self) -> None:
        for opened in (self.listener, *self.peers):
            opened.close()
