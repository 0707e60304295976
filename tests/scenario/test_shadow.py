"""Shadow mode: everything is decided, nothing leaves."""

from dataclasses import replace
from decimal import Decimal

from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, quoting

from market_maker.core.config import EngineLimits
from market_maker.core.events import BookSnapshot, OrderEvent, OrderEventKind
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State

SHADOW = EngineLimits(shadow_mode=True)


def shadowing(**given: object) -> Playbook:
    play = Playbook(limits=SHADOW, **given)  # type: ignore[arg-type]  # passed on
    play.snapshot()
    assert play.enable().reply == "done"
    return play


def test_enable_needs_no_proof_because_nothing_of_ours_is_sent() -> None:
    assert shadowing().state is State.ACTIVE


def test_each_evaluation_publishes_its_quote_and_its_verdicts() -> None:
    play = shadowing()
    assert play.said.lines == ("state PAUSED -> ACTIVE", "done", "publish quote")
    quote = play.said.quotes[0].quote
    assert (quote.bids[0].price_ticks, quote.asks[0].price_ticks) == (9995, 10005)
    assert play.verdict(Side.BUY) == play.verdict(Side.SELL) == "simulated"
    assert [len(play.evaluate().quotes) for _ in range(3)] == [1, 1, 1]


def test_a_published_quote_belongs_to_the_trace_of_the_data_it_was_made_from() -> None:
    play = shadowing()
    play.after(150)
    said = play.when(BookSnapshot(play.now_ns, play.now_ns, 50, ((9980, 5),), ((10020, 5),), trace="00-abc"))
    assert [quote.trace for quote in said.quotes] == ["00-abc"]


def test_no_request_leaves_whatever_happens() -> None:
    left = tuple(quoting().engine.symbol.orders)
    play = Playbook(limits=SHADOW, state=State.ACTIVE, open_orders=left)
    assert play.said.requests == []
    play.snapshot()
    play.enable()
    play.when(OrderEvent(play.now_ns, OrderEventKind.ACCEPTED, "x9", "other", None, 1))
    said = [play.said]
    said.append(play.execution("t1", Side.BUY, "1000", "0.1"))
    said.append(play.grid(tick_size=Decimal("0.01")))
    play.snapshot(((99800, 5),), ((100200, 5),))
    said.extend(play.evaluate() for _ in range(400))
    for cause in (Cause.FLATTEN, Cause.PAUSE, Cause.KILL, Cause.RESET):
        said.append(play.control(cause))
        said.append(play.tick(60_000))
    assert [line for step in said for line in step.requests] == []
    assert not play.engine.may_send_at(play.now_ns)


def test_levels_count_against_the_position_limit_as_if_they_had_been_sent() -> None:
    config = replace(CONFIG, num_levels=3, max_position_usdt=Decimal(212))
    play = shadowing(config=config)
    assert [play.verdict(Side.BUY, level) for level in range(3)] == [
        "simulated",
        "simulated",
        "position_limit",
    ]


def test_kill_switches_act_as_if_real_and_reset_leads_back() -> None:
    play = shadowing()
    said = play.lag(10_001)
    assert said.lines == ("state ACTIVE -> HALTED", "risk KAFKA_LAG", "notice kill_switch")
    assert said.risks[0].reason is KillReason.KAFKA_LAG
    assert play.control(Cause.RESET).reply == "done"


def test_a_book_that_cannot_be_quoted_from_publishes_nothing() -> None:
    play = shadowing()
    assert play.delta(prev=55).quotes == []
    assert play.evaluate().quotes == []
    assert play.view().no_quote_reason == "book_invalid"


def test_a_new_grid_is_taken_over_at_once() -> None:
    play = shadowing()
    play.grid(tick_size=Decimal("0.01"))
    play.snapshot(((99800, 5),), ((100200, 5),))
    quote = play.evaluate().quotes[0].quote
    assert quote.bids[0].price_ticks == 99950


def test_the_engine_does_not_wake_itself_for_nothing_in_shadow_mode() -> None:
    play = Playbook(limits=SHADOW)
    for _ in range(20):
        wake_ns = play.engine.wake_ns
        assert wake_ns > play.now_ns
        play.now_ns = wake_ns
        play.tick()
