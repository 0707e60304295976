"""First quotes, requotes, and when nothing is sent."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, quoting, ready

from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.sending import SECOND_NS
from market_maker.core.events import RequestOutcome
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.pricing.volatility import Volatility
from market_maker.core.side import Side


def test_enable_sends_both_sides_at_once() -> None:
    play = ready()
    assert play.enable().lines == (
        "place c1 buy 9995 x 100",
        "place c2 sell 10005 x 100",
        "state PAUSED -> ACTIVE",
        "record c1 pending_new",
        "record c2 pending_new",
        "done",
    )


def test_nothing_is_sent_before_enable() -> None:
    play = ready()
    assert [play.evaluate().lines for _ in range(3)] == [(), (), ()]


def test_nothing_is_sent_when_nothing_changed() -> None:
    play = quoting()
    for _ in range(20):
        play.delta(((9900, 7),))
        assert play.evaluate().lines == ()


def test_an_evaluation_of_the_same_market_counts_and_keeps_what_each_level_says() -> None:
    play = quoting()
    play.evaluate()
    before = play.engine.view()
    settled = play.engine.symbol.settled
    assert settled is not None
    play.delta(((9900, 7),))
    play.evaluate()
    after = play.engine.view()
    assert play.engine.symbol.settled is settled
    assert after.verdicts == before.verdicts
    assert {verdict for _, _, verdict in after.verdicts} == {"resting"}
    assert after.counters.quotes_computed == before.counters.quotes_computed + 1


def test_after_a_fill_the_same_market_is_evaluated_in_full() -> None:
    play = quoting()
    play.evaluate()
    assert play.engine.symbol.settled is not None
    play.fill("c1", 60, "t1")
    assert play.engine.symbol.settled is None


def test_an_evaluation_waits_for_the_quote_interval() -> None:
    play = quoting()
    play.evaluate()
    play.mid(10008)
    play.after(99).delta()
    assert play.said.lines == ()
    play.after(1).delta()
    assert play.said.requests == [
        "cancel c2",
        "cancel c1",
        "place c3 sell 10014 x 99",
        "place c4 buy 10002 x 99",
    ]


def test_the_quote_interval_of_the_symbol_counts_when_it_is_longer() -> None:
    play = quoting(config=replace(CONFIG, quote_interval_ms=Decimal(250)))
    play.evaluate()
    play.mid(10008)
    assert play.tick(249).requests == []
    assert len(play.tick(1).requests) == 4


def test_the_engine_wants_to_be_woken_once_per_interval_even_without_any_event() -> None:
    play = quoting()
    play.evaluate()
    computed = play.view().counters.quotes_computed
    for expected in range(1, 6):
        wake_ns = play.engine.wake_ns
        assert wake_ns == play.now_ns + 100_000_000
        play.tick((wake_ns - play.now_ns) / 1e6)
        assert play.view().counters.quotes_computed == computed + expected


def test_a_changed_configuration_waits_for_its_turn_and_changes_the_quotes() -> None:
    play = quoting()
    play.evaluate()
    play.after(50)
    assert play.config(base_spread_bps=Decimal(30)).requests == []
    assert play.tick(50).requests == [
        "cancel c1",
        "cancel c2",
        "place c3 buy 9985 x 100",
        "place c4 sell 10015 x 100",
    ]


def test_a_resting_order_is_replaced_when_it_is_too_passive_by_more_than_the_price_threshold() -> None:
    """A bid of 9995 under a mid of 10 005 wants 9999: 4 ticks are within 5 bps, 6 are not."""
    kept, moved = quoting(), quoting()
    kept.mid(10005)
    assert "cancel c1" not in kept.evaluate().requests
    moved.mid(10007)
    assert moved.evaluate().requests[-1] == "place c4 buy 10001 x 99"
    assert "cancel c1" in moved.said.requests


def test_a_resting_order_is_replaced_when_it_gives_away_more_than_a_quarter_of_the_half_spread() -> None:
    """The half spread is 5 ticks: a bid of 9995 may be one tick inside of where it is wanted."""
    kept, moved = quoting(), quoting()
    kept.mid(9999)
    assert kept.evaluate().requests == []
    moved.mid(9998)
    assert moved.evaluate().requests == ["cancel c1", "place c3 buy 9993 x 100"]


def test_a_threshold_below_a_quarter_of_the_half_spread_holds_in_both_directions() -> None:
    play = quoting(config=replace(CONFIG, base_spread_bps=Decimal(80), price_threshold_bps=Decimal(5)))
    play.mid(10007)
    assert play.evaluate().requests[:2] == ["cancel c2", "cancel c1"]


def test_a_fill_that_moves_the_target_counts_like_a_change_of_the_mid() -> None:
    """A position of 40 % leans both sides down by 2 ticks: the bid gives away too much, the ask waits."""
    skewed = replace(CONFIG, inventory_skew_factor=Decimal(1), max_position_usdt=Decimal(1000))
    play = quoting(config=skewed)
    play.execution("t1", Side.BUY, "1000", "0.4")
    assert play.evaluate().requests == ["cancel c1", "place c3 buy 9993 x 100"]
    assert play.verdict(Side.SELL) == "resting"


def test_a_rise_of_volatility_that_moves_the_target_counts_like_a_change_of_the_mid() -> None:
    play = quoting(config=replace(CONFIG, volatility_multiplier=True))
    volatility = play.engine.symbol.volatility = Volatility()
    for second in range(900, -1, -1):
        swing = second % 2 * (1 if second < 30 else 0.01)
        volatility.update(play.now_ns - second * SECOND_NS, 1000 + swing)
    assert play.evaluate().requests[:2] == ["cancel c1", "cancel c2"]
    assert play.said.requests[2:] == ["place c3 buy 9985 x 100", "place c4 sell 10015 x 100"]


def test_an_order_with_half_of_the_target_left_is_kept_and_with_less_is_replaced() -> None:
    play = quoting()
    play.after(1).fill("c1", 50, "t1")
    assert play.evaluate().requests == []
    play.fill("c1", 1, "t2")
    assert play.evaluate().requests == ["cancel c1", "place c3 buy 9995 x 100"]


def test_a_filled_order_is_replaced() -> None:
    play = quoting()
    play.after(1).fill("c1", 100, "t1")
    assert play.evaluate().requests == ["place c3 buy 9995 x 100"]


LADDER = replace(CONFIG, num_levels=2, level_spacing_bps=Decimal(5), price_threshold_bps=Decimal(5))


def ladder(**changes: object) -> Playbook:
    """Two levels a side, all resting: c1, c2 at level 0 and c3, c4 at level 1."""
    play = active(config=replace(LADDER, **changes))  # type: ignore[arg-type]  # fields of the config
    for name in ("c1", "c2", "c3", "c4"):
        play.place_answer(name)
    return play


def test_levels_are_sent_inner_first_on_both_sides() -> None:
    assert active(config=LADDER).said.requests == [
        "place c1 buy 9995 x 100",
        "place c2 sell 10005 x 100",
        "place c3 buy 9990 x 100",
        "place c4 sell 10010 x 100",
    ]


def test_an_inner_level_that_filled_is_placed_at_its_own_price_and_the_outer_one_stays() -> None:
    play = ladder()
    play.fill("c1", 100, "t1")
    assert play.evaluate().requests == ["place c5 buy 9995 x 100"]


def test_a_level_that_is_no_longer_configured_is_cancelled() -> None:
    play = ladder()
    play.config(num_levels=1)
    assert play.evaluate().requests == ["cancel c3", "cancel c4"]


def test_an_order_on_its_way_holds_its_level() -> None:
    play = active()
    play.mid(10008)
    assert play.evaluate().requests == []
    play.place_answer("c1")
    play.place_answer("c2")
    assert play.evaluate().requests == [
        "cancel c2",
        "cancel c1",
        "place c3 sell 10014 x 99",
        "place c4 buy 10002 x 99",
    ]


def test_a_cancel_is_not_repeated_while_it_is_on_its_way() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.place_answer("c3")
    play.place_answer("c4")
    assert play.evaluate().requests == []


def test_a_cancel_that_the_exchange_had_no_time_for_is_repeated() -> None:
    play = quoting()
    play.mid(10008)
    assert play.evaluate().requests[:2] == ["cancel c2", "cancel c1"]
    play.place_answer("c3")
    play.place_answer("c4")
    play.cancel_answer("c1", RequestOutcome.RATE_LIMITED)
    play.cancel_answer("c2")
    assert play.evaluate().requests == ["cancel c1"]


def test_cancels_come_before_placements_and_requests_before_records() -> None:
    play = quoting()
    play.mid(10008)
    assert play.evaluate().lines == (
        "cancel c2",
        "cancel c1",
        "place c3 sell 10014 x 99",
        "place c4 buy 10002 x 99",
        "record c2 pending_cancel",
        "record c3 pending_new",
        "record c4 pending_new",
        "record c1 pending_cancel",
    )


# --- rate limit ------------------------------------------------------------------------------------


def test_no_sliding_second_holds_more_orders_than_allowed_and_inner_levels_go_first() -> None:
    config = replace(CONFIG, num_levels=3)
    play = active(config=config, limits=EngineLimits(max_orders_per_second=4))
    assert play.said.requests == [
        "place c1 buy 9995 x 100",
        "place c2 sell 10005 x 100",
        "place c3 buy 9990 x 100",
        "place c4 sell 10010 x 100",
    ]
    assert play.verdict(Side.BUY, 2) == play.verdict(Side.SELL, 2) == "rate_limit"
    for _ in range(9):
        assert play.evaluate().requests == []
    assert play.evaluate().requests == []
    assert play.evaluate().requests == ["place c5 buy 9985 x 100", "place c6 sell 10015 x 100"]


def test_without_a_send_left_what_is_too_aggressive_goes_and_what_is_too_passive_stays() -> None:
    play = quoting(limits=EngineLimits(max_orders_per_second=2))
    play.mid(10008)
    assert play.evaluate().requests == ["cancel c2"]
    assert play.verdict(Side.BUY) == play.verdict(Side.SELL) == "rate_limit"
    assert play.tick(901).requests == ["cancel c1", "place c3 sell 10014 x 99", "place c4 buy 10002 x 99"]


def test_a_429_pauses_placements_for_as_long_as_it_says_but_not_cancels() -> None:
    play = active()
    play.place_answer("c1")
    play.place_answer("c2", RequestOutcome.RATE_LIMITED, retry_after_ms=1000)
    assert play.said.records == ["record c2 rejected"]
    play.mid(10008)
    assert play.evaluate().requests == []
    assert play.verdict(Side.BUY) == play.verdict(Side.SELL) == "exchange_rate_limit"
    play.mid(9990)
    assert play.evaluate().requests == ["cancel c1"]
    play.mid(10008)
    assert play.tick(750).requests == []
    assert play.tick(100).requests == ["place c3 buy 10002 x 99", "place c4 sell 10014 x 99"]
    assert play.view().counters.orders_rejected == 0


# --- maker only, own bid below own ask -------------------------------------------------------------


def test_a_bid_stays_below_others_best_ask_and_an_ask_above_others_best_bid() -> None:
    play = ready(config=replace(CONFIG, base_spread_bps=Decimal(0)))
    play.snapshot(((10000, 50),), ((10001, 50),))
    assert play.enable().requests == ["place c1 buy 10000 x 99", "place c2 sell 10001 x 99"]


def test_a_long_position_leans_both_sides_down_and_a_short_one_up() -> None:
    config = replace(CONFIG, inventory_skew_factor=Decimal(1), max_position_usdt=Decimal(1000))
    long, short = Inventory(), Inventory()
    long.apply(Side.BUY, Decimal(1000), Decimal("0.4"), Decimal(0))
    short.apply(Side.SELL, Decimal(1000), Decimal("0.4"), Decimal(0))
    for inventory, bid, ask in ((long, 9993, 10003), (short, 9997, 10007)):
        play = ready(config=config, inventory=inventory)
        requests = play.enable().requests
        assert {request.split(" ", 2)[2] for request in requests} == {f"buy {bid} x 100", f"sell {ask} x 100"}


def test_a_kept_order_that_stands_in_the_way_of_the_other_side_is_cancelled_first() -> None:
    play = quoting(config=replace(CONFIG, price_threshold_bps=Decimal(200)))
    play.fill("c1", 100, "t1")
    play.mid(10012)
    assert play.evaluate().requests == ["cancel c2", "place c3 sell 10018 x 99"]
    assert play.verdict(Side.BUY) == "own_cross"
    play.cancel_answer("c2")
    assert play.evaluate().requests == ["place c4 buy 10006 x 99"]


def test_no_own_bid_is_sent_at_or_above_an_own_ask_that_is_still_being_cancelled() -> None:
    play = quoting(config=replace(CONFIG, price_threshold_bps=Decimal(0)))
    play.mid(10100)
    said = play.evaluate()
    assert said.requests == ["cancel c2", "place c3 sell 10106 x 99"]
    assert play.verdict(Side.BUY) == "own_cross"
    play.cancel_answer("c2")
    assert play.evaluate().requests == ["cancel c1", "place c4 buy 10094 x 99"]


# --- why not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"order_size_usdt": Decimal("0.5")}, "zero_quantity"),
        ({"order_size_usdt": Decimal(4)}, "below_min_notional"),
        ({"base_spread_bps": Decimal(2000)}, "price_collar"),
        ({"max_position_usdt": Decimal(5)}, "position_limit"),
    ],
)
def test_a_level_that_is_not_quoted_says_why(changes: dict[str, Decimal], verdict: str) -> None:
    config: SymbolConfig = replace(CONFIG, **changes)  # type: ignore[arg-type]  # fields of the config
    play = active(config=config)
    assert play.said.requests == []
    assert {play.verdict(Side.BUY), play.verdict(Side.SELL)} == {verdict}
    assert dict(play.view().counters.suppressed)[verdict] == 2


def test_a_level_collapsed_by_the_clamp_says_so() -> None:
    config = replace(CONFIG, num_levels=2, base_spread_bps=Decimal(0), level_spacing_bps=Decimal(0))
    play = active(config=config)
    assert play.verdict(Side.BUY, 1) == "same_price_as_inner_level"


def test_resting_and_placed_levels_say_so() -> None:
    play = active()
    assert play.verdict(Side.BUY) == "placed"
    play.place_answer("c1")
    play.place_answer("c2")
    play.evaluate()
    assert play.verdict(Side.BUY) == play.verdict(Side.SELL) == "resting"
    assert play.view().no_quote_reason == ""


def test_resting_orders_that_a_lower_position_limit_no_longer_covers_are_cancelled_outer_ones_first() -> None:
    play = quoting(config=replace(CONFIG, num_levels=2))
    play.place_answer("c3")
    play.place_answer("c4")
    play.config(max_position_usdt=Decimal(150))
    cancelled = [line for line in play.evaluate().requests if line.startswith("cancel")]
    outer = {play.engine.symbol.orders.get(play.id(line.split()[1])).level for line in cancelled}  # type: ignore[union-attr]  # just cancelled
    assert (len(cancelled), outer) == (2, {1})
    assert play.verdict(Side.BUY, 1) == "waiting_for_room"
