"""What the market data does to the quotes: staleness, gaps, one-sided books, our own orders, a new grid."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, proven, quoting, ready

from market_maker.core.events import BookInvalid, InstrumentUpdated
from market_maker.core.instrument import InstrumentStatus
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State


def test_a_stale_book_cancels_the_quotes_and_a_fresh_one_brings_them_back() -> None:
    play = quoting()
    assert play.tick(5000).requests == []
    assert play.tick(0.001).requests == ["cancel c1", "cancel c2"]
    assert (play.state, play.view().no_quote_reason) == (State.ACTIVE, "book_stale")
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    assert play.evaluate().requests == []
    play.delta(((9900, 1),))
    assert play.evaluate().requests == ["place c3 buy 9995 x 100", "place c4 sell 10005 x 100"]


def test_the_symbols_own_staleness_limit_counts_only_when_it_is_switched_on() -> None:
    off = quoting(config=replace(CONFIG, staleness_threshold_ms=Decimal(300)))
    assert off.tick(4000).requests == []
    on = quoting(config=replace(CONFIG, staleness_threshold_ms=Decimal(300), check_staleness=True))
    assert on.tick(300).requests == []
    assert on.tick(0.001).requests == ["cancel c1", "cancel c2"]


def test_the_services_staleness_limit_always_counts() -> None:
    play = quoting(config=replace(CONFIG, staleness_threshold_ms=Decimal(60_000), check_staleness=True))
    assert play.tick(5001).requests == ["cancel c1", "cancel c2"]


def test_staleness_is_noticed_in_time_however_long_the_quote_interval_is() -> None:
    play = quoting(config=replace(CONFIG, quote_interval_ms=Decimal(60_000)))
    assert play.engine.wake_ns <= play.now_ns + 5_000_000_001
    play.now_ns = play.engine.wake_ns
    assert play.tick().requests == ["cancel c1", "cancel c2"]
    assert play.engine.wake_ns > play.now_ns


def test_old_data_does_not_become_fresh_by_arriving_now() -> None:
    play = ready()
    play.snapshot(age_ms=5001)
    assert play.enable().reply == "refused: STALE_BOOK"


def test_a_gap_cancels_at_once_and_waits_for_a_snapshot() -> None:
    play = quoting()
    play.evaluate()
    play.after(1).delta(prev=77)
    assert play.said.requests == ["cancel c1", "cancel c2"]
    assert "notice book_invalid" in play.said.lines
    view = play.view()
    assert (view.no_quote_reason, view.book.valid, view.counters.book_gaps) == ("book_invalid", False, 1)
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    play.delta()
    assert play.evaluate().requests == []
    play.snapshot()
    assert play.evaluate().requests == ["place c3 buy 9995 x 100", "place c4 sell 10005 x 100"]


def test_a_crossed_book_cancels_at_once() -> None:
    play = quoting()
    assert play.delta(((10030, 5),)).requests == ["cancel c1", "cancel c2"]
    assert "crossed" in play.view().book.invalid_reason


def test_a_message_that_cannot_describe_a_book_cancels_at_once() -> None:
    play = quoting()
    assert play.delta(((9900, -5),)).requests == ["cancel c1", "cancel c2"]
    again = quoting()
    assert again.snapshot(((9980, 5), (9980, 6)), ((10020, 5),)).requests == ["cancel c1", "cancel c2"]


def test_an_unreadable_or_off_grid_message_cancels_at_once_and_is_reported_once() -> None:
    play = quoting()
    play.when(BookInvalid(play.now_ns, "off grid"))
    assert play.said.requests == ["cancel c1", "cancel c2"]
    assert "notice book_invalid" in play.said.lines
    play.when(BookInvalid(play.now_ns, "off grid"))
    assert play.said.lines == ()


def test_an_order_acknowledged_after_the_quotes_were_withdrawn_is_cancelled_at_once() -> None:
    play = active()
    play.delta(prev=77)
    assert play.said.requests == []
    assert play.place_answer("c1").requests == ["cancel c1"]


def test_a_duplicate_delta_changes_nothing() -> None:
    play = quoting()
    before = play.view().book
    play.delta(((9999, 5),), prev=play.sequence - 1)
    assert play.view().book == before


# --- the reference mid -----------------------------------------------------------------------------


def one_sided(play: Playbook) -> None:
    play.snapshot(((9980, 500),), ())


def test_a_one_sided_book_is_quoted_from_the_mark_then_the_last_trade_then_not_at_all() -> None:
    play = quoting()
    one_sided(play)
    play.mark("1002")
    play.trade("998", age_ms=-3000)
    play.evaluate()
    assert play.view().reference.source == "mark"
    assert play.view().mid == Decimal(1002)
    play.after(5001).snapshot(((9980, 500),), (), age_ms=0)
    play.evaluate()
    assert play.view().reference.source == "last_trade"
    assert play.view().mid == Decimal(998)


def traded_by_others(play: Playbook, price: str = "998") -> None:
    """One side of the book is empty, and the last trade of others stands for it."""
    one_sided(play)
    play.trade(price, trade_id="others")
    play.evaluate()
    assert (play.view().reference.source, play.view().mid) == ("last_trade", Decimal(price))


def test_our_own_trade_told_after_our_execution_moves_no_mid() -> None:
    play = quoting()
    traded_by_others(play)
    play.execution("ours", Side.BUY, "1010", "0.001")
    play.trade("1010", trade_id="ours")
    play.evaluate()
    assert play.view().mid == Decimal(998)


def test_our_own_trade_told_before_our_execution_is_taken_back() -> None:
    play = quoting()
    traded_by_others(play)
    play.trade("1010", trade_id="ours")
    play.evaluate()
    assert play.view().mid == Decimal(1010)
    play.execution("ours", Side.BUY, "1010", "0.001")
    play.evaluate()
    assert play.view().mid == Decimal(998)


def test_without_a_trade_of_others_our_own_is_no_reason_to_quote() -> None:
    play = quoting()
    one_sided(play)
    play.trade("999.5", trade_id="t1")
    play.fill("c1", 100, "t1")
    play.evaluate()
    assert play.view().no_quote_reason == "no_reference_mid"


def test_a_trade_at_the_price_of_an_order_of_ours_counts_only_once_all_its_fills_are_known() -> None:
    play = quoting()
    traded_by_others(play, "999.6")
    play.trade("999.5", trade_id="whose")
    play.evaluate()
    assert play.view().mid == Decimal("999.6")
    play.stream_cancelled("c1")
    play.evaluate()
    assert play.view().mid == Decimal("999.5")


def test_an_order_sent_after_a_trade_casts_no_doubt_on_it() -> None:
    play = ready()
    play.trade("999.5", trade_id="before")
    play.tick(1)
    play.enable()
    one_sided(play)
    play.evaluate()
    assert (play.view().reference.source, play.view().mid) == ("last_trade", Decimal("999.5"))


def test_a_run_of_our_own_trades_leaves_the_last_one_of_others() -> None:
    play = quoting()
    traded_by_others(play)
    for number in range(10):
        play.trade("1010", trade_id=f"ours{number}")
    for number in range(10):
        play.execution(f"ours{number}", Side.SELL, "1010", "0.001")
    play.evaluate()
    assert play.view().mid == Decimal(998)


def test_a_one_sided_book_without_mark_or_trade_is_not_quoted() -> None:
    play = quoting()
    one_sided(play)
    assert play.evaluate().requests == ["cancel c1", "cancel c2"]
    assert play.view().no_quote_reason == "no_reference_mid"


def test_a_maker_alone_in_a_book_does_not_follow_itself() -> None:
    play = active(config=replace(CONFIG, price_threshold_bps=Decimal(0), inventory_skew_factor=Decimal(2)))
    play.place_answer("c1")
    play.place_answer("c2")
    play.snapshot(((9995, 100),), ((10005, 100),))
    assert play.evaluate().requests == ["cancel c1", "cancel c2"]
    assert play.view().no_quote_reason == "no_reference_mid"


def test_own_orders_do_not_move_the_mid_but_others_at_the_same_price_do() -> None:
    play = quoting()
    play.evaluate()
    assert play.view().mid == Decimal(1000)
    play.delta(((9995, 100 + 50),))
    play.evaluate()
    assert play.view().mid == Decimal("1000.75")


def test_an_order_that_left_does_not_count_as_others_before_the_book_shows_it_gone() -> None:
    play = quoting()
    play.mid(10050)
    play.delta(((9995, 100),), ((10055, 100),))
    play.evaluate()
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    play.snapshot(((9995, 100), (9980, 500)), ((10120, 500),), age_ms=1)
    play.evaluate()
    assert play.view().mid == Decimal(1005)


def test_the_mid_follows_the_market_while_paused_so_that_operators_see_todays_value() -> None:
    play = ready()
    play.after(100)
    play.mid(10500)
    assert play.view().mid == Decimal(1050)


# --- instruments -----------------------------------------------------------------------------------


def test_a_book_that_waited_since_before_the_grid_changed_is_in_no_ticks_that_count() -> None:
    play = ready()
    play.after(10).grid(tick_size=Decimal("0.2"))
    assert play.engine.symbol.instrument.tick_size == Decimal("0.2")
    before = play.view().mid
    play.now_ns -= 5_000_000
    play.snapshot(((9990, 5),), ((10010, 5),))
    assert (play.view().mid, play.view().book.valid) == (before, False)


def test_a_new_tick_size_cancels_waits_until_all_is_settled_and_requotes_on_the_new_grid() -> None:
    play = quoting()
    said = play.grid(tick_size=Decimal("0.01"))
    assert said.requests == ["cancel all", "cancel c1", "cancel c2"]
    assert (play.state, play.view().no_quote_reason) == (State.ACTIVE, "grid_changing")
    play.snapshot(((99800, 500),), ((100200, 500),))
    assert play.evaluate().placed == []
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    assert play.engine.symbol.instrument.tick_size == Decimal("0.1")
    play.cancel_answer("c2")
    play.stream_cancelled("c2")
    assert play.engine.symbol.instrument.tick_size == Decimal("0.01")
    play.cancel_all_answer()
    play.open_orders()
    assert play.evaluate().requests == ["place c3 buy 99950 x 100", "place c4 sell 100050 x 100"]
    play.place_answer("c3")
    play.place_answer("c4")
    for _ in range(50):
        assert [line for line in play.evaluate().requests if line.startswith("cancel")] == []
        play.delta()


def test_nothing_is_placed_while_the_market_is_still_being_cleared() -> None:
    play = quoting()
    play.grid(tick_size=Decimal("0.01"))
    for name in ("c1", "c2"):
        play.stream_cancelled(name)
    play.snapshot(((99800, 500),), ((100200, 500),))
    assert play.evaluate().placed == []
    assert play.view().no_quote_reason == "clearing"


def test_a_new_grid_does_not_look_like_a_price_jump() -> None:
    play = quoting(config=replace(CONFIG, volatility_multiplier=True))
    for step in range(700):
        play.after(100)
        play.mid(10000 + step % 2)
    factor = play.engine.symbol.volatility.factor_ppm
    play.grid(tick_size=Decimal("0.01"))
    for order in play.unsettled():
        play.stream_cancelled(order)
    proven(play)
    play.mid(100000)
    play.after(100)
    play.mid(100010)
    assert play.engine.symbol.volatility.factor_ppm < 2 * factor


def test_a_new_grid_keeps_the_value_of_the_position() -> None:
    play = quoting()
    play.fill("c1", 100, "t1")
    play.evaluate()
    before = play.view().pnl
    play.grid(tick_size=Decimal("0.01"))
    for order in play.unsettled():
        play.stream_cancelled(order)
    assert play.engine.symbol.instrument.tick_size == Decimal("0.01")
    assert play.view().pnl == before


def test_a_grid_that_changes_back_before_it_was_adopted_is_not_adopted_later() -> None:
    play = quoting()
    play.grid(tick_size=Decimal("0.01"))
    play.grid(tick_size=Decimal("0.1"))
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    proven(play)
    play.evaluate()
    assert play.engine.symbol.instrument == play.instrument


def test_old_metadata_is_ignored() -> None:
    play = quoting()
    play.grid(min_notional=Decimal(6))
    current = play.engine.symbol.instrument
    old = replace(current, tick_size=Decimal("0.5"), version=current.version - 1)
    assert play.when(InstrumentUpdated(play.now_ns, old)).lines == ()
    assert play.engine.symbol.instrument == current


def test_a_halt_kills_while_active_and_only_refuses_enable_while_paused() -> None:
    play = quoting()
    said = play.grid(status=InstrumentStatus.HALTED, reason="news")
    assert [risk.reason for risk in said.risks] == [KillReason.MARKET_HALT]
    assert "news" in said.risks[0].measured
    paused = ready()
    paused.grid(status=InstrumentStatus.HALTED)
    assert paused.state is State.PAUSED
    assert paused.enable().reply == "refused: MARKET_HALT"
    paused.grid(status=InstrumentStatus.TRADING)
    assert paused.enable().reply == "done"


def test_a_halted_symbol_ignores_market_data() -> None:
    play = quoting()
    play.kill()
    play.mid(12000)
    play.mark("1200")
    play.trade("1200")
    view = play.view()
    assert (view.mid, view.book.valid) == (Decimal(1000), False)


def test_a_flattened_symbol_keeps_following_the_market() -> None:
    play = quoting()
    play.control(Cause.FLATTEN)
    play.mid(10100)
    play.evaluate()
    assert play.view().mid == Decimal(1010)
