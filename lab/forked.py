"""`python -m MODULE` without the second of imports: forked from a process that has made them all.

The service's imports are more than half of what a short test of it costs. One process of each test process
makes them once (multiprocessing's fork server) and does nothing else; each server is a fork of it, with an
environment, arguments and output of its own, that runs the module as the interpreter would.
What the interpreter itself reads at its start (PYTHONPATH) has no effect.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.end_with_parent import end_with_parent

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["lab.preloaded"])


class Forked:
    """A running module; what `subprocess.Popen` has and is used here."""

    def __init__(
        self,
        module: str,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        log: Path,
        errors: Path | None = None,
    ) -> None:
        """Standard output is added to `log`, standard error to `errors` or there, too."""
        self.args = [module, *arguments]
        outputs = log, errors or log
        for output in outputs:
            output.touch()
        given = self.args, dict(environ), outputs
        self._process = _CONTEXT.Process(target=_run, args=given, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once it has ended."""
        self._process.join(timeout_s)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout_s or 0.0)
        return code

    def send_signal(self, sign: signal.Signals) -> None:
        """Nothing when it has ended."""
        if self.poll() is None and self._process.pid is not None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self._process.pid, sign)

    def freeze(self) -> None:
        """Stop it; returns once no thread of it runs, which takes its time on a busy machine."""
        self.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self._process.pid}/task")
        while any(stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in tasks.glob("*/stat")):
            time.sleep(0.001)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    module: str, *words: str, environ: Mapping[str, str] | None = None, timeout_s: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, with this environment or ours."""
    with TemporaryDirectory() as directory:
        output, errors = Path(directory, "output"), Path(directory, "errors")
        process = Forked(module, words, os.environ if environ is None else environ, output, errors)
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, code, output.read_text(), errors.read_text())


def _run(words: list[str], environ: dict[str, str], outputs: tuple[Path, Path]) -> None:
    """In the new process."""
    end_with_parent()
    # Among what is inherited is what would keep the fork server, and so all servers, when the test has died.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, path in enumerate(outputs, start=1):
        with path.open("ab") as output:
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
