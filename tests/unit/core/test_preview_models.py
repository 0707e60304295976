"""A preview quotes by the model that is asked about, and changes nothing."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import quoting

SET = (("a_per_s", Decimal(140)), ("k_per_tick", Decimal("1.5")), ("sigma_ticks", Decimal(2)))


def test_a_preview_quotes_by_the_model_that_is_asked_about_and_changes_nothing() -> None:
    play = quoting()
    play.evaluate()
    before = play.view()
    seen = play.engine.preview(replace(CONFIG, model="glft", model_parameters=SET))
    assert seen.quote is not None
    assert (seen.quote.bids[0].price_ticks, seen.quote.asks[0].price_ticks) == (9999, 10001)
    assert play.view() == before
    assert play.engine.symbol.model_quotes is None


def test_a_preview_of_a_model_without_figures_is_by_the_default_and_says_why() -> None:
    play = quoting()
    play.evaluate()
    seen = play.engine.preview(replace(CONFIG, model="glft"))
    assert seen.quote is not None
    assert seen.quote.reasoning is not None
    assert "nothing has been seen" in seen.quote.reasoning.why_not
