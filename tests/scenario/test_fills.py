"""Fills: early, late, twice, out of order, of strangers; each moves the position exactly once."""

from decimal import Decimal

import pytest
from tests.support.playbook import Playbook, active, proven, quoting

from market_maker.core.applied import Applied
from market_maker.core.commands import OrderStatus
from market_maker.core.config import EngineLimits
from market_maker.core.events import ExchangeStatus, Execution, OrderEventKind, RequestOutcome, Source
from market_maker.core.side import Side
from market_maker.core.states import State


def test_a_fill_moves_the_position_and_becomes_durable_with_what_it_makes() -> None:
    play = quoting()
    said = play.fill("c1", 40, "t1", fee="0.01")
    assert said.lines == ("record fill t1", "record c1 partially_filled")
    after = said.fills[0].after
    assert after is not None
    assert (after.position, after.realized_pnl, after.fees, after.fill_count) == (
        Decimal("0.04"),
        Decimal("-0.01"),
        Decimal("0.01"),
        1,
    )


def test_a_fill_told_twice_counts_once() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    assert play.fill("c1", 40, "t1").lines == ()
    assert play.position == Decimal("0.04")


def test_a_fill_counted_before_a_restart_counts_no_more() -> None:
    play = Playbook(trade_keys=(("t1", "BUY"),))
    assert play.execution("t1", Side.BUY, "1000", "0.1").fills == []
    assert play.position == 0


def test_a_replay_of_more_fills_than_are_remembered_counts_none_twice() -> None:
    play = Playbook(limits=EngineLimits(trade_keys_max=3))
    fills = [executed(number) for number in range(10)]
    for fill in fills:
        play.when(fill)
    assert play.position == 10
    for fill in fills[2:]:
        said = play.when(fill)
        assert [record.after for record in said.fills] in ([], [None]), "at the most stored for certain"
    assert play.position == 10
    play.when(executed(10))
    assert play.position == 11


def test_what_was_counted_before_a_restart_is_told_by_its_place_too() -> None:
    play = Playbook()
    for number in range(4):
        said = play.when(executed(number))
    [record] = said.fills
    assert record.applied == Applied(2, 103, 1_003)
    again = Playbook(applied=record.applied)
    assert [record.after for record in again.when(executed(3)).fills] == [None]
    assert again.position == 0
    again.when(executed(4))
    assert again.position == 1


def test_fills_of_a_topic_that_was_made_anew_count() -> None:
    play = Playbook(applied=Applied(2, 5_000, 500))
    for number in range(3):
        play.when(executed(number))
    assert play.position == 3
    play.when(executed(1))
    assert play.position == 3


def test_fills_of_another_partition_count() -> None:
    play = Playbook(applied=Applied(1, 5_000, 5_000))
    play.when(executed(0))
    assert play.position == 1


def executed(number: int) -> Execution:
    """Bought 1 at 1000, as engine event 100 + number of partition 2."""
    return Execution(
        1_000_000_000 + number,
        f"t{number}",
        Side.BUY,
        Decimal(1000),
        Decimal(1),
        Decimal(0),
        f"x{number}",
        None,
        is_maker=True,
        sequence=number,
        executed_at_us=1_000 + number,
        source=Source(2, 100 + number),
    )


def test_both_sides_of_a_trade_with_ourselves_count() -> None:
    play = quoting()
    play.fill("c1", 10, "t1", price="1000")
    play.fill("c2", 10, "t1", price="1000")
    assert play.position == 0
    assert play.view().counters.fills == 2


def test_a_fill_before_the_acknowledgement_counts_and_the_late_answer_keeps_it() -> None:
    play = active()
    play.fill("c1", 40, "t1", knows_client_id=True)
    assert play.status("c1") is OrderStatus.PARTIALLY_FILLED
    play.place_answer("c1")
    assert play.view().orders[0].filled_quantity == Decimal("0.04")
    play.fill("c1", 60, "t2", knows_client_id=False)
    assert play.status("c1") is OrderStatus.FILLED


def test_a_complete_fill_before_the_acknowledgement_ends_the_order() -> None:
    play = active()
    play.fill("c1", 100, "t1")
    assert play.status("c1") is OrderStatus.FILLED
    assert play.place_answer("c1").lines == ()
    assert play.unsettled() == ["c2"]


def test_a_fill_during_a_cancel_moves_the_position_once() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.fill("c1", 30, "t1")
    assert play.status("c1") is OrderStatus.PENDING_CANCEL
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    assert play.position == Decimal("0.03")
    assert "c1" not in play.unsettled()


def test_a_fill_after_the_cancels_answer_still_counts() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.cancel_answer("c1")
    play.fill("c1", 30, "t1")
    assert play.position == Decimal("0.03")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 70 + 99
    play.stream_cancelled("c1")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 99


def test_a_fill_after_the_order_was_settled_counts_and_the_exchange_is_asked() -> None:
    play = quoting()
    play.mid(10008)
    play.evaluate()
    play.cancel_answer("c1")
    play.stream_cancelled("c1")
    said = play.fill("c1", 30, "t1")
    assert said.requests == ["list open orders"]
    assert play.position == Decimal("0.03")


def test_a_fill_after_halted_counts() -> None:
    play = quoting()
    play.kill()
    said = play.fill("c1", 30, "t1")
    assert [fill.trade_id for fill in said.fills] == ["t1"]
    assert said.requests == []
    assert play.position == Decimal("0.03")


def test_a_fill_that_reveals_an_unknown_order_makes_it_known_and_cancellable() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    play.fill("c1", 30, "t1")
    assert play.status("c1") is OrderStatus.PARTIALLY_FILLED
    assert "cancel c1" in play.tick(100).requests


def test_fills_out_of_order_end_where_fills_in_order_do() -> None:
    positions = []
    for order in ((10, 20, 70), (70, 10, 20), (20, 70, 10)):
        play = quoting()
        for lots in order:
            play.fill("c1", lots, f"t{lots}")
        positions.append((play.position, play.view().pnl, play.status("c1")))
    assert positions[0] == positions[1] == positions[2]


def test_the_word_filled_before_the_last_trade_keeps_the_rest_counted() -> None:
    play = quoting()
    play.fill("c1", 30, "t1")
    play.stream("c1", OrderEventKind.FILLED)
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 70
    play.fill("c1", 70, "t2")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 0
    assert play.position == Decimal("0.1")


def test_a_fill_of_an_unknown_order_moves_the_position_and_the_exchange_is_asked() -> None:
    play = quoting()
    said = play.execution("t1", Side.SELL, "1000", "0.25")
    assert said.lines == ("list open orders", "record fill t1", "notice fill_of_unknown_order")
    assert play.position == Decimal("-0.25")


def test_a_stranger_that_filled_before_it_was_found_settles_with_those_fills() -> None:
    play = proven(Playbook())
    reported = quoting().at_exchange("c1", filled=30)
    play.execution("t1", Side.BUY, "999.5", "0.03", order_id="x1")
    play.after(1).open_orders(reported)
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 70
    play.cancel_answer(reported.client_order_id, RequestOutcome.NOT_FOUND)
    ended = quoting().at_exchange("c1", ExchangeStatus.CANCELLED, filled=30)
    play.when(play.query_event(ended))
    assert play.unsettled() == []
    proven(play)
    assert play.view().proven_zero_at_ns is not None


def test_a_stranger_whose_fills_an_earlier_process_counted_settles_with_them() -> None:
    """Crashed before the order's row was written, and again after its fill was counted."""
    play = proven(Playbook(filled_by_order=(("x1", Decimal("0.03")),)))
    reported = quoting().at_exchange("c1", filled=30)
    play.after(1).open_orders(reported)
    play.cancel_answer(reported.client_order_id, RequestOutcome.NOT_FOUND)
    play.when(play.query_event(quoting().at_exchange("c1", ExchangeStatus.CANCELLED, filled=30)))
    assert play.unsettled() == []


def test_a_stored_order_has_filled_what_the_stored_fills_say() -> None:
    stored = quoting().engine.symbol.orders.get(quoting().id("c1"))
    assert stored is not None
    play = Playbook(open_orders=(stored,), filled_by_order=(("x1", Decimal("0.03")),))
    play.when(play.query_event(quoting().at_exchange("c1", ExchangeStatus.CANCELLED, filled=30)))
    assert play.unsettled() == []


def test_a_fill_under_an_id_that_the_placing_answer_brings_later_counts_for_the_order() -> None:
    play = active()
    play.execution("t1", Side.BUY, "999.5", "0.03", order_id="x1")
    play.place_answer("c1")
    order = play.engine.symbol.orders.get(play.id("c1"))
    assert order is not None
    assert (order.filled, play.position) == (Decimal("0.03"), Decimal("0.03"))


def test_a_partial_fill_of_an_order_that_was_believed_rejected_is_looked_into() -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.REJECTED)
    said = play.fill("c1", 30, "t1")
    assert said.requests == ["list open orders"]
    assert play.position == Decimal("0.03")


def test_a_rebate_adds_to_realized_pnl() -> None:
    play = quoting()
    play.fill("c1", 100, "t1", fee="-0.02")
    assert play.view().pnl.realized == Decimal("0.02")


def test_a_fill_between_lots_still_counts_exactly() -> None:
    play = quoting()
    play.execution("t1", Side.BUY, "999.55", "0.0005", order_id="x1")
    assert play.position == Decimal("0.0005")
    assert play.engine.symbol.orders.open_lots(Side.BUY) == 100


def test_a_fill_that_cannot_be_one_is_refused_loudly_and_may_come_again() -> None:
    play = quoting()
    for _ in range(2):
        with pytest.raises(ValueError, match="quantity"):
            play.execution("t1", Side.BUY, "1000", "0")
    assert play.position == 0


def test_zero_is_proven_while_fills_are_on_their_way_but_enable_waits_for_them() -> None:
    (left, _) = tuple(quoting().engine.symbol.orders)
    play = Playbook(state=State.ACTIVE, open_orders=(left,))
    ended = quoting().at_exchange("c1", ExchangeStatus.FILLED, filled=100)
    play.when(play.query_event(ended))
    proven(play)
    play.snapshot()
    assert play.view().proven_zero_at_ns is not None
    assert play.enable().reply == "refused: FILLS_MISSING"
    play.execution("t1", Side.BUY, "999.5", "0.1", order_id="x1")
    assert len(play.enable().placed) == 2
