"""Dispatch: every event has its handler, the order of commands, replay, waking."""

from itertools import pairwise
from typing import get_args

import pytest
from tests.support.playbook import Playbook, active, proven, quoting, ready
from tests.support.said import Said

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import _RANK, HANDLERS
from market_maker.core.states import Cause


def test_every_event_has_a_handler() -> None:
    assert set(HANDLERS) == set(get_args(ev.Event))


def test_every_command_has_its_place() -> None:
    assert set(_RANK) == set(get_args(cmd.Command))


def test_what_is_no_event_is_refused() -> None:
    class Stranger(ev.Tick):
        """Not one of the engine's events."""

    with pytest.raises(KeyError):
        ready().engine.handle(Stranger(0))


def script(play: Playbook) -> list[Said]:
    """A life with everything in it."""
    said = [play.snapshot()]
    proven(play)
    said += [play.enable(), play.place_answer("c1"), play.place_answer("c2"), play.fill("c1", 60, "t1")]
    said += [play.mid(10_008), play.evaluate(), play.cancel_answer("c1"), play.stream_cancelled("c1")]
    said += [play.mark("1000"), play.tick(1000), play.kill(), play.tick(500)]
    for name in play.unsettled():
        said.append(play.stream_cancelled(name))
    proven(play)
    said += [play.control(Cause.RESET), play.snapshot(), play.enable()]
    return said


def test_the_same_events_give_the_same_commands_ids_included() -> None:
    first, second = script(Playbook()), script(Playbook())
    assert [step.commands for step in first] == [step.commands for step in second]
    assert sum(len(step.placed) for step in first) > 4


def test_time_never_runs_backwards_in_the_engine() -> None:
    play = quoting()
    play.tick(50)
    now_ns = play.engine.symbol.now_ns
    play.when(ev.Tick(now_ns - 40_000_000))
    assert play.engine.symbol.now_ns == now_ns


def test_an_order_tells_which_event_caused_it() -> None:
    play = ready()
    play.enable()
    play.place_answer("c1")
    play.place_answer("c2")
    play.after(150)
    said = play.when(
        ev.BookSnapshot(play.now_ns, play.now_ns, 50, ((10_080, 5),), ((10_120, 5),), trace="00-abc")
    )
    assert {(order.caused_at_ns, order.trace) for order in said.placed} == {(play.now_ns, "00-abc")}


def test_clear_means_proven_and_nothing_unsettled() -> None:
    play = Playbook()
    clear = [play.engine.is_clear]
    proven(play)
    clear.append(play.engine.is_clear)
    play.snapshot()
    play.enable()
    clear.append(play.engine.is_clear)
    assert clear == [False, True, False]


def test_an_active_engine_that_nobody_answers_still_wakes_once_per_interval_only() -> None:
    play = active()
    woken = 0
    until_ns = play.now_ns + 10_000_000_000
    while play.now_ns < until_ns:
        play.now_ns = play.engine.wake_ns
        play.tick()
        woken += 1
    assert woken <= 102


def evaluations(play: Playbook, count: int) -> list[int]:
    """When the next ones take place, if nothing but time passes."""
    times = []
    for _ in range(count):
        play.evaluate()
        times.append(play.engine.symbol.evaluated_ns)
    return times


def test_after_a_stall_every_symbol_is_evaluated_at_a_time_of_its_own_again() -> None:
    interval_ns = quoting().engine.symbol.interval_ns
    fleet = [quoting(phase=number * interval_ns // 10) for number in range(10)]
    for play in fleet:
        play.now_ns = fleet[-1].now_ns + 40 * interval_ns  # the process stood still: all are late
        play.tick()
    assert len({play.engine.symbol.evaluated_ns for play in fleet}) == 1
    assert len({play.engine.wake_ns for play in fleet}) == 10
    following = [evaluations(play, 5) for play in fleet]
    assert {times[-1] % interval_ns for times in following} == {n * interval_ns // 10 for n in range(10)}


def test_the_first_interval_after_a_late_evaluation_is_half_as_long_or_as_long_again_at_most() -> None:
    play = quoting(phase=30_000_000)
    symbol = play.engine.symbol
    for late_ms in range(10, 240, 7):
        play.tick(symbol.interval_ns / 1e6 + late_ms)
        late_ns = symbol.evaluated_ns
        first_ns, *others_ns = evaluations(play, 3)
        assert symbol.interval_ns <= 2 * (first_ns - late_ns) <= 3 * symbol.interval_ns
        gaps_ns = {later - earlier for earlier, later in pairwise([first_ns, *others_ns])}
        assert gaps_ns == {symbol.interval_ns}
        play.snapshot()


def test_while_others_best_prices_stand_the_mid_is_the_same_object() -> None:
    play = quoting()
    symbol = play.engine.symbol
    before, quote = symbol.mid, symbol.quote
    play.trade("10000")
    play.evaluate()
    assert symbol.mid is before
    assert symbol.quote is quote
    play.mid(10_008)
    play.evaluate()
    assert symbol.mid is not before
    assert symbol.quote is not quote
