"""Where the result comes from and how prices go on after fills, through kills, resets and restarts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG, MS, START_NS
from tests.support.playbook import Playbook, active, proven, quoting, ready

from market_maker.core.commands import RecordPnl
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.markouts import Watched
from market_maker.core.results import Parts
from market_maker.core.side import Side
from market_maker.core.states import Cause


def parts(spread: str, inventory: str, fees: str = "0") -> Parts:
    return Parts(Decimal(spread), Decimal(inventory), Decimal(fees))


def markouts(play: Playbook) -> list[str]:
    """What the latest answer says of markouts."""
    return [line for line in play.said.lines if line.startswith("markouts")]


def test_a_fill_captures_its_distance_from_the_mid_and_pays_its_fee() -> None:
    play = quoting()
    play.fill("c1", 40, "t1", fee="0.01")
    view = play.view().pnl
    assert view.parts == parts("0.02", "0", "0.01")
    assert view.parts.total == view.total


def test_the_price_of_a_position_is_inventory_and_spread_capture_stays() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    play.after(200).mid(9_900)
    view = play.view().pnl
    assert view.parts == parts("0.02", "-0.4")
    assert view.parts.total == view.total
    play.fill("c2", 40, "t2")
    assert play.view().pnl.parts == parts("0.44", "-0.4")


def test_another_kind_of_price_that_values_the_position_is_inventory() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    play.mark("1010")
    assert play.view().pnl.parts == parts("0.02", "0.4")
    play.tick(6_000)
    assert play.view().pnl.price_source == "book"
    assert play.view().pnl.parts == parts("0.02", "0")


def test_a_fill_before_any_price_captures_nothing_and_the_first_price_moves_it_from_its_cost() -> None:
    play = Playbook()
    play.execution("t1", Side.BUY, "1000", "2", fee="1")
    assert play.said.fills[0].mid is None
    play.execution("t2", Side.SELL, "1010", "1")
    view = play.view().pnl
    assert (view.parts, view.total) == (parts("0", "10", "1"), Decimal(9))
    play.mark("1003")
    view = play.view().pnl
    assert (view.parts, view.total) == (parts("0", "13", "1"), Decimal(12))


def test_a_rebase_lets_all_parts_count_anew_and_says_what_they_were() -> None:
    play = quoting()
    play.fill("c1", 40, "t1", fee="0.01")
    play.kill()
    play.stream_cancelled("c1")
    play.stream_cancelled("c2")
    proven(play)
    play.control(Cause.RESET, rebase_pnl=True)
    play.after(200).mid(9_990)
    (moved,) = play.said.states
    assert (moved.pnl_baseline, moved.spread_baseline, moved.fees_baseline) == (
        Decimal("-0.03"),
        Decimal("0.02"),
        Decimal("0.01"),
    )
    assert play.view().pnl.parts == parts("0", "0")
    play.after(200).mid(9_980)
    assert play.view().pnl.parts == parts("0", "-0.04")
    assert play.view().pnl.total == Decimal("-0.04")


def test_a_kill_leaves_the_parts_as_they_are() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    play.after(200).mid(9_900)
    before = play.view().pnl.parts
    play.kill()
    assert play.view().pnl.parts == before


def test_the_parts_survive_a_restart_and_value_the_position_again_with_the_first_price() -> None:
    first = quoting()
    first.fill("c1", 40, "t1", fee="0.01")
    again = ready(inventory=Inventory.from_row(first.engine.symbol.inventory.to_row()))
    assert again.view().pnl.parts == parts("0.02", "0", "0.01")
    again.after(200).mid(10_010)
    assert again.view().pnl.parts == parts("0.02", "0.04", "0.01")
    assert again.view().pnl.parts.total == again.view().pnl.total


def test_a_fill_is_recorded_with_the_price_that_valued_it_and_its_level() -> None:
    play = quoting()
    (fill,) = play.fill("c1", 40, "t1").fills
    assert (fill.mid, fill.level) == (Decimal(1000), 0)
    (fill,) = play.execution("t2", Side.SELL, "1001", "0.01").fills
    assert (fill.mid, fill.level) == (Decimal(1000), None)


def test_markouts_are_the_mid_at_each_horizon_whatever_comes_later() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    play.after(50).mid(10_010)
    play.after(100).mid(9_000)
    assert markouts(play) == ["markouts t1 +100 ms 1001.0"]
    play.after(851).mid(10_020)
    assert markouts(play) == ["markouts t1 +1000 ms 900.0"]


def test_the_engine_wakes_when_a_markout_is_due() -> None:
    play = ready()
    play.execution("t1", Side.BUY, "1000", "1")
    assert play.engine.wake_ns == START_NS + 100 * MS


def test_several_horizons_that_are_heard_of_at_once_are_each_taken_at_their_time() -> None:
    play = ready()
    play.execution("t1", Side.BUY, "1000", "1")
    play.after(4_000).snapshot()
    play.after(8_000).snapshot()
    assert markouts(play) == ["markouts t1 +10000 ms STALE"]
    play.tick(60_000)
    assert markouts(play) == ["markouts t1 +60000 ms STALE"]


def test_a_markout_without_a_valid_book_or_in_a_halted_symbol_is_missing() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    play.delta(prev=77)
    play.tick(100)
    assert markouts(play) == ["markouts t1 +100 ms NO_MID"]
    play.kill()
    play.tick(1_000)
    assert markouts(play) == ["markouts t1 +1000 ms HALTED"]


def test_a_markout_at_an_uncertain_mid_is_missing() -> None:
    play = active(config=replace(CONFIG, price_threshold_bps=Decimal(0)))
    play.place_answer("c2")
    play.execution("t1", Side.BUY, "1000", "1")
    play.after(50).delta(((9995, 100),))
    play.tick(50)
    assert markouts(play) == ["markouts t1 +100 ms UNCERTAIN"]


def test_due_markouts_survive_a_restart_where_their_time_is_yet_to_come() -> None:
    executed_us = START_NS // 1_000 - 5_000_000
    due = Watched("t1", Side.BUY, 0, Decimal(1000), Decimal(1), executed_us, (1_000, 10_000, 60_000))
    play = Playbook(due_markouts=(due,))
    assert markouts(play) == ["markouts t1 +1000 ms RESTART"]
    proven(play)
    play.after(4_000).snapshot()
    play.tick(1_000)
    assert markouts(play) == ["markouts t1 +10000 ms 1000.0"]


def test_a_fill_that_is_heard_of_late_has_no_early_markouts() -> None:
    play = ready()
    executed = play.now_ns
    play.tick(500)
    play.now_ns = executed
    play.execution("t2", Side.BUY, "1000", "1")
    assert markouts(play) == ["markouts t2 +100 ms LATE"]


@pytest.mark.parametrize("ms", [60_000, 61_000])
def test_the_result_is_recorded_as_it_stood_at_the_full_minute(ms: int) -> None:
    play = active()
    play.place_answer("c1")
    play.fill("c1", 40, "t1")
    play.after(200).mid(9_990)
    left_ms = 60_000 - play.now_ns // MS % 60_000
    play.after(left_ms + ms - 60_000).mid(9_000)
    (result,) = (command for command in play.said.commands if isinstance(command, RecordPnl))
    assert result.at_us * 1_000 % (60_000 * MS) == 0
    assert (result.parts, result.position, result.mid) == (
        parts("0.02", "-0.04"),
        Decimal("0.04"),
        Decimal(999),
    )


def test_a_result_that_has_not_changed_is_not_recorded_again() -> None:
    play = quoting()
    play.fill("c1", 40, "t1")
    results = 0
    for _ in range(5):
        play.tick(60_000)
        results += sum(isinstance(command, RecordPnl) for command in play.said.commands)
    assert results == 1
