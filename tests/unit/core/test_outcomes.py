import pytest

from market_maker.core.outcomes import Outcome, outcome_of
from market_maker.core.quoting import Verdict
from market_maker.core.risk import Refusal


@pytest.mark.parametrize("stopped", [*Verdict, *Refusal], ids=lambda one: str(one.value))
def test_whatever_stops_a_level_is_of_one_vocabulary(stopped: Verdict | Refusal) -> None:
    assert outcome_of(stopped.value) is not None


def test_what_an_evaluation_notes_is_of_the_same() -> None:
    for code in ("no_reference_mid", "grid_changing", "clearing"):
        assert outcome_of(code) is not None


def test_every_outcome_has_a_sentence_of_its_own() -> None:
    assert len({outcome.sentence for outcome in Outcome}) == len(Outcome)
