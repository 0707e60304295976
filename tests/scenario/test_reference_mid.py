"""The mid of the others: in thin books, with late feeds, around our own fills, and where it is in doubt."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, quoting

from market_maker.core.events import ExchangeStatus, RequestOutcome
from market_maker.core.states import State

THIN = replace(CONFIG, price_threshold_bps=Decimal(0))


def reference(play: Playbook) -> tuple[Decimal | None, bool]:
    """The reference mid and whether it is uncertain."""
    shown = play.view().reference
    return shown.mid, shown.uncertain


# --- our own orders and the book -------------------------------------------------------------------


def test_a_fill_of_ours_does_not_move_the_mid() -> None:
    play = quoting()
    play.after(10).fill("c1", 100, "t1")
    play.delta(((9995, 0),))
    play.evaluate()
    assert reference(play) == (Decimal(1000), False)


def test_others_who_take_the_place_of_our_filled_order_count_at_once() -> None:
    play = quoting()
    play.after(10).fill("c1", 100, "t1")
    play.delta(((9995, 0),))
    play.after(1).delta(((9995, 100),))
    play.evaluate()
    assert reference(play) == (Decimal(1000) + Decimal("0.75"), False)


def test_an_order_that_was_not_taken_hides_nobody() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.RATE_LIMITED, retry_after_ms=1000)
    play.place_answer("c2", RequestOutcome.REJECTED, would_cross=True)
    play.after(1).delta(((9995, 100),), ((10005, 100),))
    play.evaluate()
    assert reference(play) == (Decimal(1000), False)


def test_with_a_feed_two_seconds_late_our_orders_are_ours_when_it_shows_them() -> None:
    play = active()
    play.place_answer("c1")
    play.place_answer("c2")
    placed_ns = play.now_ns
    play.after(1999).delta(((9994, 50),), age_ms=2000)
    play.evaluate()
    assert reference(play) == (Decimal("1000.7"), False)
    play.now_ns = placed_ns
    play.after(2000).delta(((9995, 100),), age_ms=2000)
    play.delta(asks=((10005, 100),), age_ms=2000)
    play.evaluate()
    assert reference(play) == (Decimal("1000.7"), False)


def test_an_order_cancelled_long_ago_is_still_ours_in_a_book_that_is_older() -> None:
    play = quoting()
    play.after(1000).control_pause()
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    play.after(900).delta(((9970, 400),), age_ms=1500)
    play.evaluate()
    assert play.view().mid == Decimal(1000)


# --- undecided -------------------------------------------------------------------------------------


def test_before_it_is_known_whose_level_it_is_nothing_is_quoted_more_aggressively() -> None:
    play = active(config=THIN)
    play.place_answer("c2")
    play.after(1).delta(((9995, 100),))
    said = play.evaluate()
    assert (reference(play), said.requests) == ((Decimal(1000), True), [])
    play.place_answer("c1", taken_ms_ago=101)
    assert reference(play) == (Decimal(1000), False)


def test_while_undecided_the_side_that_a_certain_move_endangers_follows_it() -> None:
    play = active(config=THIN)
    play.place_answer("c2")
    play.after(1).delta(((9995, 100), (9990, 5)), ((10020, 0), (10030, 0), (10050, 5)))
    said = play.evaluate()
    assert reference(play) == (Decimal(1002), True)
    assert said.requests == ["cancel c2", "place c3 sell 10026 x 99"]


def test_the_exchange_is_asked_about_an_order_that_may_or_may_not_be_all_of_the_best_level() -> None:
    play = quoting(config=THIN)
    play.after(1).delta(((9995, 140),))
    play.evaluate()
    before = play.view().mid
    play.after(1).delta(((9995, 100),))
    assert play.evaluate().requests == ["ask c1"]
    assert reference(play)[1]
    play.query_answer("c1", ExchangeStatus.OPEN)
    assert reference(play) == (Decimal(1000), False)
    assert before == Decimal("1000.75")


def test_the_time_in_which_the_mid_was_uncertain_is_counted() -> None:
    play = active(config=THIN)
    play.place_answer("c2")
    play.after(1500).delta(((9995, 100),))
    play.evaluate()
    play.tick(30)
    play.place_answer("c1")
    counters = play.view().counters
    assert 30_000_000 <= counters.mid_uncertain_ns <= 131_000_000
    assert counters.mid_uncertain_ns < counters.active_ns


# --- signs of life ---------------------------------------------------------------------------------


def test_in_a_quiet_market_our_own_cancels_bring_no_quotes_back() -> None:
    play = quoting()
    assert play.tick(5001).requests == ["cancel c1", "cancel c2"]
    play.cancel_answer("c1")
    play.cancel_answer("c2")
    play.delta(((9995, 0),))
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    play.after(1).delta(asks=((10005, 0),))
    assert play.evaluate().requests == []
    assert (play.state, play.view().no_quote_reason) == (State.ACTIVE, "book_stale")


# --- prices that are not to be followed ------------------------------------------------------------


def test_a_mid_far_from_a_fresh_mark_is_not_quoted_from() -> None:
    play = quoting()
    play.mark("1020.5")
    assert play.evaluate().requests == ["cancel c1", "cancel c2"]
    assert (play.state, play.view().no_quote_reason) == (State.ACTIVE, "mark_divergence")


def test_a_mark_that_is_old_or_near_speaks_against_no_quote() -> None:
    play = quoting()
    play.mark("1020")
    assert play.evaluate().requests == []
    play.mark("1100", age_ms=5001)
    assert play.evaluate().requests == []


def test_an_order_too_small_to_count_steers_no_quote_but_is_not_crossed() -> None:
    play = quoting(config=replace(THIN, reference_min_notional_usdt=Decimal(50)))
    play.after(1).delta(((10004, 5),))
    said = play.evaluate()
    assert play.view().mid == Decimal(1000)
    assert said.requests == []
    assert play.view().quote is not None
    assert play.view().quote.best_bid == 10004  # type: ignore[union-attr]  # asserted the line before


def test_a_jump_from_the_book_to_the_mark_is_no_volatility() -> None:
    play = quoting(config=replace(CONFIG, volatility_multiplier=True))
    for index in range(700):
        play.delta(((9980, 500 + index),))
        play.tick(100)
    play.mark("1015")
    play.delta(((9970, 0), (9980, 0)))
    play.evaluate()
    assert play.view().reference.source == "mark"
    for index in range(5):
        play.mark("1015")
        play.delta(asks=((10_400, 500 + index),))
        play.tick(100)
    assert play.engine.symbol.volatility.factor_ppm == 1_000_000
