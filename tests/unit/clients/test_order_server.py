"""The server that stands for the exchange in these tests ends cleanly, whenever that happens."""

import socket
from threading import Event
from urllib.parse import urlsplit

from lab.order_server import OrderServer


def test_a_connection_that_comes_in_the_turn_in_which_the_server_ends_is_closed() -> None:
    connected: list[socket.socket] = []
    is_ending = Event()
    with OrderServer() as server:
        address = ("127.0.0.1", urlsplit(server.url).port or 0)

        def connect_and_end() -> None:
            connected.append(socket.create_connection(address))
            server.loop.call_soon(server.end)
            is_ending.set()

        server.loop.call_soon_threadsafe(connect_and_end)
        assert is_ending.wait(10)
    with connected[0] as connection:
        connection.settimeout(10)
        assert connection.recv(1) == b""
