"""What a requote sends, in which turn, and what it leaves in the market."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, quoting, ready

from market_maker.core.config import EngineLimits
from market_maker.core.events import RequestOutcome
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side

FIVE = replace(CONFIG, num_levels=5, level_spacing_bps=Decimal(10))
"""Around 1000.0 bids at 9995, 9985 ... 9955, asks at 10005 ... 10045."""
QUICK = EngineLimits(max_orders_per_second=100)


def resting(**given: object) -> Playbook:
    """ACTIVE, and everything that was sent rests."""
    play = active(**given)
    for name in play.names:
        play.place_answer(name)
    return play


def long(lots: int) -> Inventory:
    """A position of so many lots, bought at 1000.0."""
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(1000), Decimal(lots).scaleb(-3), Decimal(0))
    return inventory


def sides(play: Playbook) -> str:
    """The sides of the new orders of the latest step: b and s."""
    return "".join(placed.order.side.value[0].lower() for placed in play.said.placed)


# --- by price --------------------------------------------------------------------------------------


def test_a_move_by_one_spacing_cancels_two_orders_and_places_two() -> None:
    play = resting(config=FIVE, limits=QUICK)
    play.mid(10010)
    requests = play.evaluate().requests
    assert [line for line in requests if line.startswith("cancel")] == ["cancel c2", "cancel c9"]
    assert [line.split(" ", 2)[2] for line in requests if line.startswith("place")] == [
        "buy 10004 x 99",
        "sell 10056 x 99",
    ]


def test_orders_that_stay_are_shown_at_the_levels_that_they_serve_now() -> None:
    play = resting(config=FIVE, limits=QUICK)
    play.mid(10010)
    play.evaluate()
    levels = {order.price: order.level for order in play.view().orders if order.side is Side.SELL}
    assert levels[Decimal("1001.5")] == 0
    assert levels[Decimal("1004.5")] == 3


# --- what waits ------------------------------------------------------------------------------------


def test_an_order_that_is_too_passive_stays_until_its_replacement_is_sent() -> None:
    play = resting(config=FIVE, limits=EngineLimits(max_orders_per_second=10))
    play.mid(10010)
    assert play.evaluate().requests == ["cancel c2"]
    assert play.verdict(Side.BUY, 0) == "rate_limit"
    outer = next(order for order in play.view().orders if order.price == Decimal("995.5"))
    assert outer.level == 0
    assert "cancel c9" in play.tick(901).requests


def test_of_several_that_wait_the_outermost_goes_first() -> None:
    play = resting(config=FIVE, limits=EngineLimits(max_orders_per_second=11))
    play.mid(10008)
    assert play.evaluate().requests == ["cancel c2", "cancel c9", "place c11 buy 10002 x 99"]


def test_an_order_whose_replacement_is_refused_stays() -> None:
    play = quoting(config=replace(CONFIG, price_threshold_bps=Decimal(0)))
    play.mid(10100)
    play.evaluate()
    assert play.verdict(Side.BUY) == "own_cross"
    assert Decimal("999.5") in {order.price for order in play.view().orders}


# --- turns -----------------------------------------------------------------------------------------


def test_with_one_order_a_second_both_sides_come_into_the_market() -> None:
    play = active(config=FIVE, limits=EngineLimits(max_orders_per_second=1))
    sent = sides(play)
    for _ in range(5):
        play.place_answer(play.names[-1])
        play.snapshot()
        play.tick(1001)
        sent += sides(play)
    assert sent == "bsbsbs"


def test_what_reduces_the_position_is_sent_first() -> None:
    play = ready(config=FIVE, limits=EngineLimits(max_orders_per_second=4), inventory=long(250))
    play.enable()
    assert sides(play) == "sssb"


def test_the_side_that_has_nothing_in_the_market_is_sent_before_the_other_gets_more() -> None:
    play = resting(config=FIVE, limits=EngineLimits(max_orders_per_second=4))
    play.stream_cancelled("c2")
    play.stream_cancelled("c4")
    play.stream_cancelled("c1")
    play.tick(1001)
    assert sides(play) == "sbsb"


def test_a_send_that_was_refused_by_the_exchange_does_not_starve_the_other_side() -> None:
    play = active(limits=EngineLimits(max_orders_per_second=1))
    play.place_answer("c1", RequestOutcome.REJECTED, would_cross=True)
    play.tick(1001)
    assert sides(play) == "s"


# --- the position limit ----------------------------------------------------------------------------

NEAR = replace(CONFIG, max_position_usdt=Decimal(1000))


def test_an_order_that_would_pass_the_limit_less_its_headroom_is_made_smaller() -> None:
    play = ready(config=NEAR, inventory=long(900))
    assert play.enable().requests == ["place c1 sell 10005 x 100", "place c2 buy 9995 x 50"]


def test_where_less_than_the_minimum_notional_is_left_only_what_reduces_is_quoted() -> None:
    play = ready(config=NEAR, inventory=long(946))
    assert play.enable().requests == ["place c1 sell 10005 x 100"]
    assert play.verdict(Side.BUY) == "position_limit"


def test_without_headroom_the_whole_limit_may_be_used() -> None:
    play = ready(config=replace(NEAR, position_headroom_pct=Decimal(0)), inventory=long(900))
    assert "place c2 buy 9995 x 100" in play.enable().requests


def test_a_full_position_survives_a_small_rise_and_goes_on_reducing() -> None:
    play = ready(config=NEAR, inventory=long(950))
    play.enable()
    play.place_answer("c1")
    play.mid(10050)
    assert play.evaluate().requests == ["cancel c1", "place c2 sell 10056 x 99"]
    assert play.view().kill is None


def test_an_order_made_smaller_stays_through_small_moves_of_the_price() -> None:
    play = ready(config=NEAR, inventory=long(900))
    play.enable()
    play.place_answer("c1")
    play.place_answer("c2")
    for mid in (10001, 10003, 10001, 9999, 10002, 10003):
        play.mid(mid)
        assert "c2" not in " ".join(play.evaluate().requests)


def test_a_resting_order_stays_until_half_of_the_headroom_is_used_up() -> None:
    """1000 less 2.5 %: 900 lots and 50 more are worth 974.7 at 1026.0 and 977 at 1028.4."""
    config = replace(NEAR, price_threshold_bps=Decimal(500))
    play = ready(config=config, inventory=long(900))
    play.enable()
    play.place_answer("c1")
    play.place_answer("c2")
    play.mid(10260)
    assert "cancel c2" not in play.evaluate().requests
    play.mid(10284)
    assert "cancel c2" in play.evaluate().requests


def test_where_the_limit_has_no_room_for_both_the_old_order_goes_first_and_its_level_says_so() -> None:
    play = ready(config=replace(NEAR, max_position_usdt=Decimal(106)))
    play.enable()
    play.place_answer("c1")
    play.place_answer("c2")
    play.mid(10010)
    assert play.evaluate().requests == ["cancel c2", "cancel c1"]
    assert play.verdict(Side.BUY) == play.verdict(Side.SELL) == "waiting_for_room"
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    assert play.evaluate().requests == ["place c3 buy 10004 x 99"]


def test_no_room_is_made_while_no_order_may_be_sent() -> None:
    limits = EngineLimits(max_orders_per_second=2)
    play = ready(config=replace(NEAR, max_position_usdt=Decimal(106)), limits=limits)
    play.enable()
    play.place_answer("c1")
    play.place_answer("c2")
    play.mid(10010)
    assert play.evaluate().requests == ["cancel c2"]
    assert play.verdict(Side.BUY) == "rate_limit"


def test_after_an_inner_fill_an_outer_order_makes_room_for_the_inner_level() -> None:
    config = replace(FIVE, num_levels=2, max_position_usdt=Decimal(216))
    play = resting(config=config, limits=QUICK)
    play.fill("c1", 100, "t1")
    assert play.evaluate().requests == ["cancel c3"]
    assert play.verdict(Side.BUY, 0) == "waiting_for_room"
    play.cancel_answer("c3")
    play.stream_cancelled("c3")
    assert play.evaluate().requests == ["place c5 buy 9995 x 100"]


# --- every limit that a new order is held to -------------------------------------------------------


def test_an_order_that_is_too_large_goes_when_the_order_size_is_lowered() -> None:
    play = quoting()
    play.config(order_size_usdt=Decimal(9))
    assert play.evaluate().requests == [
        "cancel c1",
        "cancel c2",
        "place c3 buy 9995 x 9",
        "place c4 sell 10005 x 9",
    ]


def test_an_order_that_a_lower_order_size_still_allows_stays() -> None:
    play = quoting()
    play.config(order_size_usdt=Decimal(11))
    assert play.evaluate().requests == []


def test_a_resting_order_outside_the_collar_goes_however_large_the_threshold() -> None:
    play = resting(config=replace(CONFIG, price_threshold_bps=Decimal(900)), limits=QUICK)
    play.mid(10500)
    assert "cancel c1" not in play.evaluate().requests
    play.mid(10530)
    assert "cancel c1" in play.evaluate().requests
