"""The frame of both engines' processes: told what to measure by a line of JSON, they answer with one.

`{"do": "book" | "way", "tape": PATH}` or `{"do": "orders", "url": URL, "count": N, "at_once": N}`.
"""

import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.tape import Tape, read


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round of one engine gave; times in nanoseconds."""

    p50_ns: float
    p99_ns: float
    mean_ns: float
    count: int
    """Of what: changes of the book, changes that led to orders, or orders."""
    orders: int = 0
    """Placements that were decided."""
    cpu_ns: float = 0.0
    """The process' own CPU, per order."""


class Engine(Protocol):
    """One engine's side of the three measurements."""

    def book(self, tape: Tape) -> list[int]:
        """Nanoseconds for each change, made beforehand: applied, and best bid and ask read."""

    def way(self, tape: Tape) -> tuple[list[int], list[int], int]:
        """From a change's bytes until its orders are decided.

        Nanoseconds of the changes that led to no order, of those that did, and how many placements.
        """

    async def orders(self, url: str, count: int, at_once: int) -> tuple[list[int], float]:
        """Nanoseconds from an order to its answer, read; and CPU nanoseconds per order."""


def figures(times: Sequence[int], orders: int = 0, cpu_ns: float = 0.0) -> Figures:
    """Percentiles of one round."""
    cuts = statistics.quantiles(times, n=100)
    return Figures(cuts[49], cuts[98], statistics.fmean(times), len(times), orders, cpu_ns)


async def send_all(
    send: Callable[[int], Awaitable[None]], count: int, at_once: int
) -> tuple[list[int], float]:
    """Send `count` orders, `at_once` of them under way at any time."""
    times: list[int] = []
    numbers = iter(range(count))

    async def sender() -> None:
        for number in numbers:
            began_ns = time.perf_counter_ns()
            await send(number)
            times.append(time.perf_counter_ns() - began_ns)

    cpu_ns = time.process_time_ns()
    await asyncio.gather(*(sender() for _ in range(at_once)))
    return times, (time.process_time_ns() - cpu_ns) / count


def serve(engine: Engine, run: Callable[[Any], Any]) -> None:
    """Answer until the input ends; `run` is the event loop's runner."""
    tapes: dict[str, Tape] = {}
    for line in sys.stdin:
        wanted = json.loads(line)
        gc.collect()
        if wanted["do"] == "orders":
            times, cpu_ns = run(engine.orders(wanted["url"], wanted["count"], wanted["at_once"]))
            found = {"orders": figures(times, cpu_ns=cpu_ns)}
        else:
            path = wanted["tape"]
            tape = tapes.get(path) or tapes.setdefault(path, read(Path(path)))
            if wanted["do"] == "book":
                found = {"book": figures(engine.book(tape))}
            else:
                quiet, decided, orders = engine.way(tape)
                found = {"quiet": figures(quiet), "decided": figures(decided, orders)}
        print(json.dumps({name: asdict(each) for name, each in found.items()}), flush=True)
