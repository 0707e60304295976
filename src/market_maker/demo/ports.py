"""Ports of 127.0.0.1."""

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port to listen on, and the one that was wanted."""

    number: int
    wanted: int

    @property
    def note(self) -> str:
        """Why it is another than the wanted one, for people; empty when it is not."""
        return "" if self.wanted in (0, self.number) else f" ({self.wanted} is in use)"


def free_port() -> int:
    """A port that nothing listened on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def port_or_free(wanted: int) -> Port:
    """The wanted port, or a free one when something listens on it or none is wanted (0)."""
    if wanted == 0:
        return Port(free_port(), wanted)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return Port(free_port(), wanted)
        return Port(wanted, wanted)
