"""The shortest script that still fails: delta debugging over the list of decisions."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulation.decisions import Decision
from simulation.runner import Result, run
from simulation.violation import Violation

RUNS_MAX = 600
PATIENCE_MS = 2_000
"""A shorter script may fail this much later than the longer one did; beyond it counts as held."""

Play = Callable[[int, tuple[Decision, ...], int], Result]
"""Seed, decisions, and until when to play."""


class Shrinker:
    """Removes decisions, then makes the remaining ones smaller, as long as the same invariant breaks."""

    def __init__(self, failed: Result, play: Play = run) -> None:
        if failed.violation is None:
            raise ValueError(f"seed {failed.seed} did not fail: there is nothing to shrink")
        self._play = play
        self._number = failed.violation.number
        self.best = failed
        self.runs = 0

    def shrink(self) -> Result:
        """The shortest failing run that was found within RUNS_MAX runs."""
        self._cut_after_the_end()
        self._remove()
        self._simplify()
        self._remove()
        return self.best

    def _fails(self, decisions: Sequence[Decision]) -> bool:
        if self.runs >= RUNS_MAX:
            return False
        self.runs += 1
        result = self._play(self.best.seed, tuple(decisions), self.best.at_ms + PATIENCE_MS)
        violation: Violation | None = result.violation
        if violation is None or violation.number != self._number:
            return False
        self.best = result
        return True

    def _cut_after_the_end(self) -> None:
        end_ms = self.best.at_ms
        self._fails([decision for decision in self.best.decisions if decision.at_ms <= end_ms])

    def _remove(self) -> None:
        """Halves first, then ever smaller parts, until no single decision can go."""
        size = max(1, len(self.best.decisions) // 2)
        while self.best.decisions:
            decisions = self.best.decisions
            for start in range(0, len(decisions), size):
                if self._fails(decisions[:start] + decisions[start + size :]):
                    break
            else:
                if size == 1:
                    return
                size = max(1, size // 2)
            size = min(size, max(1, len(self.best.decisions)))

    def _simplify(self) -> None:
        for index in range(len(self.best.decisions)):
            self._try(index, lambda decision: replace(decision, count=1))
            self._try(index, lambda decision: replace(decision, value=0))

    def _try(self, index: int, simplify: Callable[[Decision], Decision]) -> None:
        decisions = list(self.best.decisions)
        simpler = simplify(decisions[index])
        if simpler != decisions[index]:
            decisions[index] = simpler
            self._fails(decisions)
