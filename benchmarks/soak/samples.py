"""Samples of a running program, and whether what must be flat is flat."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

MEMORY_GROWTH_MAX: Final = 0.05
"""Of memory, relative to the end of the warm-up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. What cannot be seen from where one looks is 0."""

    at_s: float
    """Since the start, in the time that the program lives in."""
    rss_mib: float
    blocks: int
    """Memory blocks that Python holds, after a collection."""
    tasks: int
    descriptors: int
    threads: int
    placed: int
    """Orders so far."""
    fills: int


COUNTS: Final[Mapping[str, Callable[[Sample], int]]] = {
    "tasks": lambda sample: sample.tasks,
    "file descriptors": lambda sample: sample.descriptors,
    "threads": lambda sample: sample.threads,
}
"""What may not grow at all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure over the run."""

    name: str
    at_warm_up: float
    at_end: float
    growth: float
    """From the end of the warm-up to the most afterwards, as a share; of counts the growth itself."""
    flat: bool

    def told(self) -> str:
        """The growth for a person."""
        return f"{self.growth:+g}" if self.name in COUNTS else f"{self.growth:+.1%}"


def judge(samples: Sequence[Sample], warm_up_s: float) -> list[Verdict]:
    """Every measure, from the first sample at or after `warm_up_s` on. ValueError when none follows it."""
    steady = [sample for sample in samples if sample.at_s >= warm_up_s]
    if len(steady) < 2:
        raise ValueError(f"no samples after a warm-up of {warm_up_s:g} s; run longer")
    verdicts = [_memory("resident memory, MiB", [sample.rss_mib for sample in steady])]
    if steady[0].blocks:
        verdicts.append(_memory("Python's blocks", [float(sample.blocks) for sample in steady]))
    verdicts += [_count(name, [count(sample) for sample in steady]) for name, count in COUNTS.items()]
    return verdicts


def _memory(name: str, values: Sequence[float]) -> Verdict:
    first = values[0]
    growth = max(values) / first - 1 if first else 0.0
    return Verdict(name, first, values[-1], growth, growth <= MEMORY_GROWTH_MAX)


def _count(name: str, values: Sequence[int]) -> Verdict:
    """Counts come and go with the load: the second half's middle may not lie above the first half's most."""
    half = max(1, len(values) // 2)
    early, late = values[:half], values[half:]
    return Verdict(name, values[0], values[-1], median(late) - median(early), median(late) <= max(early))
