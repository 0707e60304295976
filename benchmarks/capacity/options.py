"""The command line of the load tool."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured."""

    symbols: tuple[int, ...]
    instances: tuple[int, ...]
    rate: float
    """Deltas per second and symbol of the first step; each further step has twice as many."""
    seconds: float
    """Of one step."""
    steps: int
    """At most so many in a cell; a cell ends at the first that does not hold."""
    total_rate_max: float
    """Deltas per second of all symbols that a further step may not pass."""
    partitions: int
    against: str | None
    """A commit whose service is measured in turns with this one."""
    p99_ms: float | None
    """A step whose tick to wire (an older service: tick to order) takes longer does not hold."""
    json: Path | None


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the arguments; `--help` and mistakes end the process, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks capacity",
        description="S symbols at R deltas a second through real Kafka, until it breaks.",
    )
    add = parser.add_argument
    add("--symbols", type=_counts, default=(10, 50, 200), metavar="S,...", help="how many symbols")
    add("--instances", type=_counts, default=(1, 2), metavar="N,...", help="how many service processes")
    add("--rate", type=float, default=5.0, help="deltas a second and symbol to begin with")
    add("--seconds", type=float, default=6.0, help="length of a step")
    add("--steps", type=int, default=8, help="steps of a cell at most; each doubles the rate")
    add("--total-rate-max", type=float, default=40_000.0, help="deltas a second of all symbols, at most")
    add("--partitions", type=int, default=12, help="partitions of every topic")
    add("--against", metavar="COMMIT", help="measure each cell with the service of this commit too")
    add("--p99-ms", type=float, metavar="MS", help="a tick to wire that takes longer at p99 ends a cell")
    add("--json", type=Path, metavar="FILE", help="write everything measured to this file too")
    found = parser.parse_args(arguments)
    if found.rate <= 0 or found.seconds <= 0 or found.steps < 1:
        parser.error("--rate, --seconds and --steps must be positive")
    if found.partitions < max(found.instances):
        parser.error("--partitions: every instance needs one at least")
    return Options(
        symbols=found.symbols,
        instances=found.instances,
        rate=found.rate,
        seconds=found.seconds,
        steps=found.steps,
        total_rate_max=found.total_rate_max,
        partitions=found.partitions,
        against=found.against,
        p99_ms=found.p99_ms,
        json=found.json,
    )


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(part) for part in text.split(","))
    if min(counts) < 1:
        raise argparse.ArgumentTypeError("must be positive whole numbers, separated by commas")
    return counts
