"""Dispatch: every event has its handler, the order of commands, replay, waking."""

from typing import get_args

import pytest
from tests.support.playbook import Playbook, active, proven, quoting, ready
from tests.support.said import Said

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine import _RANK, HANDLERS
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
