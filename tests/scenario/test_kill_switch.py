"""Every trigger at its threshold and beyond it, what a kill does in which order, and that it lasts."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active, proven, quoting, ready
from tests.support.said import Said

from market_maker.core.config import EngineLimits
from market_maker.core.events import (
    EngineEventUnreadable,
    Fault,
    HouseMeasured,
    LagMeasured,
    OrderEventKind,
    RequestOutcome,
)
from market_maker.core.instrument import InstrumentStatus
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State

Step = Callable[[Playbook], object]


def long(quantity: str, price: str = "1000") -> Inventory:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(price), Decimal(quantity), Decimal(0))
    return inventory


def lag_unknown_for(play: Playbook, ms: float) -> Said:
    play.lag(None)
    play.after(ms)
    play.snapshot()
    return play.lag(None)


def rejects(play: Playbook, count: int) -> None:
    for number in range(1, count + 1):
        play.place_answer(f"c{2 * number - 1}", RequestOutcome.REJECTED)
        play.place_answer(f"c{2 * number}", RequestOutcome.REJECTED, would_cross=True)
        play.evaluate()


AT_THE_LIMIT: list[tuple[KillReason, Step, Step]] = [
    (
        KillReason.EXPOSURE_BREACH,
        lambda play: play.execution("t", Side.BUY, "1000", "10"),
        lambda play: play.execution("t", Side.BUY, "1000", "10.001"),
    ),
    (
        KillReason.EXPOSURE_BREACH,
        lambda play: play.execution("t", Side.SELL, "1000", "10"),
        lambda play: play.execution("t", Side.SELL, "1000", "10.001"),
    ),
    (
        KillReason.LOSS_BREACH,
        lambda play: play.execution("t", Side.BUY, "1000", "0.001", fee="500"),
        lambda play: play.execution("t", Side.BUY, "1000", "0.001", fee="500.000001"),
    ),
    (KillReason.KAFKA_LAG, lambda play: play.lag(10_000), lambda play: play.lag(10_000.001)),
    (
        KillReason.KAFKA_LAG,
        lambda play: (lag_unknown_for(play, 10_000), play.lag(0)),
        lambda play: lag_unknown_for(play, 10_000.001),
    ),
    (KillReason.REJECT_STORM, lambda play: rejects(play, 4), lambda play: rejects(play, 5)),
    (KillReason.JOURNAL_FAILURE, lambda play: play.journal(5000), lambda play: play.journal(5000.001)),
    (KillReason.JOURNAL_FAILURE, lambda play: play.journal(0), lambda play: play.journal(failed=True)),
    (
        KillReason.HOUSE_LIMIT_BREACH,
        lambda play: play.when(HouseMeasured(play.now_ns)),
        lambda play: play.when(HouseMeasured(play.now_ns, "gross inventory 1300 USDT", "1000 USDT")),
    ),
    (
        KillReason.MARKET_HALT,
        lambda play: play.grid(status=InstrumentStatus.TRADING),
        lambda play: play.grid(status=InstrumentStatus.HALTED),
    ),
    (
        KillReason.MARKET_HALT,
        lambda play: play.grid(min_notional=Decimal(6)),
        lambda play: play.grid(status=InstrumentStatus.DELISTED),
    ),
]


@pytest.mark.parametrize(("reason", "at_the_limit", "beyond"), AT_THE_LIMIT)
def test_a_trigger_does_nothing_at_its_threshold_and_kills_beyond_it(
    reason: KillReason, at_the_limit: Step, beyond: Step
) -> None:
    fine = active()
    at_the_limit(fine)
    fine.snapshot()
    fine.evaluate()
    assert fine.state is State.ACTIVE
    killed = active()
    beyond(killed)
    killed.evaluate()
    assert killed.state is State.HALTED
    kill = killed.view().kill
    assert kill is not None
    assert kill.reason is reason


def test_no_symbol_starts_while_a_limit_over_all_symbols_is_broken_or_not_measured() -> None:
    play = ready(limits=EngineLimits(house_limits=True))
    assert play.enable().replies == ["refused: HOUSE_UNMEASURED"]
    play.when(HouseMeasured(play.now_ns, "loss of the day 600 USDT", "500 USDT"))
    assert play.state is State.PAUSED
    assert play.enable().replies == ["refused: HOUSE_LIMIT_BREACH"]
    play.when(HouseMeasured(play.now_ns))
    assert play.enable().replies == ["done"]


def test_a_market_move_alone_can_break_the_exposure_limit() -> None:
    play = active(inventory=long("9.9"))
    play.mid(10101)
    assert play.evaluate().risks == []
    play.mid(10102)
    (risk,) = play.evaluate().risks
    assert (risk.reason, risk.measured, risk.threshold) == (
        KillReason.EXPOSURE_BREACH,
        "10000.98 USDT",
        "10000.0 USDT",
    )


def test_the_loss_is_valued_at_the_mark_while_it_is_fresh_and_at_the_mid_otherwise() -> None:
    play = active(inventory=long("5"))
    play.mark("899")
    play.after(100)
    play.snapshot()
    assert play.said.risks[0].reason is KillReason.LOSS_BREACH
    other = active(inventory=long("5"))
    other.mark("899", age_ms=5001)
    other.after(100)
    other.snapshot()
    assert other.state is State.ACTIVE


def test_a_loss_is_noticed_while_there_is_no_book_to_quote_from() -> None:
    play = active(inventory=long("5"))
    play.delta(prev=77)
    play.mark("899")
    assert play.evaluate().risks[0].reason is KillReason.LOSS_BREACH


def test_rejects_outside_the_window_do_not_count() -> None:
    play = active(limits=EngineLimits(market_data_staleness_ns=10**12))
    rejects(play, 4)
    play.tick(60_000)
    play.place_answer("c9", RequestOutcome.REJECTED)
    assert play.state is State.ACTIVE


def test_rejects_from_the_stream_count_like_those_from_the_answer() -> None:
    play = active()
    for number in (1, 2, 3):
        play.place_answer(f"c{2 * number - 1}", RequestOutcome.REJECTED)
        play.stream(f"c{2 * number}", OrderEventKind.REJECTED, "margin")
        if number < 3:
            play.evaluate()
    kill = play.view().kill
    assert kill is not None
    assert kill.reason is KillReason.REJECT_STORM


def test_lag_that_becomes_measurable_again_starts_over() -> None:
    play = active()
    play.lag(None)
    play.after(9000).snapshot()
    play.lag(0)
    play.after(9000).snapshot()
    play.lag(None)
    assert play.state is State.ACTIVE


def test_lag_that_nobody_reports_any_more_kills_too() -> None:
    play = active()
    play.lag(0)
    play.after(10_000).snapshot()
    assert play.said.risks == []
    play.after(101).snapshot()
    assert play.said.risks[0].reason is KillReason.KAFKA_LAG


def test_lag_that_is_told_late_is_known_of_the_time_it_was_measured() -> None:
    play = active()
    measured = LagMeasured(play.now_ns, 0, "md.mark.v1")
    play.after(9000).snapshot()
    play.when(measured)
    play.after(1000).snapshot()
    assert play.said.risks == []
    play.after(101).snapshot()
    assert play.said.risks[0].reason is KillReason.KAFKA_LAG


def test_one_topic_beyond_the_limit_is_enough() -> None:
    play = active()
    play.lag(0, "md.trades.v1")
    play.lag(10_001, "engine.event.v1")
    assert play.said.risks[0].measured.startswith("engine.event.v1")


# --- what a kill does ------------------------------------------------------------------------------


def test_a_kill_cancels_all_then_each_known_order_then_becomes_durable() -> None:
    play = quoting()
    said = play.kill("fire")
    assert said.lines == (
        "cancel all",
        "cancel c1",
        "cancel c2",
        "record c1 pending_cancel",
        "record c2 pending_cancel",
        "state ACTIVE -> HALTED",
        "risk MANUAL",
        "notice kill_switch",
        "done",
    )
    (risk,) = said.risks
    assert (risk.measured, risk.open_orders, risk.position) == ("fire", 2, Decimal(0))
    assert said.states[0].kill_reason is KillReason.MANUAL


def test_a_kill_by_a_fill_sends_its_cancels_before_anything_is_recorded() -> None:
    play = quoting()
    said = play.fill("c1", 100, "t1", fee="501")
    assert said.requests == ["cancel all", "cancel c2"]
    kinds = [line.split()[0] for line in said.lines]
    assert kinds.index("record") > max(index for index, kind in enumerate(kinds) if kind == "cancel")
    assert said.records[:2] == ["record fill t1", "record c1 filled"]


def test_from_the_kill_on_no_event_whatever_makes_an_order() -> None:
    play = quoting()
    play.kill()
    assert not play.engine.may_send_at(play.now_ns)
    steps: list[Step] = [
        lambda p: p.snapshot(),
        lambda p: p.delta(((9000, 1),)),
        lambda p: p.mark("1000"),
        lambda p: p.trade("1000"),
        lambda p: p.config(base_spread_bps=Decimal(40)),
        lambda p: p.enable(),
        lambda p: p.control(Cause.RESUME),
        lambda p: p.fill("c1", 50, "t1"),
        lambda p: p.stream("c1", OrderEventKind.ACCEPTED),
        lambda p: p.place_answer("c1"),
        lambda p: p.cancel_answer("c1"),
        lambda p: p.stream_cancelled("c1"),
        lambda p: p.query_answer("c2", None),
        proven,
        lambda p: p.grid(tick_size=Decimal("0.01")),
        lambda p: p.lag(0),
        lambda p: p.journal(),
        lambda p: p.tick(60_000),
    ]
    for step in steps * 3:
        step(play)
        assert play.said.placed == []
    assert play.state is State.HALTED


def test_a_second_trigger_changes_nothing() -> None:
    play = quoting()
    play.kill("first")
    said = play.kill("second")
    assert said.lines == ("done",)
    assert play.lag(20_000).lines == ()
    assert play.when(Fault(play.now_ns, KillReason.WORKER_FAILURE, "x")).lines == ()
    kill = play.view().kill
    assert kill is not None
    assert kill.measured == "first"


@pytest.mark.parametrize("state", [State.PAUSED, State.ACTIVE])
def test_manual_kill_faults_and_unreadable_engine_events_halt_in_every_state(state: State) -> None:
    faults = (KillReason.WORKER_FAILURE, KillReason.OWNER_LOST)
    steps: list[Step] = [
        lambda p: p.kill(),
        *(lambda p, r=reason: p.when(Fault(p.now_ns, r, "x")) for reason in faults),
        lambda p: p.when(EngineEventUnreadable(p.now_ns, "bad bytes")),
    ]
    for step in steps:
        play = quoting() if state is State.ACTIVE else ready()
        step(play)
        assert play.state is State.HALTED
        assert len(play.said.risks) == 1


@pytest.mark.parametrize(
    "beyond", [beyond for reason, _, beyond in AT_THE_LIMIT if reason is not KillReason.REJECT_STORM]
)
def test_automatic_triggers_do_not_act_while_paused_but_refuse_enable(beyond: Step) -> None:
    play = ready()
    beyond(play)
    play.tick(100)
    assert play.state is State.PAUSED
    assert play.enable().reply.startswith("refused")


def test_the_cleanup_after_a_kill_repeats_until_zero_is_proven_and_only_then_reset_is_accepted() -> None:
    play = quoting()
    play.kill()
    for _ in range(5):
        play.cancel_all_answer(RequestOutcome.UNCERTAIN)
        play.cancel_answer("c1", RequestOutcome.TIMEOUT)
        play.now_ns = play.engine.wake_ns
        assert {"cancel all"} <= set(play.tick().requests)
        assert play.control(Cause.RESET).reply == "refused: ORDERS_OPEN"
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    proven(play)
    assert play.control(Cause.RESET).reply == "done"


def test_an_order_on_its_way_out_of_the_process_may_not_leave_after_the_kill() -> None:
    play = active()
    assert play.engine.may_send_at(play.now_ns)
    play.kill()
    assert not play.engine.may_send_at(play.now_ns)


def test_an_order_may_not_leave_from_a_book_that_aged_meanwhile() -> None:
    play = active()
    assert play.engine.may_send_at(play.now_ns + 5_000_000_000)
    assert not play.engine.may_send_at(play.now_ns + 5_000_000_001)


def test_a_reset_forgets_the_rejects_of_before() -> None:
    play = active()
    rejects(play, 5)
    for name in play.unsettled():
        play.stream_cancelled(name)
    proven(play).control(Cause.RESET)
    play.snapshot()
    assert play.enable().reply == "done"
    play.place_answer(f"c{len(play.names)}", RequestOutcome.REJECTED)
    assert play.state is State.ACTIVE


def test_the_notional_limit_has_a_default_of_ten_order_sizes() -> None:
    config = replace(CONFIG, order_size_usdt=Decimal(100))
    play = active(config=config, limits=EngineLimits(max_order_notional_usdt=Decimal(99)))
    assert play.said.placed == []
    assert play.verdict(Side.BUY) == "notional_limit"


def test_a_drill_kills_as_a_kill_does_and_never_over_one() -> None:
    play = quoting()
    drilled = play.control(Cause.DRILL)
    assert (play.state, drilled.replies) == (State.HALTED, ["done"])
    kill = play.view().kill
    assert kill is not None
    assert kill.reason is KillReason.DRILL
    killed = quoting()
    killed.control(Cause.KILL)
    assert killed.control(Cause.DRILL).replies == ["refused: HALTED"]
    assert killed.view().kill.reason is KillReason.MANUAL  # type: ignore[union-attr] # it is latched
