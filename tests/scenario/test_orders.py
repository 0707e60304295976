"""What became of an order: certain answers, uncertain ones, late ones, repeated ones, none at all."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG
from tests.support.playbook import active, proven, quoting

from market_maker.core.commands import OrderStatus
from market_maker.core.config import EngineLimits
from market_maker.core.events import ExchangeStatus, OrderEventKind, RequestOutcome
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State


def test_an_acknowledged_order_rests() -> None:
    play = active()
    assert play.place_answer("c1").lines == ("record c1 open",)
    assert play.view().orders[0].order_id == "x1"


def test_the_stream_may_acknowledge_before_the_answer_does() -> None:
    play = active()
    assert play.stream("c1", OrderEventKind.ACCEPTED).records == ["record c1 open"]
    assert play.place_answer("c1").lines == ()


def test_an_answer_that_comes_twice_changes_nothing() -> None:
    play = active()
    play.place_answer("c1")
    assert play.place_answer("c1").lines == ()


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (RequestOutcome.TIMEOUT, KillReason.RESPONSE_TIMEOUT),
        (RequestOutcome.STALLED, KillReason.EVENT_LOOP_STALL),
        (RequestOutcome.UNCERTAIN, KillReason.ORDER_UNCERTAIN),
    ],
)
def test_an_uncertain_placement_makes_the_order_unknown_kills_asks_and_cancels(
    outcome: RequestOutcome, reason: KillReason
) -> None:
    play = active()
    play.place_answer("c1")
    said = play.place_answer("c2", outcome, ended=False)
    assert said.requests == ["cancel all", "cancel c1", "ask c2"]
    assert [risk.reason for risk in said.risks] == [reason]
    assert play.state is State.HALTED
    assert play.status("c2") is OrderStatus.UNKNOWN
    assert play.view().unknown_orders == 1


def test_a_late_answer_after_an_unknown_gives_the_id_and_the_order_is_cancelled() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    assert play.after(20).place_answer("c1").requests == ["cancel c1"]
    assert play.status("c1") is OrderStatus.PENDING_CANCEL


def test_a_late_rejection_after_an_unknown_ends_the_order() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    assert play.place_answer("c1", RequestOutcome.REJECTED).records == ["record c1 rejected"]
    assert play.unsettled() == ["c2"]


def test_no_amount_of_time_makes_an_unknown_order_final() -> None:
    play = active()
    play.place_answer("c2")
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    play.stream_cancelled("c2")
    for _ in range(100):
        play.query_answer("c1", None)
        play.cancel_all_answer()
        play.open_orders()
        play.tick(5000)
    assert play.status("c1") is OrderStatus.UNKNOWN
    assert play.view().proven_zero_at_ns is None
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 100


def test_an_unknown_order_ends_when_the_exchange_denies_it_twice_after_its_request_was_over() -> None:
    play = active()
    play.place_answer("c2")
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    play.query_answer("c1", None)
    play.place_answer("c1", RequestOutcome.UNCERTAIN)
    assert play.query_answer("c1", None).records == []
    play.tick(499)
    assert play.query_answer("c1", None).records == []
    play.tick(1)
    assert play.query_answer("c1", None).records == ["record c1 rejected"]


def test_denials_count_from_when_they_were_asked_for_and_not_from_when_they_were_read() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.UNCERTAIN)
    play.query_answer("c1", None)
    play.after(1500)
    assert play.query_answer("c1", None, asked_ms_ago=1490).records == []
    assert play.query_answer("c1", None, asked_ms_ago=1000).records == ["record c1 rejected"]


def test_an_order_that_the_stream_has_accepted_is_not_gone_by_an_older_denial() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.UNCERTAIN)
    play.query_answer("c1", None)
    play.after(1500)
    assert "cancel c1" in play.stream("c1", OrderEventKind.ACCEPTED).requests
    assert play.query_answer("c1", None, asked_ms_ago=600).records == []
    assert play.status("c1") is OrderStatus.PENDING_CANCEL


def test_an_order_that_a_late_answer_has_accepted_is_not_gone_by_an_older_denial() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    play.stream("c1", OrderEventKind.ACCEPTED)
    play.query_answer("c1", None)
    play.after(1500).place_answer("c1")
    assert play.query_answer("c1", None, asked_ms_ago=600).records == []


def test_an_order_accepted_after_we_believed_it_never_arrived_is_found_and_cancelled() -> None:
    play = active()
    play.place_answer("c2")
    lost = play.at_exchange("c1")
    play.place_answer("c1", RequestOutcome.UNCERTAIN)
    play.query_answer("c1", None)
    play.tick(500)
    play.query_answer("c1", None)
    play.stream_cancelled("c2")
    proven(play)
    assert play.view().proven_zero_at_ns is not None
    said = play.stream("c1", OrderEventKind.ACCEPTED)
    assert said.requests == ["list open orders"]
    assert play.view().proven_zero_at_ns is None
    said = play.after(1).open_orders(lost)
    assert said.requests == ["cancel all", "cancel c1"]
    assert "notice orphan_order" in said.lines
    assert play.view().open_orders_at_exchange is None
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    proven(play)
    assert play.view().proven_zero_at_ns == play.now_ns


def test_a_late_acceptance_over_http_after_we_believed_it_gone_is_looked_into_too() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.REJECTED)
    assert play.place_answer("c1").requests == ["list open orders"]


def test_a_suspicion_while_the_list_is_on_its_way_asks_once_more_after_it() -> None:
    play = quoting()
    assert "list open orders" in play.tick(30_000).requests
    play.execution("t9", Side.BUY, "999.5", "0.001", order_id="stranger")
    assert "list open orders" not in play.said.requests
    assert "list open orders" in play.open_orders().requests


def test_an_order_in_the_list_that_ended_meanwhile_is_not_found_again() -> None:
    play = quoting()
    play.control_pause()
    listed = play.at_exchange("c1")
    play.after(10)
    play.stream_cancelled("c1")
    said = play.open_orders(listed, asked_ms_ago=5)
    assert "notice orphan_order" not in said.lines
    assert play.unsettled() == ["c2"]


def test_a_strange_order_of_our_account_is_cancelled_and_counts_until_it_is_gone() -> None:
    play = quoting()
    stranger = replace(play.at_exchange("c1"), order_id="x77", client_order_id="old")
    said = play.open_orders(stranger, play.at_exchange("c1"), play.at_exchange("c2"))
    assert said.requests == ["cancel old"]
    assert play.state is State.ACTIVE
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 200
    play.cancel_answer("old", RequestOutcome.RATE_LIMITED)
    assert play.tick(100).requests == ["cancel old"]


def test_an_order_that_is_missing_in_the_list_is_asked_about_but_not_cancelled_when_it_rests() -> None:
    play = quoting()
    play.after(1)
    assert play.open_orders(play.at_exchange("c2")).requests == ["ask c1"]
    assert play.query_answer("c1", ExchangeStatus.OPEN).lines == ()


# --- rejections ------------------------------------------------------------------------------------


def test_a_rejection_is_final_and_the_level_is_tried_again() -> None:
    play = active()
    assert play.place_answer("c1", RequestOutcome.REJECTED).records == ["record c1 rejected"]
    assert play.evaluate().requests == ["place c3 buy 9995 x 100"]
    assert play.view().counters.orders_rejected == 1


def test_a_rejection_told_twice_counts_once() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.REJECTED)
    play.stream("c1", OrderEventKind.REJECTED, "no margin")
    assert play.view().counters.orders_rejected == 1


def test_would_cross_is_counted_apart_and_never_makes_a_storm() -> None:
    play = active(limits=EngineLimits(max_orders_per_second=100))
    for number in range(1, 40, 2):
        play.place_answer(f"c{number}", RequestOutcome.REJECTED, would_cross=True)
        play.place_answer(f"c{number + 1}", RequestOutcome.REJECTED, would_cross=True)
        play.evaluate()
        play.snapshot()
    counters = play.view().counters
    assert (counters.orders_would_cross, counters.orders_rejected) == (40, 0)
    assert play.state is State.ACTIVE


def test_would_cross_from_the_stream_is_counted_apart_too() -> None:
    play = active()
    play.stream("c1", OrderEventKind.REJECTED, "POST_ONLY_WOULD_CROSS")
    counters = play.view().counters
    assert (counters.orders_would_cross, counters.orders_rejected) == (1, 0)


def test_an_order_withheld_at_the_last_moment_is_no_rejection() -> None:
    play = active()
    play.kill()
    assert play.place_answer("c1", RequestOutcome.NOT_SENT).records == ["record c1 rejected"]
    assert play.view().counters.orders_rejected == 0
    assert play.unsettled() == ["c2"]


# --- cancels ---------------------------------------------------------------------------------------


def test_an_answered_cancel_ends_the_order_but_its_rest_counts_until_the_stream_confirms() -> None:
    play = quoting()
    play.config(max_position_usdt=Decimal(150))
    play.mid(9990)
    play.evaluate()
    assert play.cancel_answer("c1").records == ["record c1 cancelled"]
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 100
    play.evaluate()
    assert play.verdict(Side.BUY) == "waiting_for_room"
    play.stream_cancelled("c1")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 0
    assert play.evaluate().placed[0].order.side is Side.BUY


def test_a_cancel_answered_twice_counts_once() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_answer("c1")
    assert play.cancel_answer("c1").lines == ()
    play.stream_cancelled("c1")
    assert play.view().counters.orders_cancelled == 1


def test_a_cancel_answered_404_asks_and_a_filled_order_waits_for_its_fill() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    assert play.cancel_answer("c1", RequestOutcome.NOT_FOUND).requests == ["ask c1"]
    assert play.query_answer("c1", ExchangeStatus.FILLED, filled=100).records == ["record c1 filled"]
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 100 + 99
    play.fill("c1", 100, "t1")
    assert play.position == Decimal("0.1")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 99


def test_a_cancel_answered_404_for_an_order_that_is_open_is_sent_again_after_a_pause() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.cancel_answer("c1", RequestOutcome.NOT_FOUND)
    assert play.query_answer("c1", ExchangeStatus.OPEN).requests == []
    assert play.evaluate().requests[:1] == ["cancel c1"]


def test_a_cancel_answered_404_for_an_order_that_the_exchange_denies_twice_ends_it() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.cancel_answer("c1", RequestOutcome.NOT_FOUND)
    play.query_answer("c1", None)
    assert play.status("c1") is OrderStatus.PENDING_CANCEL
    play.tick(500)
    play.cancel_answer("c1", RequestOutcome.NOT_FOUND)
    assert play.query_answer("c1", None).records == ["record c1 cancelled"]


def test_a_cancel_refused_with_a_final_4xx_is_looked_into_and_is_no_kill() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    assert play.cancel_answer("c1", RequestOutcome.REJECTED).requests == ["ask c1"]
    assert play.state is State.ACTIVE


def test_an_uncertain_cancel_kills() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    assert play.cancel_answer("c1", RequestOutcome.TIMEOUT, ended=False).risks[0].reason is (
        KillReason.RESPONSE_TIMEOUT
    )


@pytest.mark.parametrize(
    "outcome", [RequestOutcome.TIMEOUT, RequestOutcome.UNCERTAIN, RequestOutcome.STALLED]
)
def test_an_unanswered_list_kills_while_active_and_is_noted_while_not(outcome: RequestOutcome) -> None:
    play = quoting()
    assert play.open_orders(outcome=outcome).states[0].to_state is State.HALTED
    assert play.open_orders(outcome=outcome).lines == ("notice open_orders_unknown",)


def test_an_unanswered_question_kills_while_active() -> None:
    play = quoting()
    play.after(1).open_orders(play.at_exchange("c2"))
    assert play.query_answer("c1", None, outcome=RequestOutcome.TIMEOUT).states[0].to_state is State.HALTED


# --- limits ----------------------------------------------------------------------------------------


def test_unknown_orders_count_in_the_position_limit() -> None:
    play = active(config=replace(CONFIG, max_position_usdt=Decimal(150)))
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 100


def test_pending_orders_count_in_the_position_limit() -> None:
    config = replace(CONFIG, num_levels=3, max_position_usdt=Decimal(212))
    play = active(config=config)
    assert [placed.order.level for placed in play.said.placed] == [0, 0, 1, 1]
    assert play.verdict(Side.BUY, 2) == play.verdict(Side.SELL, 2) == "position_limit"
