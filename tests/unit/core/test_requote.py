"""Wanted against live: keep, cancel, place."""

from decimal import Decimal

from market_maker.core.commands import OrderStatus
from market_maker.core.events import Side
from market_maker.core.orders import Order
from market_maker.core.quoting import QuoteLevel, Verdict
from market_maker.core.requote import SidePlan, plan_side

FIVE_BPS = (5, 1)


def level(number: int, ticks: int, lots: int = 100, side: Side = Side.BUY) -> QuoteLevel:
    return QuoteLevel(side, number, ticks, lots, Verdict.QUOTED)


def order(
    number: int,
    ticks: int,
    lots: int = 100,
    side: Side = Side.BUY,
    status: OrderStatus = OrderStatus.OPEN,
) -> Order:
    return Order(f"o{ticks}", side, number, ticks, lots, Decimal(ticks), Decimal(lots), 0, status)


def plan(
    wanted: list[QuoteLevel],
    live: list[Order],
    *,
    side: Side = Side.BUY,
    threshold: tuple[int, int] = FIVE_BPS,
    barrier: int | None = None,
) -> SidePlan:
    return plan_side(side, wanted, live, threshold, barrier)


def test_nothing_wanted_and_nothing_live_is_nothing_to_do() -> None:
    assert plan([], []) == SidePlan((), ())


def test_what_is_missing_is_placed_inner_first() -> None:
    wanted = [level(0, 10_000), level(1, 9990), level(2, 9980)]
    assert plan(wanted, []).place == tuple(wanted)


def test_an_order_within_the_threshold_of_its_own_level_stays() -> None:
    assert plan([level(0, 10_000)], [order(0, 9995)]) == SidePlan((), ())
    assert plan([level(0, 10_000)], [order(0, 10_005)]) == SidePlan((), ())
    gone = order(0, 9994)
    assert plan([level(0, 10_000)], [gone]) == SidePlan((gone,), (level(0, 10_000),))


def test_a_threshold_may_be_a_fraction_of_a_basis_point() -> None:
    assert plan([level(0, 1_000_000)], [order(0, 999_975)], threshold=(1, 4)).cancel == ()
    assert len(plan([level(0, 1_000_000)], [order(0, 999_974)], threshold=(1, 4)).cancel) == 1


def test_an_outer_order_does_not_serve_an_inner_level_however_close() -> None:
    wanted = [level(0, 10_000), level(1, 9995)]
    assert plan(wanted, [order(1, 9995)]) == SidePlan((), (wanted[0],))


def test_half_of_the_target_left_is_enough() -> None:
    enough, short = order(0, 10_000), order(0, 10_000)
    enough.filled_lots, short.filled_lots = 50, 51
    assert plan([level(0, 10_000)], [enough]).cancel == ()
    assert plan([level(0, 10_000)], [short]).cancel == (short,)


def test_an_order_for_a_level_that_is_no_longer_wanted_goes() -> None:
    extra = order(1, 9990)
    assert plan([level(0, 10_000)], [order(0, 10_000), extra]) == SidePlan((extra,), ())


def test_an_adopted_order_serves_no_level() -> None:
    stranger = order(-1, 10_000)
    assert plan([level(0, 10_000)], [stranger]) == SidePlan((stranger,), (level(0, 10_000),))


def test_an_order_on_its_way_in_holds_its_level_whatever_its_price() -> None:
    pending = order(0, 9000, status=OrderStatus.PENDING_NEW)
    assert plan([level(0, 10_000)], [pending]) == SidePlan((), ())


def test_an_order_on_its_way_out_holds_nothing_and_is_not_cancelled_twice() -> None:
    leaving = order(0, 10_000, status=OrderStatus.PENDING_CANCEL)
    leaving.cancel_outstanding = True
    assert plan([level(0, 10_000)], [leaving]) == SidePlan((), (level(0, 10_000),))


def test_an_order_whose_cancel_came_to_nothing_is_cancelled_again() -> None:
    leaving = order(0, 10_000, status=OrderStatus.PENDING_CANCEL)
    assert plan([level(0, 10_000)], [leaving]).cancel == (leaving,)
    leaving.query_outstanding = True
    assert plan([level(0, 10_000)], [leaving]).cancel == ()


def test_an_order_in_the_way_of_the_other_side_goes_though_it_is_close_enough() -> None:
    bid = order(0, 10_000)
    assert plan([level(0, 9999)], [bid], barrier=10_001).cancel == ()
    assert plan([level(0, 9999)], [bid], barrier=10_000).cancel == (bid,)
    ask = order(0, 10_000, side=Side.SELL)
    wanted = [level(0, 10_001, side=Side.SELL)]
    assert plan(wanted, [ask], side=Side.SELL, barrier=9999).cancel == ()
    assert plan(wanted, [ask], side=Side.SELL, barrier=10_000).cancel == (ask,)


def test_cancels_go_out_inner_first() -> None:
    live = [order(2, 9980), order(0, 10_000), order(1, 9990)]
    assert [gone.level for gone in plan([], live).cancel] == [0, 1, 2]
