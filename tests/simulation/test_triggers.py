"""What a symbol must halt on is asked for no earlier than the specification does."""

from simulation.decisions import Decision, Kind
from simulation.runner import run

SEED = 4079456511
LIMIT_IS_LOWERED_AND_THE_STREAM_REPEATED = (
    Decision(2_122, Kind.EMPTY_SIDE),
    Decision(2_130, Kind.CONFIG),
    Decision(2_186, Kind.STREAM_REWIND),
)
"""Between two evaluations: the position is beyond the new limit, and an old fill is heard of once more."""


def test_a_repeated_fill_under_a_limit_that_was_lowered_is_left_to_the_next_evaluation() -> None:
    result = run(SEED, LIMIT_IS_LOWERED_AND_THE_STREAM_REPEATED)
    assert result.coverage.counts["stream_rewind"] == 1
    assert result.violation is None
