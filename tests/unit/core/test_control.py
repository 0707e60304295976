"""Details of control that the scenarios of states do not show."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, quoting, ready

from market_maker.core.engine.control import activation_problems
from market_maker.core.states import Cause


def test_a_problem_says_what_was_measured_and_what_would_be_allowed() -> None:
    play = ready()
    play.lag(12_000, "md.mark.v1")
    (problem,) = activation_problems(play.engine.symbol, resume=False)
    assert problem.detail.startswith("messages are read too late")
    assert problem.detail.endswith(": measured md.mark.v1 12.000 s, allowed 10.000 s")


def test_an_active_symbol_has_no_problem_with_its_own_orders() -> None:
    assert activation_problems(quoting().engine.symbol, resume=True) == ()


def test_looking_for_problems_changes_nothing() -> None:
    play = Playbook()
    before = play.view()
    activation_problems(play.engine.symbol, resume=True)
    assert play.view() == before


def test_a_reason_that_nobody_gave_is_the_cause_itself() -> None:
    play = active()
    assert play.view().state_reason == "enable"
    play.control(Cause.PAUSE)
    assert play.view().state_reason == "pause"


def test_a_smaller_position_limit_counts_from_the_next_fill_on() -> None:
    play = quoting()
    play.fill("c1", 50, "t1")
    assert play.config(max_position_usdt=Decimal(49)).risks == []
    assert len(play.evaluate().risks) == 1


def test_a_configuration_change_reaches_all_that_depends_on_it() -> None:
    play = quoting()
    play.config(quote_interval_ms=Decimal(400), check_staleness=True, staleness_threshold_ms=Decimal(700))
    symbol = play.engine.symbol
    assert (symbol.interval_ns, symbol.staleness_ns) == (400_000_000, 700_000_000)
    assert symbol.config == replace(
        CONFIG,
        quote_interval_ms=Decimal(400),
        check_staleness=True,
        staleness_threshold_ms=Decimal(700),
    )
