"""What another configuration would do against the live book, asked before it is saved."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, active

from market_maker.core.side import Side
from market_maker.core.states import KillReason
from market_maker.core.view import PreviewView


def resting() -> Playbook:
    """ACTIVE, with a bid at 9995 and an ask at 10005 ticks in the market."""
    play = active()
    for name in play.names:
        play.place_answer(name)
    return play


def prices(seen: PreviewView) -> list[int]:
    assert seen.quote is not None
    return [level.price_ticks for level in (*seen.quote.bids, *seen.quote.asks)]


def test_the_configuration_that_stands_would_change_nothing() -> None:
    play = resting()
    seen = play.engine.preview(play.engine.symbol.config)
    assert prices(seen) == [9995, 10005]
    assert (seen.cancelled, seen.placed, seen.kept) == ((), (), 2)


def test_a_wider_spread_would_replace_both_orders() -> None:
    seen = resting().engine.preview(replace(CONFIG, base_spread_bps=Decimal(40)))
    assert prices(seen) == [9980, 10020]
    assert [order.price for order in seen.cancelled] == [Decimal("999.5"), Decimal("1000.5")]
    assert seen.placed == ((Side.BUY, 0), (Side.SELL, 0))


def test_another_level_would_be_placed_beside_what_rests() -> None:
    seen = resting().engine.preview(replace(CONFIG, num_levels=2))
    assert seen.placed == ((Side.BUY, 1), (Side.SELL, 1))
    assert (seen.cancelled, seen.kept) == ((), 2)


def test_a_limit_that_is_broken_already_would_halt_and_cancel_everything() -> None:
    play = resting()
    play.fill("c1", 100, "t1")
    seen = play.engine.preview(replace(CONFIG, max_position_usdt=Decimal(50)))
    assert seen.kill is not None
    assert seen.kill.reason is KillReason.EXPOSURE_BREACH
    assert seen.placed == ()
    assert len(seen.cancelled) == play.view().open_orders


def test_without_a_valid_book_there_is_a_reason_instead_of_quotes() -> None:
    play = Playbook()
    seen = play.engine.preview(CONFIG)
    assert (seen.quote, seen.no_quote_reason) == (None, "book_invalid")


def test_while_a_new_grid_waits_for_the_old_orders_nothing_is_quoted_in_ticks_of_two_sizes() -> None:
    play = resting()
    play.grid(tick_size=Decimal(1))
    play.snapshot(((998, 500),), ((1002, 500),))
    seen = play.engine.preview(CONFIG)
    assert (seen.quote, seen.no_quote_reason) == (None, "grid_changing")


def test_looking_changes_nothing() -> None:
    play = resting()
    before = deepcopy(play.engine.view())
    for spread in ("1", "40", "900"):
        play.engine.preview(replace(CONFIG, base_spread_bps=Decimal(spread), num_levels=5))
        play.engine.depth(10)
    assert play.engine.view() == before


def test_the_depth_shows_our_part_of_each_price() -> None:
    play = resting()
    bids, asks = play.engine.depth(2)
    assert [(level.price, level.others, level.ours) for level in bids] == [
        (Decimal("998.0"), Decimal("0.500"), Decimal(0)),
        (Decimal("997.0"), Decimal("0.500"), Decimal(0)),
    ]
    play.snapshot(((9995, 300), (9980, 500)))
    bids, _ = play.engine.depth(1)
    assert [(level.price, level.others, level.ours) for level in bids] == [
        (Decimal("999.5"), Decimal("0.200"), Decimal("0.100"))
    ]
    assert len(asks) == 2


@pytest.mark.parametrize("levels", [1, 3])
def test_the_depth_is_bounded(levels: int) -> None:
    play = resting()
    play.snapshot(tuple((9980 - step, 10) for step in range(10)))
    assert len(play.engine.depth(levels)[0]) == levels
