"""A real schema registry: Apicurio Registry in memory, which speaks Confluent's protocol, as our process."""

import http.client
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from lab.end_with_parent import end_with_parent
from lab.postgres_server import free_port

START_S_MAX = 60.0
END_S_MAX = 20.0
LOOK_EVERY_S = 0.1
_JAVA = ("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_API = "/apis/ccompat/v7"


class Apicurio:
    """One registry, empty, running from its making until `close`; `environment` sets it up further."""

    def __init__(self, folder: Path, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}{_API}"
        self._log = directory / "registry.log"
        [runner] = folder.glob("*runner.jar")
        settings = {"QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(self._port)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*_JAVA, "-jar", str(runner)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env={**os.environ, **(environment or {}), **settings},
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
            )
        deadline = time.monotonic() + START_S_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"the registry did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(END_S_MAX)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", f"{_API}/subjects")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
