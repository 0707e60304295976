"""PAUSED, ACTIVE, HALTED: every way from one to another, and every refusal with all its reasons."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG, INSTRUMENT
from tests.support.playbook import LATCH, Playbook, active, proven, quoting, ready

from market_maker.core.events import OrderEvent, OrderEventKind, Retire
from market_maker.core.instrument import InstrumentStatus
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.states import TRANSITIONS, Cause, State, next_state


def in_state(state: State) -> Playbook:
    """A symbol that could take every transition that its state allows."""
    if state is State.ACTIVE:
        return active()
    if state is State.HALTED:
        return proven(Playbook(state=State.HALTED, kill=LATCH))
    return ready()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.STARTUP])
def test_every_cause_in_every_state_leads_where_the_table_says_with_one_record(
    state: State, cause: Cause
) -> None:
    play = in_state(state)
    said = play.control(cause)
    expected = TRANSITIONS.get((state, cause))
    assert play.state is (expected or state)
    assert [(record.from_state, record.to_state) for record in said.states] == (
        [(state, expected)] if expected else []
    )
    assert len(said.replies) == 1


def test_the_table_knows_no_way_out_of_halted_but_reset() -> None:
    ways = {cause for cause in Cause if next_state(State.HALTED, cause) is not None}
    assert ways == {Cause.RESET}


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in (Cause.RESET, Cause.STARTUP)])
def test_only_reset_leads_out_of_halted(cause: Cause) -> None:
    play = in_state(State.HALTED)
    play.control(cause)
    assert play.state is State.HALTED
    assert play.view().kill is not None


def test_a_transition_says_who_and_why() -> None:
    play = quoting()
    (record,) = play.control(Cause.PAUSE, reason="lunch").states
    assert (record.reason, record.actor, record.kill_reason) == ("lunch", "alice", None)
    view = play.view()
    assert (view.state_reason, view.state_actor, view.state_since_ns) == ("lunch", "alice", play.now_ns)


def test_a_restart_turns_active_into_paused() -> None:
    play = Playbook(state=State.ACTIVE)
    assert play.said.lines == ("cancel all", "state ACTIVE -> PAUSED")
    assert play.state is State.PAUSED


def test_a_restart_leaves_halted_as_halted_and_clears_the_market() -> None:
    play = Playbook(state=State.HALTED, kill=LATCH)
    assert play.said.lines == ("cancel all",)
    assert play.state is State.HALTED
    play = proven(play)
    play.snapshot()
    assert play.enable().reply == "refused: HALTED"


def test_a_restart_of_a_paused_symbol_says_nothing_of_its_state() -> None:
    assert Playbook(state=State.PAUSED).said.states == []


def test_enable_before_zero_is_proven_is_refused_and_changes_nothing() -> None:
    play = Playbook()
    play.snapshot()
    said = play.enable()
    assert said.lines == ("refused: NOT_PROVEN_ZERO",)
    assert play.state is State.PAUSED


def test_enable_is_refused_with_every_reason_at_once() -> None:
    losing = Inventory()
    losing.apply(Side.BUY, Decimal(1600), Decimal(11), Decimal(0))
    play = Playbook(
        instrument=replace(INSTRUMENT, status=InstrumentStatus.HALTED),
        inventory=losing,
        config=replace(CONFIG, enabled=False),
    )
    play.snapshot()
    play.mark("1000")
    play.lag(10_001)
    play.journal(failed=True)
    play.delta(prev=99)
    assert play.control(Cause.RESUME).reply == (
        "refused: NOT_ENABLED, MARKET_HALT, EXPOSURE_BREACH, LOSS_BREACH, KAFKA_LAG, JOURNAL_FAILURE, "
        "NO_VALID_BOOK, NOT_PROVEN_ZERO"
    )
    assert [problem.code for problem in play.view().enable_problems] == [
        "MARKET_HALT",
        "EXPOSURE_BREACH",
        "LOSS_BREACH",
        "KAFKA_LAG",
        "JOURNAL_FAILURE",
        "NO_VALID_BOOK",
        "NOT_PROVEN_ZERO",
    ]


def test_enable_is_refused_while_exposure_valued_at_todays_book_is_beyond_its_limit() -> None:
    long = Inventory()
    long.apply(Side.BUY, Decimal(900), Decimal("10.001"), Decimal(0))
    play = ready(inventory=long)
    assert play.enable().lines == ("refused: EXPOSURE_BREACH",)


def test_enable_is_refused_while_the_loss_at_todays_book_is_beyond_its_limit() -> None:
    long = Inventory()
    long.apply(Side.BUY, Decimal(1100), Decimal("5.01"), Decimal(0))
    play = ready(inventory=long)
    assert play.enable().lines == ("refused: LOSS_BREACH",)


def test_an_unrealized_gain_counts_when_enable_looks_at_the_loss_after_a_restart() -> None:
    book = Inventory()
    book.apply(Side.BUY, Decimal(990), Decimal(5), Decimal(600))
    play = ready(inventory=book, config=replace(CONFIG, max_loss_usdt=Decimal(560)))
    assert play.enable().reply == "done"


def test_enable_is_refused_while_the_book_is_stale() -> None:
    play = ready()
    play.after(5001)
    assert play.enable().reply == "refused: STALE_BOOK"


def test_enable_is_refused_until_the_consumer_lag_can_be_measured() -> None:
    play = ready()
    play.lag(None)
    assert play.enable().reply == "refused: KAFKA_LAG"
    play.lag(0)
    assert play.enable().reply == "done"


def test_enable_is_refused_while_orders_are_not_settled() -> None:
    play = quoting()
    play.control(Cause.PAUSE)
    assert play.enable().reply == "refused: ORDERS_OPEN"
    assert "2 orders" in play.view().enable_problems[0].detail


def test_enable_needs_no_enabled_flag_and_sets_it() -> None:
    play = ready(config=replace(CONFIG, enabled=False))
    assert play.enable().reply == "done"
    assert play.view().config.enabled


def test_resume_needs_the_enabled_flag() -> None:
    play = ready(config=replace(CONFIG, enabled=False))
    assert play.control(Cause.RESUME).lines == ("refused: NOT_ENABLED",)
    play.config(enabled=True)
    assert play.control(Cause.RESUME).reply == "done"
    assert play.state is State.ACTIVE


def test_enable_of_an_active_symbol_is_fine_and_changes_nothing() -> None:
    play = quoting()
    assert play.enable().lines == ("done",)


def test_pause_cancels_everything_and_answers_at_once() -> None:
    play = quoting()
    said = play.control(Cause.PAUSE)
    assert said.requests == ["cancel all", "cancel c1", "cancel c2"]
    assert said.reply == "done"
    assert play.view().quote is None
    assert play.view().no_quote_reason == "paused"
    assert play.view().verdicts == ()


def test_pause_of_a_paused_symbol_is_fine() -> None:
    assert ready().control(Cause.PAUSE).lines == ("done",)


def test_pause_of_a_halted_symbol_is_refused() -> None:
    assert in_state(State.HALTED).control(Cause.PAUSE).lines == ("refused: HALTED",)


@pytest.mark.parametrize("state", [State.PAUSED, State.HALTED])
def test_flatten_cancels_everything_even_where_nothing_is_quoted(state: State) -> None:
    play = in_state(state)
    assert play.control(Cause.FLATTEN).lines == ("cancel all", "done")
    assert play.state is state


def test_setting_enabled_to_false_pauses() -> None:
    play = quoting()
    said = play.config(enabled=False)
    assert said.requests == ["cancel all", "cancel c1", "cancel c2"]
    assert [record.to_state for record in said.states] == [State.PAUSED]


def test_losing_ownership_pauses() -> None:
    play = quoting()
    assert play.control(Cause.OWNERSHIP_LOST).requests == ["cancel all", "cancel c1", "cancel c2"]
    assert play.state is State.PAUSED


def test_orders_of_the_last_process_are_cleared_before_anything_is_enabled() -> None:
    (left, other) = tuple(quoting().engine.symbol.orders)
    play = Playbook(state=State.ACTIVE, open_orders=(left, other))
    assert play.said.requests == [
        "cancel all",
        f"cancel {left.client_order_id}",
        f"cancel {other.client_order_id}",
    ]
    play.snapshot()
    assert play.enable().reply == "refused: ORDERS_OPEN"
    for order in (left, other):
        play.cancel_answer(order.client_order_id)
        play.when(
            OrderEvent(play.now_ns, OrderEventKind.CANCELED, order.order_id, order.client_order_id, None, 1)
        )
    assert proven(play).enable().reply == "done"


def test_an_order_that_the_last_process_never_sent_ends_once_the_exchange_denies_it_twice() -> None:
    (left, _) = tuple(active().engine.symbol.orders)
    assert left.order_id is None
    play = Playbook(open_orders=(left,))
    assert play.said.requests == ["cancel all", f"ask {left.client_order_id}"]
    play.query_answer(left.client_order_id, None)
    play.cancel_all_answer()
    play.open_orders()
    assert play.view().proven_zero_at_ns is None
    assert f"ask {left.client_order_id}" in play.tick(500).requests
    play.query_answer(left.client_order_id, None)
    proven(play)
    assert play.view().proven_zero_at_ns == play.now_ns


def test_a_retired_symbol_refuses_enable_and_resume_until_that_is_taken_back() -> None:
    play = ready()
    play.when(Retire(play.now_ns, "the service is shutting down"))
    assert play.enable().reply == "refused: RETIRED"
    assert play.control(Cause.RESUME).reply == "refused: RETIRED"
    play.when(Retire(play.now_ns, ""))
    assert play.enable().reply == "done"


def test_at_the_leases_end_quotes_leave_at_once_and_return_when_it_runs_again() -> None:
    play = quoting()
    assert play.lease(is_current=False).requests == ["cancel c1", "cancel c2"]
    assert (play.state, play.view().no_quote_reason) == (State.ACTIVE, "lease_ended")
    assert not play.engine.may_send_at(play.now_ns)
    for order in ("c1", "c2"):
        play.cancel_answer(order)
        play.stream_cancelled(order)
    play.mid(10000)
    assert play.evaluate().requests == []
    assert play.lease(is_current=True).requests == ["place c3 buy 9995 x 100", "place c4 sell 10005 x 100"]


def test_a_paused_symbol_says_nothing_of_a_lease() -> None:
    play = ready()
    assert [play.lease(is_current=current).lines for current in (False, True)] == [(), ()]
