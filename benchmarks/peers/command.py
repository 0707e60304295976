"""`python -m benchmarks peers`: lets both engines measure in turns, and prints figures and ratios.

A ratio is the peer's time divided by ours: above 1 the service is faster. Each figure is the median of those
of the rounds; both engines' rounds alternate, so that a busy machine is busy for both.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import bare_http
from benchmarks.peers import tape as tape_files
from benchmarks.peers.tapes import tapes

ROOT: Final = Path(__file__).parents[2]
THEIR_PYTHON: Final = ROOT / ".venv-peers/bin/python"
ROUNDS: Final = 7
ORDERS: Final = 3_000
AT_ONCE: Final = (1, 8)
WHAT: Final = {
    "book": "a change applied, best bid and ask read",
    "quiet": "bytes of a change to: nothing to do",
    "decided": "bytes of a change to decided orders",
    "orders": "order to its answer, bare exchange",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One measurement of both; medians of the rounds."""

    what: str
    on: str
    ours: dict[str, float]
    theirs: dict[str, float]

    def ratio(self, figure: str) -> float:
        """How many times as long the peer takes."""
        return self.theirs[figure] / self.ours[figure]


class Engine:
    """One engine's process."""

    def __init__(self, python: Path, module: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [python, "-m", module], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, wanted: dict[str, Any]) -> dict[str, dict[str, float]]:
        """One round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._module} ended with {self._process.wait()}")
        found: dict[str, dict[str, float]] = json.loads(line)
        return found

    def end(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def main(arguments: Sequence[str]) -> None:
    """The whole comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__)
    parser.add_argument("--python", type=Path, default=THEIR_PYTHON, help="with NautilusTrader in it")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each engine, in turns")
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders of a round")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write everything measured to this file too"
    )
    options = parser.parse_args(arguments)
    if not options.python.exists():
        parser.error(f"{options.python} is not there: `make bench-peers` makes it")
    compared = []
    for each in _compare(options):
        print(told(each), flush=True)
        compared.append(each)
    if options.json is not None:
        options.json.write_text(json.dumps(document(compared, options.python), indent=1) + "\n")


def told(each: Compared) -> str:
    """One line: both p50 and p99 in microseconds, and the ratios."""
    ours, theirs = each.ours, each.theirs
    return (
        f"{WHAT[each.what]:<40} {each.on:<30} "
        f"ours {ours['p50_ns'] / 1e3:8.2f} / {ours['p99_ns'] / 1e3:8.2f} us   "
        f"NautilusTrader {theirs['p50_ns'] / 1e3:8.2f} / {theirs['p99_ns'] / 1e3:8.2f} us   "
        f"ratio {each.ratio('p50_ns'):5.2f} / {each.ratio('p99_ns'):5.2f}   "
        f"({ours['count']:.0f} and {theirs['count']:.0f}"
        + (f"; {ours['orders']:.0f} and {theirs['orders']:.0f} orders)" if ours["orders"] else ")")
    )


def document(compared: Sequence[Compared], python: Path) -> dict[str, Any]:
    """Everything measured, and on what."""
    version = subprocess.check_output(
        [python, "-c", "import nautilus_trader; print(nautilus_trader.__version__)"], text=True
    )
    return {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load": os.getloadavg()[0],
        "peer": f"NautilusTrader {version.strip()}",
        "compared": [asdict(each) for each in compared],
    }


def _compare(options: argparse.Namespace) -> Iterator[Compared]:
    with ExitStack() as stack:
        engines = (
            stack.enter_context(_engine(Path(sys.executable), "benchmarks.peers.ours")),
            stack.enter_context(_engine(options.python, "benchmarks.peers.nautilus")),
        )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mm-peers-")))
        found = 0
        for number, tape in enumerate(tapes()):
            path = folder / f"{number}.jsonl"
            tape_files.write(path, tape)
            found += 1
            for do in ("book", "way"):
                yield from _in_turns(
                    engines, {"do": do, "tape": str(path)}, tape.opening.name, options.rounds
                )
        if found == 1:
            print("no captures under ../shared: the recorded markets are not measured", file=sys.stderr)
        url = stack.enter_context(bare_http.accepting())
        for at_once in AT_ONCE:
            wanted = {"do": "orders", "url": url, "count": options.orders, "at_once": at_once}
            yield from _in_turns(engines, wanted, f"{at_once} at once", options.rounds)


def _in_turns(
    engines: tuple[Engine, Engine], wanted: dict[str, Any], on: str, rounds: int
) -> Iterator[Compared]:
    found = [[engine.measure(wanted) for engine in engines] for _ in range(rounds)]
    for what in found[0][0]:
        ours, theirs = (_medians([pair[side][what] for pair in found]) for side in (0, 1))
        yield Compared(what, on, ours, theirs)


def _medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}


@contextmanager
def _engine(python: Path, module: str) -> Iterator[Engine]:
    engine = Engine(python, module)
    try:
        yield engine
    finally:
        engine.end()
