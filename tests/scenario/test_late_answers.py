"""An answer that takes longer than the limit halts, whatever has become of its order meanwhile; and once."""

from collections.abc import Callable

import pytest
from tests.support.playbook import Playbook, active, proven, quoting

from market_maker.core import events as ev
from market_maker.core.events import OrderEventKind, RequestOutcome
from market_maker.core.states import Cause, KillReason, State

REASONS = [
    (RequestOutcome.TIMEOUT, KillReason.RESPONSE_TIMEOUT),
    (RequestOutcome.STALLED, KillReason.EVENT_LOOP_STALL),
    (RequestOutcome.UNCERTAIN, KillReason.ORDER_UNCERTAIN),
]
UNCERTAIN = [outcome for outcome, _ in REASONS]


def filled(play: Playbook) -> None:
    play.fill("c1", 100, "t1")


def cancelled(play: Playbook) -> None:
    play.stream("c1", OrderEventKind.ACCEPTED)
    play.stream_cancelled("c1")


def rejected(play: Playbook) -> None:
    play.stream("c1", OrderEventKind.REJECTED, "told to")


@pytest.mark.parametrize(("outcome", "reason"), REASONS)
@pytest.mark.parametrize("ends", [filled, cancelled, rejected])
def test_a_placement_without_a_certain_answer_halts_although_its_order_has_ended(
    ends: Callable[[Playbook], None], outcome: RequestOutcome, reason: KillReason
) -> None:
    play = active()
    ends(play)
    assert play.unsettled() == ["c2"]
    said = play.place_answer("c1", outcome, ended=outcome is RequestOutcome.UNCERTAIN)
    assert [risk.reason for risk in said.risks] == [reason]
    assert play.state is State.HALTED
    assert play.unsettled() == ["c2"]


@pytest.mark.parametrize(("outcome", "reason"), REASONS)
def test_a_cancel_without_a_certain_answer_halts_although_its_order_has_ended(
    outcome: RequestOutcome, reason: KillReason
) -> None:
    play = quoting()
    play.mid(10008)
    assert "cancel c1" in play.evaluate().requests
    play.stream_cancelled("c1")
    said = play.cancel_answer("c1", outcome, ended=outcome is RequestOutcome.UNCERTAIN)
    assert [risk.reason for risk in said.risks] == [reason]


@pytest.mark.parametrize(("outcome", "reason"), REASONS)
def test_a_question_without_a_certain_answer_halts_although_its_order_has_ended(
    outcome: RequestOutcome, reason: KillReason
) -> None:
    play = quoting()
    assert play.after(1).open_orders(play.at_exchange("c2")).requests == ["ask c1"]
    play.stream_cancelled("c1")
    said = play.query_answer("c1", None, outcome=outcome)
    assert [risk.reason for risk in said.risks] == [reason]


@pytest.mark.parametrize(
    "answer",
    [
        lambda at_ns: ev.PlaceAnswer(at_ns, "forgotten", RequestOutcome.TIMEOUT, ended=False),
        lambda at_ns: ev.CancelAnswer(at_ns, "forgotten", RequestOutcome.TIMEOUT, ended=False),
        lambda at_ns: ev.QueryAnswer(at_ns, at_ns, "forgotten", RequestOutcome.TIMEOUT),
    ],
    ids=["placement", "cancel", "question"],
)
def test_a_request_about_an_order_that_is_forgotten_halts_too(answer: Callable[[int], ev.Event]) -> None:
    play = quoting()
    assert play.when(answer(play.now_ns)).risks[0].reason is KillReason.RESPONSE_TIMEOUT


@pytest.mark.parametrize("outcome", UNCERTAIN)
@pytest.mark.parametrize("request_kind", ["placement", "cancel", "cancel of all"])
def test_the_end_of_a_request_that_has_halted_for_being_late_halts_no_second_time(
    request_kind: str, outcome: RequestOutcome
) -> None:
    play = active()
    play.place_answer("c1", RequestOutcome.TIMEOUT, ended=False)
    for name in ("c1", "c2"):
        play.stream(name, OrderEventKind.ACCEPTED)
        play.stream_cancelled(name)
    proven(play)
    play.control(Cause.RESET)
    play.snapshot()
    play.enable()
    assert play.state is State.ACTIVE, play.said.lines
    ends: dict[str, ev.Event] = {
        "placement": ev.PlaceAnswer(play.now_ns, play.id("c1"), outcome, late=True),
        "cancel": ev.CancelAnswer(play.now_ns, play.id("c1"), outcome, late=True),
        "cancel of all": ev.CancelAllAnswer(play.now_ns, outcome, late=True),
    }
    said = play.when(ends[request_kind])
    assert (said.risks, play.state) == ([], State.ACTIVE)
    assert [line for line in said.lines if line.startswith("notice")]
