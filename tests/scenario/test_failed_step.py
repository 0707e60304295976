"""A step that raises: nothing that it decided was carried out, and the halt that follows knows that."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.support.playbook import Playbook, active, proven, quoting, ready

from market_maker.core.commands import OrderStatus, RecordFill, RecordOrder
from market_maker.core.engine import clearing, control, fills, sending
from market_maker.core.events import Fault
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.order_tracker import Order, OrderTracker
from market_maker.core.states import Cause, KillReason, State


class Defect(Exception):  # noqa: N818 -- what stands for any exception of ours
    """Something in the engine is wrong."""


def defect(*_: object) -> None:
    raise Defect


def fault(play: Playbook) -> None:
    """What the supervisor tells an engine whose step raised."""
    play.when(Fault(play.now_ns, KillReason.WORKER_FAILURE, "Defect"))


def live_on(play: Playbook) -> set[str]:
    """Let the engine do what time makes due, for some rounds; returns what it asked the exchange."""
    asked: set[str] = set()
    for _ in range(20):
        play.now_ns = play.engine.wake_ns
        asked |= set(play.tick().requests)
    return asked


def test_an_order_that_a_failed_step_decided_was_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    play = ready()
    with monkeypatch.context() as patch:
        calls: list[object] = []

        def second_raises(*_: object) -> bool:
            calls.append(_)
            if len(calls) == 2:
                raise Defect
            return False

        patch.setattr(sending, "_crosses_own", second_raises)
        with pytest.raises(Defect):
            play.enable()
    fault(play)
    assert play.said.placed == []
    statuses = [said.status for said in play.said.commands if isinstance(said, RecordOrder)]
    assert statuses == [OrderStatus.PENDING_NEW, OrderStatus.REJECTED]
    assert [state.to_state for state in play.said.states] == [State.ACTIVE, State.HALTED]
    proven(play)
    assert play.control(Cause.RESET).reply == "done"


def test_a_kill_whose_step_fails_after_it_is_durable_and_clears_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play = quoting()
    with monkeypatch.context() as patch:
        patch.setattr(clearing, "advance", defect)
        with pytest.raises(Defect):
            play.kill("enough")
    fault(play)
    assert [risk.reason for risk in play.said.risks] == [KillReason.MANUAL]
    assert [state.to_state for state in play.said.states] == [State.HALTED]
    assert play.said.requests[:3] == ["cancel all", "cancel c1", "cancel c2"]


def test_a_fill_whose_step_fails_after_it_is_durable_with_the_halt(monkeypatch: pytest.MonkeyPatch) -> None:
    play = quoting()
    with monkeypatch.context() as patch:
        patch.setattr(clearing, "advance", defect)
        with pytest.raises(Defect):
            play.fill("c1", 60, "t1")
    fault(play)
    assert [fill.trade_id for fill in play.said.fills] == ["t1"]
    assert play.state is State.HALTED


def raising_after(method: Callable[..., object]) -> Callable[..., object]:
    def done_and_raised(*args: object, **named: object) -> None:
        method(*args, **named)
        raise Defect

    return done_and_raised


SUB_STEPS_OF_A_FILL = [
    (Inventory, "to_row"),
    (Inventory, "_close"),
    (Inventory, "_open"),
    (Inventory, "apply"),
    (Inventory, "after"),
    (RecordFill, "of"),
    (fills, "remember_trade"),
    (OrderTracker, "find"),
    (OrderTracker, "identify"),
    (OrderTracker, "fill"),
    (OrderTracker, "close"),
    (Order, "record"),
    (fills, "check_position"),
    (clearing, "advance"),
]


@pytest.mark.parametrize("told_again", [False, True])
@pytest.mark.parametrize(("place", "name"), SUB_STEPS_OF_A_FILL)
def test_a_fill_whose_sub_step_raises_counts_with_its_record_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, told_again: bool
) -> None:
    play = quoting()
    play.fill("c2", 50, "t0")
    with monkeypatch.context() as patch:
        method = raising_after(getattr(place, name))
        patch.setattr(place, name, staticmethod(method) if place is RecordFill else method)
        with pytest.raises(Defect):
            play.fill("c1", 100, "t1")
    fault(play)
    recorded = list(play.said.fills)
    if told_again:
        recorded += play.fill("c1", 100, "t1").fills
        assert [fill.trade_id for fill in recorded] == ["t1"]
    assert play.position == Decimal("-0.05") + sum(fill.quantity for fill in recorded)
    assert all(fill.after == play.engine.symbol.inventory.to_row() for fill in recorded)


def test_what_two_failed_steps_in_a_row_had_decided_becomes_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    play = quoting()
    with monkeypatch.context() as patch:
        patch.setattr(clearing, "advance", defect)
        for trade in ("t1", "t2"):
            with pytest.raises(Defect):
                play.fill("c1", 10, trade)
    fault(play)
    assert [fill.trade_id for fill in play.said.fills] == ["t1", "t2"]


@pytest.mark.parametrize("killed", [False, True])
def test_questions_that_a_failed_step_did_not_ask_are_asked_again(
    monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    play = quoting()
    if killed:
        play.kill()
    with monkeypatch.context() as patch:
        patch.setattr(control, "check_surroundings", defect)
        with pytest.raises(Defect):
            live_on(play)
    fault(play)
    asked = set(play.said.requests) | live_on(play)
    assert {"cancel all", "cancel c1", "cancel c2", "ask c1", "ask c2"} <= asked
    play.cancel_all_answer()
    assert "list open orders" in asked | set(play.said.requests)


def test_a_second_fault_repeats_nothing_of_the_failed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    play = active()
    with monkeypatch.context() as patch:
        patch.setattr(clearing, "advance", defect)
        with pytest.raises(Defect):
            play.kill()
    fault(play)
    assert len(play.said.risks) == 1
    fault(play)
    assert play.said.risks == []
