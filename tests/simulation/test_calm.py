"""The calm at the end of a run begins with a process that stays."""

from simulation.decisions import Decision, Kind
from simulation.runner import run

SEED = 6
"""One symbol, and a desk that looks every 600 ms."""
SLOW_TO_END = (
    Decision(13_300, Kind.KILL),
    Decision(13_450, Kind.STALL, value=1_500),
    Decision(13_500, Kind.TERMINATE, value=2_500),
)
"""Nothing is left to clear while the process is being stopped; the next one begins after 17.4 s, HALTED."""


def test_a_process_that_is_being_stopped_is_not_the_one_that_comes_to_rest() -> None:
    result = run(SEED, SLOW_TO_END)
    assert result.coverage.counts["stopped_in_order"] == 1
    assert result.violation is None
