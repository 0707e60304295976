"""Server processes of the tests: started with a ready file, stopped for good whatever happens."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from lab.forked import Forked

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.01


class ServerProcess:
    """A Python module run as a server: `python -m MODULE ARGUMENTS --ready-file ...`."""

    def __init__(
        self, module: str, *arguments: str, directory: Path, environment: dict[str, str] | None = None
    ) -> None:
        ready_file = directory / f"{module}-{time.monotonic_ns()}.json"
        self.log = directory / f"{ready_file.stem}.log"
        words = (*arguments, "--ready-file", str(ready_file), "--exit-with-parent")
        self.process = Forked(module, words, {**os.environ, **(environment or {})}, self.log)
        self.ready = self._wait_until_ready(ready_file)

    def _wait_until_ready(self, ready_file: Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.process.args!r} did not start:\n{self.log.read_text('utf-8')}")
            time.sleep(LOOK_EVERY_S)
        ready: dict[str, Any] = json.loads(ready_file.read_text("utf-8"))
        return ready

    def freeze(self) -> None:
        """Stop the process without ending it: connections stay open and nothing answers."""
        self.process.freeze()

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.process.send_signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Ask it to end and wait; its exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(END_TIMEOUT_S)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(END_TIMEOUT_S)

    def close(self) -> None:
        """End it, gently if it can be."""
        if self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
