"""A real PostgreSQL that takes encrypted connections only: the system's, because the wheel's has no TLS."""

import os
import shutil
import subprocess
from pathlib import Path

from lab.postgres_server import START_S_MAX, free_port, start_postgres
from lab.tls import Authority

PASSWORD = "pass word/1"
USER = "mm"
_INSTALLED = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of an installed PostgreSQL with TLS; None when there is none."""
    found = shutil.which("postgres")
    folders = [*sorted(_INSTALLED.glob("*/bin"), reverse=True), *([Path(found).parent] if found else [])]
    return next((folder for folder in folders if _has_tls(folder)), None)


def _has_tls(folder: Path) -> bool:
    built = subprocess.run([folder / "pg_config", "--configure"], capture_output=True, text=True, check=False)
    return "openssl" in built.stdout


class EncryptedPostgres:
    """A server on a free port of 127.0.0.1, with a user that needs a password or our certificate.

    `directory` is one that other users of the machine can reach: root cannot run PostgreSQL.
    """

    def __init__(self, folder: Path, directory: Path, authority: Authority) -> None:
        self._folder = folder
        self._data = directory / "data"
        self._log = directory / "postgres.log"
        self._user = "postgres" if os.geteuid() == 0 else None
        self.port = free_port()
        if self._user is not None:
            shutil.chown(directory, self._user)
        password = directory / "password"
        password.write_text(PASSWORD)
        self._own(password)
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}")
        pair = authority.issue("127.0.0.1")
        for source, name in (
            (pair.certificate, "server.crt"),
            (pair.key, "server.key"),
            (authority.ca_file, "ca"),
        ):
            self._own(Path(shutil.copy(source, self._data / name)))
        rules = self._data / "pg_hba.conf"
        rules.write_text(
            "hostssl with_certificate all 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        )
        self._own(rules)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = (
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._data}",
            "fsync=off",
            "ssl=on",
        )
        command: list[str | Path] = [self._folder / "postgres", "-D", self._data, "-p", str(self.port)]
        for option in (*options, "ssl_ca_file=ca"):
            command += ["-c", option]
        self._process = start_postgres(command, self._user, self._log, self._data)

    def stop(self) -> None:
        """End every connection and the server."""
        self._process.terminate()
        self._process.wait(START_S_MAX)

    def _own(self, path: Path) -> None:
        path.chmod(0o600)
        if self._user is not None:
            shutil.chown(path, self._user)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self._folder / program, *arguments]
        subprocess.run(command, user=self._user, check=True, capture_output=True)
