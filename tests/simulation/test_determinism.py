"""A run is a function of its seed and its decisions, and of nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.decisions import Decision, Kind, Operation, parse_script
from simulation.plan import FAULTY_MS, plan_of, script_of
from simulation.runner import run, run_seed

SEED = 8
ROOT = Path(__file__).parents[2]
PRINT_DIGEST = f"""
from simulation.runner import run_seed
result = run_seed({SEED})
print(result.steps, result.virtual_ns, sorted(result.coverage.counts.items()))
"""


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = run_seed(SEED), run_seed(SEED)
    assert first.violation is None
    assert first.coverage.counts == second.coverage.counts
    assert (first.steps, first.virtual_ns) == (second.steps, second.virtual_ns)


def test_a_run_does_not_depend_on_the_hash_seed_of_the_process() -> None:
    def digest(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", PRINT_DIGEST]
        return subprocess.run(
            command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout

    assert digest("1") == digest("2") != ""


def test_other_decisions_give_another_run_of_the_same_seed() -> None:
    quiet = run(SEED, ())
    killed = run(SEED, (Decision(3_000, Kind.KILL),))
    assert quiet.violation is None
    assert killed.violation is None
    assert quiet.coverage.counts["kill:MANUAL"] == 0
    assert killed.coverage.counts["kill:MANUAL"] == 1


def test_a_run_without_faults_quotes_and_fills_and_kills_nothing() -> None:
    result = run(SEED, ())
    assert result.violation is None
    assert result.coverage.counts["fill"] > 0
    assert not [name for name in result.coverage.counts if name.startswith("kill:")]


@pytest.mark.parametrize("seed", range(20))
def test_a_script_survives_being_printed(seed: int) -> None:
    script = script_of(seed)
    assert parse_script("\n".join(decision.line() for decision in script)) == script


def test_a_scripts_decisions_are_in_order_and_within_the_faulty_time() -> None:
    for seed in range(50):
        times = [decision.at_ms for decision in script_of(seed)]
        assert times == sorted(times)
        assert all(0 < at_ms < FAULTY_MS for at_ms in times)
        assert plan_of(seed).configs


def test_a_line_that_is_no_decision_is_refused_with_its_text() -> None:
    with pytest.raises(ValueError, match="decision '5 sing 0 place 0 1'"):
        parse_script("# a comment\n\n5 sing 0 place 0 1\n")


def test_empty_lines_and_comments_are_skipped() -> None:
    expected = Decision(7, Kind.REFUSE, 1, Operation.CANCEL, 2, 3)
    assert parse_script("# a comment\n\n7 refuse 1 cancel 2 3\n") == (expected,)
