"""A 429 that says when to come again: the request is repeated no sooner, and then for sure."""

from collections.abc import Callable

import pytest
from tests.support.conversation import MS
from tests.support.playbook import Playbook, quoting

from market_maker.core.commands import OrderStatus
from market_maker.core.events import ExchangeStatus, RequestOutcome
from market_maker.core.states import Cause, State

LIMITED = RequestOutcome.RATE_LIMITED


def asked_until(play: Playbook, ms: float, wanted: str) -> list[float]:
    """When a request left, in ms from now on, while the engine is woken whenever it wants to be."""
    began_ns, left = play.now_ns, []
    end_ns = began_ns + round(ms * MS)
    while (wake_ns := max(play.now_ns + 1, play.engine.wake_ns)) <= end_ns:
        play.now_ns = wake_ns
        left += [(play.now_ns - began_ns) / MS for said in play.tick().requests if said == wanted]
    play.now_ns = end_ns
    return left


def test_a_cancel_while_quoting_is_repeated_when_the_exchange_allows_it() -> None:
    play = quoting()
    play.mid(9_900)
    assert "cancel c1" in play.evaluate().requests
    play.cancel_answer("c1", LIMITED, retry_after_ms=1500)
    assert asked_until(play, 3000, "cancel c1") == [1500]


def test_a_cancel_that_the_quotes_would_no_longer_ask_for_is_repeated_all_the_same() -> None:
    play = quoting()
    play.mid(9_900)
    play.evaluate()
    play.cancel_answer("c1", LIMITED, retry_after_ms=500)
    play.mid(10_000)
    assert asked_until(play, 1000, "cancel c1") == [500]


@pytest.mark.parametrize("leave", [Playbook.kill, Playbook.control_pause])
def test_clearing_repeats_a_refused_cancel_no_sooner_and_then_for_sure(
    leave: Callable[[Playbook], object],
) -> None:
    play = quoting()
    leave(play)
    play.cancel_answer("c1", LIMITED, retry_after_ms=2000)
    assert asked_until(play, 3000, "cancel c1") == [2000]


def test_a_kill_does_not_repeat_a_cancel_that_the_exchange_has_just_put_off() -> None:
    play = quoting()
    play.mid(9_900)
    play.evaluate()
    play.cancel_answer("c1", LIMITED, retry_after_ms=1000)
    assert play.kill().requests == ["cancel all", "cancel c2"]
    assert asked_until(play, 1500, "cancel c1") == [1000]


def test_a_refused_cancel_all_is_repeated_no_sooner_and_holds_up_nothing_else() -> None:
    play = quoting()
    play.kill()
    play.cancel_all_answer(LIMITED, retry_after_ms=2000)
    play.cancel_answer("c1", LIMITED)
    play.cancel_answer("c2", LIMITED)
    assert asked_until(play, 1000, "cancel c1") == [100]
    assert asked_until(play, 1500, "cancel all") == [1000]


def test_pausing_again_does_not_repeat_a_cancel_all_too_soon() -> None:
    play = quoting()
    play.control_pause()
    play.cancel_all_answer(LIMITED, retry_after_ms=1000)
    assert "cancel all" not in play.control(Cause.FLATTEN).requests
    assert asked_until(play, 1500, "cancel all")[0] == 1000


def test_a_refused_question_is_repeated_no_sooner() -> None:
    play = quoting()
    play.mid(9_900)
    play.evaluate()
    play.cancel_answer("c1", RequestOutcome.NOT_FOUND)
    play.query_answer("c1", None, outcome=LIMITED, retry_after_ms=700)
    assert asked_until(play, 1000, "ask c1") == [700]


def test_a_refused_list_is_repeated_no_sooner_and_then_proves_zero() -> None:
    play = quoting()
    play.kill()
    play.cancel_all_answer()
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    play.open_orders(outcome=LIMITED, retry_after_ms=3000)
    assert asked_until(play, 4000, "list open orders") == [3000]
    play.open_orders()
    assert play.view().proven_zero_at_ns is not None


def test_what_has_ended_meanwhile_is_not_asked_for_again() -> None:
    play = quoting()
    play.mid(9_900)
    play.evaluate()
    play.cancel_answer("c1", LIMITED, retry_after_ms=500)
    play.stream_cancelled("c1")
    assert asked_until(play, 1000, "cancel c1") == []


def test_no_rate_limit_is_a_kill() -> None:
    play = quoting()
    play.mid(9_900)
    play.evaluate()
    play.cancel_answer("c1", LIMITED, retry_after_ms=500)
    assert play.state is State.ACTIVE
    play.query_answer("c1", ExchangeStatus.OPEN)
    assert play.status("c1") is OrderStatus.PENDING_CANCEL
