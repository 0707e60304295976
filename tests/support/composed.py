"""Services of deploy/compose.yaml that run our image, as processes in the image's root directory.

What Compose would do with names and ports is done by replacing them: each process listens on free ports of
127.0.0.1, and every `name:port` in an environment or a command becomes the address of the real server.
"""

import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.deployment import compose, environment, stages
from tests.support.image_root import ImageRoot

from lab.end_with_parent import end_with_parent

IMAGE = stages()[-1]
USER = next(step.text for step in IMAGE if step.name == "USER")
ENTRYPOINT = ("market-maker",)
_CHECK = next(step.text for step in IMAGE if step.name == "HEALTHCHECK")
HEALTHCHECK: list[str] = json.loads(_CHECK[_CHECK.index("[") :])
LOG_TAIL_LINES = 60
STEP_S_MAX = 60.0


def replaced(text: str, texts: Mapping[str, str]) -> str:
    """The text with some texts in it replaced, in the order of the mapping."""
    for there, here in texts.items():
        text = text.replace(there, here)
    return text


class Container:
    """One service of the file; `addresses` are texts to replace, `changes` further variables."""

    def __init__(
        self,
        name: str,
        image: ImageRoot,
        directory: Path,
        addresses: Mapping[str, str],
        changes: Mapping[str, str] | None = None,
    ) -> None:
        service = compose()["services"][name]
        self.name = name
        self._image = image
        self._addresses = addresses
        self.log = directory / f"{name}.log"
        given = {key: self._here(value) for key, value in service.get("environment", {}).items()}
        own = {key: value.replace("$PATH", "/usr/bin:/bin") for key, value in environment(IMAGE).items()}
        self.environ = {**own, **given, **(changes or {})}
        self._command = [*ENTRYPOINT, *map(self._here, service["command"])]
        check = service.get("healthcheck", {}).get("test", ["CMD", *HEALTHCHECK])
        self._check = [self._here(word) for word in check[1:]]
        self._grace_s = float(service.get("stop_grace_period", "10s").removesuffix("s"))
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> str:
        """Run it to its end, which must be a good one; its output."""
        done = self._image.run(self._command, self.environ, user=USER, timeout_s=STEP_S_MAX)
        assert done.returncode == 0, f"{self.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._image.command(self._command, self.environ, user=USER),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
            )

    def is_healthy(self) -> bool:
        """Whether its health check says so; AssertionError when it has ended."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended:\n{self.log_tail()}"
        return self._image.run(self._check, self.environ, user=USER, timeout_s=10).returncode == 0

    def stop(self) -> int:
        """SIGTERM and the exit code; AssertionError when it takes longer than Compose would wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} did not end in {self._grace_s:g} s:\n{self.log_tail()}"
            ) from None

    def kill(self) -> None:
        """As a crash; nothing happens when it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STEP_S_MAX)

    def log_tail(self) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def owner(self) -> int:
        """The user that it runs as."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}").stat().st_uid

    def _here(self, text: str) -> str:
        return replaced(text, self._addresses)
