"""Clearing the market: rounds with backoff until the exchange proves zero, and what takes that proof away."""

from tests.support.conversation import MS
from tests.support.playbook import Playbook, proven, quoting, ready

from market_maker.core.events import RequestOutcome
from market_maker.core.side import Side
from market_maker.core.states import Cause, State


def test_zero_is_proven_only_by_an_empty_list_with_nothing_unresolved() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_all_answer(cancelled=2)
    assert play.said.requests == ["list open orders"]
    play.open_orders()
    assert play.view().open_orders_at_exchange == 0
    assert play.view().proven_zero_at_ns is None
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    proven(play)
    assert play.view().proven_zero_at_ns == play.now_ns
    assert play.tick(1000).requests == []


def test_the_proof_does_not_wait_for_the_next_round_once_the_last_order_has_ended() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_all_answer(cancelled=2)
    play.open_orders()
    assert play.stream_cancelled("c1").requests == []
    assert play.stream_cancelled("c2").requests == ["list open orders"]
    play.open_orders()
    assert play.view().proven_zero_at_ns == play.now_ns


def test_an_exchange_that_lists_orders_which_it_calls_ended_is_asked_again_once_a_round() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_all_answer(cancelled=2)
    listed = [play.at_exchange("c1"), play.at_exchange("c2")]
    play.open_orders(*listed)
    asked = 0
    for _ in range(10):
        for name in ("c1", "c2"):
            asked += play.stream_cancelled(name).requests.count("list open orders")
        play.after(1)
        play.open_orders(*listed)
    assert asked == 1
    assert play.view().proven_zero_at_ns is None


def test_since_when_zero_is_proven_stays_while_it_holds() -> None:
    play = ready()
    since_ns = play.view().proven_zero_at_ns
    assert play.tick(30_000).requests == ["list open orders"]
    play.open_orders()
    assert play.view().proven_zero_at_ns == since_ns


def test_a_list_that_was_asked_for_before_the_doubt_proves_nothing() -> None:
    play = ready()
    play.tick(30_000)
    assert play.said.requests == ["list open orders"]
    play.after(5)
    play.control(Cause.FLATTEN)
    play.after(5)
    play.open_orders(asked_ms_ago=10)
    assert play.view().proven_zero_at_ns is None


def test_rounds_repeat_with_growing_pauses_without_end() -> None:
    play = quoting()
    play.control_pause()
    pauses = []
    for _ in range(12):
        wake_ns = play.engine.wake_ns
        pauses.append((wake_ns - play.now_ns) // MS)
        play.now_ns = wake_ns
        said = play.tick()
        assert "list open orders" in said.requests
        play.open_orders(outcome=RequestOutcome.UNCERTAIN)
    assert pauses == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000]


def test_a_cancel_all_that_failed_is_sent_again_in_the_next_round() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_all_answer(RequestOutcome.UNCERTAIN)
    play.cancel_answer("c1", RequestOutcome.UNCERTAIN)
    play.cancel_answer("c2")
    assert play.tick(100).requests == ["cancel all", "cancel c1", "ask c1", "ask c2"]


def test_requests_that_are_on_their_way_are_not_repeated() -> None:
    play = quoting()
    play.control_pause()
    play.tick(100)
    assert play.said.requests == ["ask c1", "ask c2", "list open orders"]
    assert play.tick(200).requests == []


def test_a_new_order_takes_the_proof_away() -> None:
    play = ready()
    assert play.view().proven_zero_at_ns is not None
    play.enable()
    view = play.view()
    assert (view.proven_zero_at_ns, view.open_orders_at_exchange) == (None, None)


def test_an_order_found_while_halted_is_cleared_again_until_zero_is_proven() -> None:
    play = quoting()
    stranger = play.at_exchange("c1")
    halted = proven(Playbook(state=State.HALTED))
    assert halted.tick(30_000).requests == ["list open orders"]
    said = halted.after(1).open_orders(stranger)
    assert said.requests == ["cancel all", f"cancel {stranger.client_order_id}"]
    assert halted.control(Cause.RESET).reply.startswith("refused")
    assert "cancel all" not in halted.tick(50).requests
    halted.cancel_all_answer(RequestOutcome.UNCERTAIN)
    assert "cancel all" in halted.tick(50).requests


def test_the_exchange_is_asked_every_half_minute_for_orders_that_nobody_remembers() -> None:
    play = quoting()
    asked = 0
    for _ in range(400):
        play.snapshot()
        asked += "list open orders" in play.evaluate().requests
        if "list open orders" in play.said.requests:
            play.after(1).open_orders(play.at_exchange("c1"), play.at_exchange("c2"))
    assert asked == 1


def test_waking_at_the_wanted_time_always_moves_the_wanted_time_forward() -> None:
    for play in (ready(), quoting(), paused_uncleared(), killed(), Playbook()):
        for _ in range(200):
            wake_ns = play.engine.wake_ns
            assert wake_ns > play.now_ns - 1
            play.now_ns = max(wake_ns, play.now_ns)
            play.tick()
            assert play.engine.wake_ns > play.now_ns


def paused_uncleared() -> Playbook:
    play = quoting()
    play.control_pause()
    return play


def killed() -> Playbook:
    play = quoting()
    play.kill()
    return play


def test_a_fill_of_a_stranger_after_the_proof_takes_it_away_and_the_exchange_decides() -> None:
    play = ready()
    play.execution("t1", Side.BUY, "1000", "0.1")
    assert play.enable().reply == "refused: NOT_PROVEN_ZERO"
    play.after(1).open_orders()
    assert play.enable().reply == "done"


def test_an_order_found_by_a_list_that_came_before_the_last_doubt_is_cleared_until_zero_is_proven() -> None:
    stranger = quoting().at_exchange("c1")
    play = ready()
    play.execution("t1", Side.BUY, "1000", "0.1")
    play.after(1).execution("t2", Side.BUY, "1000", "0.1")
    said = play.after(1).open_orders(stranger, asked_ms_ago=2)
    assert said.requests == [f"cancel {stranger.client_order_id}", "list open orders"]
    assert "cancel all" in play.after(1).open_orders(asked_ms_ago=1).requests
    assert "list open orders" in play.tick(200).requests


def test_where_zero_is_not_proven_a_list_that_fails_is_asked_for_again_at_once() -> None:
    play = ready()
    play.execution("t1", Side.BUY, "1000", "0.1")
    assert (
        "cancel all" in play.after(1).open_orders(outcome=RequestOutcome.UNCERTAIN, asked_ms_ago=1).requests
    )
    play.cancel_all_answer()
    play.after(1).open_orders()
    assert play.view().proven_zero_at_ns == play.now_ns


def test_a_routine_list_that_fails_leaves_the_proof_as_it_is() -> None:
    play = ready()
    since_ns = play.view().proven_zero_at_ns
    assert play.tick(30_000).requests == ["list open orders"]
    assert play.open_orders(outcome=RequestOutcome.UNCERTAIN).requests == []
    assert play.view().proven_zero_at_ns == since_ns
