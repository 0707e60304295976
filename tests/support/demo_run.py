"""`market-maker demo --json` as a process, and captures cut to the length of a test."""

import gzip
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.end_with_parent import end_with_parent

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "binance"
SPOT = CAPTURES / "spot_btcusdt_20240808.gz"
PERPETUAL = CAPTURES / "usdm_btcusdt_20240808.gz"
END_S_MAX = 90.0
LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A demo that has ended."""

    code: int
    output: str
    errors: str

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON with which it ended; standard output holds nothing else."""
        lines = self.output.splitlines()
        assert len(lines) == 1, (lines, self.errors)
        summary: dict[str, Any] = json.loads(lines[0])
        return summary

    @property
    def directory(self) -> str:
        """Where its servers kept their files."""
        found = re.search(r"/\S*/market-maker-demo-\w+", self.errors)
        assert found is not None, self.errors
        return found.group()


class RunningDemo:
    """A demo on free ports, with `--json` and these arguments."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._output, self._errors = directory / "output", directory / "errors"
        ports = ("--http-port", "0", "--metrics-port", "0")
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "market_maker", "demo", "--json", *ports, *arguments],
                stdout=output,
                stderr=errors,
                env={**os.environ, "COLUMNS": "200"},
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
            )

    def told(self) -> str:
        """What it has told people so far."""
        return self._errors.read_text("utf-8")

    def wait_for(self, pattern: str) -> str:
        """The first group of a pattern in what it tells people, once it is there."""
        deadline = time.monotonic() + END_S_MAX
        while (found := re.search(pattern, self.told())) is None:
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < deadline, self.told()
            time.sleep(LOOK_EVERY_S)
        return found.group(1)

    def end(self) -> DemoRun:
        """Wait for its end."""
        try:
            code = self.process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the demo did not end:\n{self.told()}") from None
        return DemoRun(code, self._output.read_text("utf-8"), self.told())


def cut(capture: Path, lines: int, to: Path, symbol: str = "BTCUSDT") -> Path:
    """The first lines of a capture as one of its own, of another symbol if wanted."""
    with gzip.open(capture, "rt", encoding="utf-8") as source, gzip.open(to, "wt", 1, "utf-8") as copy:
        for _, line in zip(range(lines), source, strict=False):
            copy.write(line.replace("BTCUSDT", symbol).replace("btcusdt", symbol.lower()))
    return to


def processes_in(directory: str) -> list[str]:
    """Command lines of running processes that mention a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
        except OSError:
            continue  # it has just ended
        if directory.encode() in command:
            found.append(command.decode().replace("\0", " "))
    return found
