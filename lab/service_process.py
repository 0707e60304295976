"""The service as a process: `python -m market_maker serve` with an environment of the test's own.

It is forked from a process that has made its imports (`forked`). Where the test names a PYTHONPATH it gets an
interpreter of its own, which alone reads that.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from lab.end_with_parent import end_with_parent
from lab.forked import Forked

END_S_MAX = 15.0
LOG_TAIL_LINES = 60
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")
"""Variables of the test process that the service may see; a stray setting of ours must not leak in."""


class ServiceProcess:
    """One service at a time; started again after its end it is the same service with a new process."""

    COMMAND: ClassVar = "serve"

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environment |= environment
        self.log = log
        self._interpreted = "PYTHONPATH" in environment
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def start(self) -> None:
        """Start it; it answers on its API some time later."""
        if not self._interpreted:
            self._process = Forked("market_maker", (self.COMMAND,), self.environment, self.log)
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "market_maker", self.COMMAND],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
            )

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As `kill -9`."""
        self._send(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        """Let it stand still, as a machine that is paused: connections stay open and nothing answers."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def terminate(self) -> int:
        """As an orderly stop: SIGTERM; returns the exit code."""
        self._send(signal.SIGTERM)
        return self.wait()

    def leave_for_good(self) -> int:
        """The same by SIGINT, which gives up its place in the group too."""
        self._send(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(END_S_MAX)

    def close(self) -> None:
        """Whatever it does, it is gone afterwards."""
        if self.runs:
            self.kill()

    def log_tail(self) -> str:
        """The end of its output."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _send(self, sign: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(sign)
