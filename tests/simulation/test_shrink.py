"""The shrinker, on runs that fail by construction."""

import pytest

from simulation.coverage import Coverage
from simulation.decisions import Decision, Kind
from simulation.runner import Result
from simulation.shrink import Shrinker
from simulation.violation import Violation

NOISE = tuple(Decision(at_ms, Kind.SWEEP, value=400, count=2) for at_ms in range(0, 4_000, 100))
CULPRITS = (Decision(1_234, Kind.KILL, value=9, count=3), Decision(2_345, Kind.CRASH, value=2_500, count=7))


def fails_with_both(seed: int, decisions: tuple[Decision, ...], until_ms: int = 0) -> Result:
    kinds = {decision.kind for decision in decisions}
    broken = Violation(6, "both") if {Kind.KILL, Kind.CRASH} <= kinds else None
    other = Violation(2, "another") if not decisions else None
    return Result(seed, decisions, broken or other, Coverage(), 1, 1, 3_000)


def test_only_what_is_needed_is_left() -> None:
    script = tuple(sorted((*NOISE, *CULPRITS), key=lambda decision: decision.at_ms))
    shrinker = Shrinker(fails_with_both(1, script), fails_with_both)
    shortest = shrinker.shrink()
    assert [decision.kind for decision in shortest.decisions] == [Kind.KILL, Kind.CRASH]
    assert [(decision.value, decision.count) for decision in shortest.decisions] == [(0, 1), (0, 1)]
    assert shrinker.runs < 60


def test_another_invariant_is_another_failure() -> None:
    shrinker = Shrinker(fails_with_both(1, CULPRITS), fails_with_both)
    assert len(shrinker.shrink().decisions) == 2


def test_a_run_that_held_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="seed 4 did not fail"):
        Shrinker(fails_with_both(4, NOISE), fails_with_both)
