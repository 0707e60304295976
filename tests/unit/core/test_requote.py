"""Wanted against live: keep, cancel at once, let wait, place."""

from decimal import Decimal

import pytest

from market_maker.core.commands import OrderStatus
from market_maker.core.orders.order_tracker import Order
from market_maker.core.orders.requote import SidePlan, Tolerance, plan_side
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel
from market_maker.core.side import Side

TOLERANCE = Tolerance.of((5, 1), 2)
"""5 bps too passive; 2 ticks too aggressive."""


def level(number: int, ticks: int, lots: int = 100, side: Side = Side.BUY) -> QuoteLevel:
    return QuoteLevel(side, number, ticks, lots, Outcome.QUOTED)


def order(
    ticks: int,
    lots: int = 100,
    *,
    side: Side = Side.BUY,
    status: OrderStatus = OrderStatus.OPEN,
    sent_ns: int = 0,
) -> Order:
    name = f"o{ticks}-{sent_ns}"
    return Order(name, side, 0, ticks, lots, Decimal(ticks), Decimal(lots), sent_ns, status)


def plan(
    wanted: list[QuoteLevel],
    live: list[Order],
    *,
    full: list[QuoteLevel] | None = None,
    tolerance: Tolerance = TOLERANCE,
    excess: list[Order] | None = None,
) -> SidePlan:
    side = wanted[0].side if wanted else Side.BUY
    return plan_side(side, wanted, full or [], live, tolerance, excess or [])


def kept(found: SidePlan) -> list[tuple[int, int]]:
    """(level, price) of what stays."""
    return [(level.level, order.price_ticks) for order, level in found.kept]


LADDER = [level(0, 10_000), level(1, 9990), level(2, 9980)]


def test_nothing_wanted_and_nothing_live_is_nothing_to_do() -> None:
    assert plan([], []) == SidePlan((), (), (), ())


def test_what_is_missing_is_placed_inner_first() -> None:
    assert plan(LADDER, []).missing == tuple(LADDER)


@pytest.mark.parametrize("side", list(Side))
def test_an_order_stays_up_to_the_threshold_too_passive_and_waits_beyond_it(side: Side) -> None:
    wanted = [level(0, 10_000, side=side)]
    near, far = (order(10_000 - side.sign * away, side=side) for away in (5, 6))
    assert plan(wanted, [near]) == SidePlan((), ((near, wanted[0]),), (), ())
    assert plan(wanted, [far]) == SidePlan((), (), tuple(wanted), (far,))


@pytest.mark.parametrize("side", list(Side))
def test_an_order_stays_up_to_the_tolerance_too_aggressive_and_goes_at_once_beyond_it(side: Side) -> None:
    wanted = [level(0, 10_000, side=side)]
    near, far = (order(10_000 + side.sign * away, side=side) for away in (2, 3))
    assert plan(wanted, [near]) == SidePlan((), ((near, wanted[0]),), (), ())
    assert plan(wanted, [far]) == SidePlan((far,), (), tuple(wanted), ())


def test_the_threshold_bounds_both_directions() -> None:
    tolerance = Tolerance.of((1, 1), 2)
    near, far = order(10_001), order(10_002)
    assert plan([level(0, 10_000)], [near], tolerance=tolerance).cancel == ()
    assert plan([level(0, 10_000)], [far], tolerance=tolerance).cancel == (far,)


def test_a_threshold_may_be_a_fraction_of_a_basis_point() -> None:
    quarter = Tolerance.of((1, 4), 0)
    assert plan([level(0, 1_000_000)], [order(999_975)], tolerance=quarter).waiting == ()
    assert len(plan([level(0, 1_000_000)], [order(999_974)], tolerance=quarter).waiting) == 1


def test_half_of_the_target_left_is_enough_and_less_waits_for_its_replacement() -> None:
    enough, short = order(10_000), order(10_000)
    enough.filled_lots, short.filled_lots = 50, 51
    assert kept(plan([level(0, 10_000)], [enough])) == [(0, 10_000)]
    assert plan([level(0, 10_000)], [short]).waiting == (short,)


# --- by price, not by number -----------------------------------------------------------------------


def test_after_a_move_by_one_spacing_only_the_ends_of_the_ladder_change() -> None:
    inward = plan(LADDER, [order(9990), order(9980), order(9970)])
    assert kept(inward) == [(1, 9990), (2, 9980)]
    assert inward.missing == (LADDER[0],)
    assert [left.price_ticks for left in inward.waiting] == [9970]
    outward = plan(LADDER, [order(10_010), order(10_000), order(9990)])
    assert kept(outward) == [(0, 10_000), (1, 9990)]
    assert outward.missing == (LADDER[2],)
    assert [gone.price_ticks for gone in outward.cancel] == [10_010]


def test_a_level_that_filled_is_missing_itself_though_an_outer_order_would_be_close_enough() -> None:
    wanted = [level(0, 10_000), level(1, 9996), level(2, 9992)]
    found = plan(wanted, [order(9996), order(9992)])
    assert kept(found) == [(1, 9996), (2, 9992)]
    assert found.missing == (wanted[0],)


def test_as_many_orders_stay_as_fit_even_where_a_nearer_level_would_keep_fewer() -> None:
    wanted = [level(0, 10_000), level(1, 9996)]
    assert kept(plan(wanted, [order(9996), order(9992)])) == [(0, 9996), (1, 9992)]


def test_with_a_threshold_above_the_spacing_no_inner_level_ends_outside_an_outer_one() -> None:
    wanted = [level(0, 10_000), level(1, 9998)]
    found = plan(wanted, [order(9996)])
    assert kept(found) == [(1, 9996)]
    assert found.missing == (wanted[0],)


def test_of_two_orders_for_one_level_the_one_that_queued_longer_stays() -> None:
    older, nearer = order(9996, sent_ns=1), order(10_000, sent_ns=2)
    assert plan([level(0, 10_000)], [nearer, older]) == SidePlan(
        (nearer,), ((older, level(0, 10_000)),), (), ()
    )


# --- what goes at once, and what waits -------------------------------------------------------------


def test_of_more_orders_than_levels_the_outermost_goes() -> None:
    inner, outer = order(10_000), order(9900)
    assert plan([level(0, 10_000)], [outer, inner]).cancel == (outer,)


def test_a_side_without_levels_is_cancelled_inner_first() -> None:
    live = [order(9980), order(10_000), order(9990)]
    assert [gone.price_ticks for gone in plan([], live).cancel] == [10_000, 9990, 9980]


def test_an_order_between_two_levels_waits() -> None:
    between = order(9985)
    wanted = [level(0, 10_000), level(1, 9970)]
    assert plan(wanted, [order(10_000), between]).waiting == (between,)


def test_an_order_beyond_a_limit_goes_and_its_level_is_missing() -> None:
    beyond = order(10_000)
    assert plan([level(0, 10_000)], [beyond], excess=[beyond]) == SidePlan(
        (beyond,), (), (level(0, 10_000),), ()
    )


def test_where_the_position_limit_has_no_room_for_a_new_order_one_that_rests_may_stay() -> None:
    resting, full = order(9990, 10), [level(1, 9990, 0)]
    assert kept(plan([level(0, 10_000)], [order(10_000), resting], full=full)) == [(0, 10_000), (1, 9990)]
    assert kept(plan([], [resting], full=full)) == [(1, 9990)]
    needed = plan([level(0, 10_000)], [resting], full=full)
    assert needed.missing == (level(0, 10_000),)
    assert needed.waiting == (resting,)


# --- on the way in, on the way out -----------------------------------------------------------------


def test_an_order_on_its_way_in_holds_the_nearest_level_whatever_its_price() -> None:
    pending = order(9000, status=OrderStatus.PENDING_NEW)
    found = plan(LADDER, [pending])
    assert kept(found) == [(2, 9000)]
    assert found.missing == (LADDER[0], LADDER[1])


def test_two_orders_on_their_way_in_hold_two_levels_in_the_sequence_of_their_prices() -> None:
    pending = [order(9979 + n, status=OrderStatus.PENDING_NEW, sent_ns=n) for n in range(2)]
    assert kept(plan(LADDER, pending)) == [(1, 9980), (2, 9979)]


def test_an_order_on_its_way_out_holds_nothing_and_is_not_cancelled_twice() -> None:
    leaving = order(10_000, status=OrderStatus.PENDING_CANCEL)
    leaving.cancel_outstanding = True
    assert plan([level(0, 10_000)], [leaving]) == SidePlan((), (), (level(0, 10_000),), ())


def test_an_order_whose_cancel_came_to_nothing_is_cancelled_again() -> None:
    leaving = order(10_000, status=OrderStatus.PENDING_CANCEL)
    assert plan([level(0, 10_000)], [leaving]).cancel == (leaving,)
    leaving.query_outstanding = True
    assert plan([level(0, 10_000)], [leaving]).cancel == ()
