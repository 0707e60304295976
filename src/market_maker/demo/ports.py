"""Ports of 127.0.0.1."""

import socket


def free_port() -> int:
    """A port that nothing listened on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def port_or_free(wanted: int) -> int:
    """The wanted port, or a free one when something listens on it or none is wanted (0)."""
    if wanted == 0:
        return free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return wanted
