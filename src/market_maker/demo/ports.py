"""Ports of 127.0.0.1."""

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Port:
    """A port to listen on, and the one that was wanted."""

    number: int
    wanted: int
    claim: int | None = None
    """A locked file: it keeps other demos from taking the port before the service listens on it."""

    def release(self) -> None:
        """Let others have it."""
        if self.claim is not None:
            os.close(self.claim)

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
    """The wanted port, or a free one when somebody has it or none is wanted (0)."""
    claim = _claim(wanted) if wanted else None
    mine = Port(wanted, wanted, claim)
    if claim is not None and _is_free(wanted):
        return mine
    mine.release()
    return Port(free_port(), wanted)


def _claim(number: int) -> int | None:
    """A lock, which ends with this process at the latest; None when another demo has it."""
    lock = os.open(Path(tempfile.gettempdir(), f"market-maker-demo-{number}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _is_free(number: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
