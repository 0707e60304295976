"""What must hold of every plan of a side, whatever rests and whatever is wanted."""

from decimal import Decimal
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from market_maker.core.commands import OrderStatus
from market_maker.core.orders.order_tracker import Order
from market_maker.core.orders.requote import SidePlan, Tolerance, plan_side
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel
from market_maker.core.side import Side

MIDDLE = 10_000
STATUSES = (OrderStatus.OPEN,) * 5 + (
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_NEW,
    OrderStatus.PENDING_CANCEL,
)


class Ladder:
    """One side as drawn: levels, orders and how far they may be apart."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.side: Side = draw(st.sampled_from(Side))
        self.tolerance = Tolerance.of(
            draw(st.sampled_from([(0, 1), (3, 2), (5, 1), (20, 1)])), draw(st.integers(0, 4))
        )
        inner, spacing = draw(st.integers(-10, 10)), draw(st.integers(1, 12))
        self.levels = [
            self.level(number, inner + number * spacing) for number in range(draw(st.integers(0, 5)))
        ]
        places = draw(st.lists(st.integers(-30, 70), max_size=7))
        self.orders = [
            self.order(name, away, draw(st.sampled_from((100, 50, 49))), draw(st.sampled_from(STATUSES)))
            for name, away in enumerate(places)
        ]
        for order in self.orders:
            order.sent_ns = draw(st.integers(0, 4))

    def level(self, number: int, away: int) -> QuoteLevel:
        """A level so many ticks outside the middle."""
        return QuoteLevel(self.side, number, MIDDLE - self.side.sign * away, 100, Outcome.QUOTED)

    def order(self, name: int, away: int, lots: int, status: OrderStatus) -> Order:
        """An order so many ticks outside the middle."""
        ticks = MIDDLE - self.side.sign * away
        return Order(f"c{name}", self.side, 0, ticks, lots, Decimal(ticks), Decimal(lots), 0, status)

    def plan(self) -> SidePlan:
        """What is to be done."""
        return plan_side(self.side, self.levels, [], self.orders, self.tolerance)

    def outward(self, order: Order, level: QuoteLevel) -> int:
        """How many ticks too passive the order is for the level; negative: too aggressive."""
        return self.side.sign * (level.price_ticks - order.price_ticks)

    def fits(self, order: Order, level: QuoteLevel) -> bool:
        """The rule, worked out another way than the code does."""
        passive: int = level.price_ticks * self.tolerance.passive_num // self.tolerance.passive_den
        inward = min(self.tolerance.inward_ticks, passive)
        return -inward <= self.outward(order, level) <= passive and 2 * order.open_lots >= level.lots

    def most_matched(self, orders: list[Order], levels: list[QuoteLevel]) -> int:
        """How many orders can stay at best, by trying all sequences."""
        for count in range(min(len(orders), len(levels)), 0, -1):
            for chosen in combinations(orders, count):
                for places in combinations(levels, count):
                    if all(map(self.fits, chosen, places)):
                        return count
        return 0


sides = st.composite(Ladder)()


@given(sides)
def test_every_order_and_every_level_has_one_place_in_the_plan(given: Ladder) -> None:
    plan = given.plan()
    staying = [order for order, _ in plan.kept] + list(plan.waiting)
    assert len({id(order) for order in (*staying, *plan.cancel)}) == len(staying) + len(plan.cancel)
    served = [level.level for _, level in plan.kept] + [level.level for level in plan.missing]
    assert sorted(served) == [level.level for level in given.levels]
    assert len(plan.waiting) <= len(plan.missing)


@given(sides)
def test_no_inner_level_ends_outside_an_outer_one(given: Ladder) -> None:
    plan = given.plan()
    by_level = sorted(plan.kept, key=lambda pair: pair[1].level)
    for (inner, _), (outer, _) in pairwise(by_level):
        assert given.side.sign * (inner.price_ticks - outer.price_ticks) >= 0


@given(sides)
def test_after_the_missing_levels_were_sent_the_ladder_is_in_order(given: Ladder) -> None:
    plan = given.plan()
    if any(order.status is OrderStatus.PENDING_NEW for order in given.orders):
        return
    standing = [(level.level, order.price_ticks) for order, level in plan.kept]
    standing += [(level.level, level.price_ticks) for level in plan.missing]
    for (_, inner), (_, outer) in pairwise(sorted(standing)):
        assert given.side.sign * (inner - outer) >= 0


@given(sides)
def test_what_is_kept_fits_and_no_more_could_be_kept(given: Ladder) -> None:
    plan = given.plan()
    resting = [order for order in given.orders if order.rests]
    if any(order.status is OrderStatus.PENDING_NEW for order in given.orders):
        return
    assert all(given.fits(order, level) for order, level in plan.kept)
    judged = [order for order in resting if order.status is not OrderStatus.PENDING_CANCEL]
    judged.sort(key=lambda order: -given.side.sign * order.price_ticks)
    assert len(plan.kept) == given.most_matched(judged, given.levels)


@given(sides)
def test_an_order_that_goes_is_too_aggressive_or_one_too_many(given: Ladder) -> None:
    """Invariant 16, both ways."""
    plan = given.plan()
    inner = given.levels[0] if given.levels else None
    for order in plan.waiting:
        assert inner is not None
        assert given.outward(order, inner) >= -given.tolerance.inward_ticks
    gone = [order for order in plan.cancel if order.status is not OrderStatus.PENDING_CANCEL]
    harmless = [
        order for order in gone if inner is not None and not given.tolerance.too_aggressive(order, inner)
    ]
    if harmless:
        assert len(plan.kept) + len(plan.waiting) >= len(given.levels)


@given(sides)
def test_once_carried_out_the_same_levels_leave_nothing_to_do(given: Ladder) -> None:
    plan = given.plan()
    if any(order.status is OrderStatus.PENDING_NEW for order in given.orders):
        return
    for number, level in enumerate(plan.missing, 100):
        given.orders.append(
            given.order(number, given.side.sign * (MIDDLE - level.price_ticks), 100, OrderStatus.OPEN)
        )
        given.orders[-1].sent_ns = 10
    left = {id(order) for order in (*plan.cancel, *plan.waiting)}
    given.orders = [
        order
        for order in given.orders
        if id(order) not in left and order.status is not OrderStatus.PENDING_CANCEL
    ]
    again = given.plan()
    assert (again.cancel, again.missing, again.waiting) == ((), (), ())
