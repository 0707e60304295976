from market_maker.core.outcomes import Outcome


def test_every_outcome_has_a_sentence_of_its_own() -> None:
    assert len({outcome.sentence for outcome in Outcome}) == len(Outcome)
