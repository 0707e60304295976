"""Many seeds, in this process or shared among several."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from simulation.coverage import Coverage
from simulation.runner import Result, run_seed

FAILURES_MAX = 5
"""After so many failing seeds the campaign ends: each is shrunk, which takes its time."""
CHUNK = 10


class Campaign:
    """Runs seeds and adds up what happened."""

    def __init__(self, seeds: range, jobs: int = 1, play: Callable[[int], Result] = run_seed) -> None:
        self._seeds = seeds
        self._play = play
        self._jobs = jobs
        self.coverage = Coverage()
        self.runs = self.steps = self.virtual_ns = 0
        self.failures: list[Result] = []

    def run(self) -> Iterator[Result]:
        """Yields each failing run."""
        for result in self._results():
            self.runs += 1
            self.steps += result.steps
            self.virtual_ns += result.virtual_ns
            self.coverage.add(result.coverage.counts)
            if result.violation is not None:
                self.failures.append(result)
                yield result
                if len(self.failures) >= FAILURES_MAX:
                    return

    def _results(self) -> Iterable[Result]:
        if self._jobs == 1:
            yield from map(self._play, self._seeds)
            return
        with ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn")) as pool:
            yield from pool.map(self._play, self._seeds, chunksize=CHUNK)
