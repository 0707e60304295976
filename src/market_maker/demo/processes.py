"""The demo's processes: started in order, each known by its id, ended in reverse order."""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when its parent ends."""
READY_S_MAX = 60.0
STOP_S_MAX = 15.0
POLL_S = 0.02
LOG_TAIL_LINES = 15


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


class WrongOptionError(DemoError):
    """An option of the command line is wrong; the message names it and says what would be right."""


@dataclass(slots=True)
class Child:
    """One process of the demo. Its output goes to `log`."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; DemoError when it does not run."""
        if self.process is None:
            raise DemoError(f"{self.name} does not run")
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start it. In a session of its own, so that Ctrl-C reaches the demo only, which ends it in order."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                user=self.user,
                start_new_session=True,
                preexec_fn=partial(_end_with_parent, self.stop_signal),
            )

    async def ready(self, ready_file: Path) -> dict[str, Any]:
        """Wait for the JSON that the process writes into its ready file."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_S_MAX
        while (answer := _read_ready(ready_file)) is None:
            self.require_running()
            if loop.time() > deadline:
                raise DemoError(f"{self.name} was not ready after {READY_S_MAX:g} s\n{self.tail()}")
            await asyncio.sleep(POLL_S)
        return answer

    def require_running(self) -> None:
        """DemoError with the end of its log when it has ended."""
        if not self.runs:
            code = self.process.returncode if self.process is not None else None
            raise DemoError(f"{self.name} ended with exit code {code}; the end of {self.log}:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its output."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    async def stop(self) -> int | None:
        """Ask it to end, kill it when it does not; returns its exit code."""
        if self.process is None:
            return None
        if self.runs:
            self.process.send_signal(self.stop_signal)
        try:
            async with asyncio.timeout(STOP_S_MAX):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


def _end_with_parent(ending: signal.Signals) -> None:
    """In the child, before its program starts: get `ending` when the demo is gone, however it went.

    Linux only; elsewhere a demo that is killed with SIGKILL leaves its processes behind.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(ending))


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _read_ready(path: Path) -> dict[str, Any] | None:
    """What a process wrote when it was ready; None before."""
    text = path.read_text() if path.exists() else ""
    return json.loads(text) if text.strip() else None
