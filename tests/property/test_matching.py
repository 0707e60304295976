"""The matching engine against a naive one that sorts all orders anew for each arrival."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tradex_sandbox.matching import MatchingEngine
from tradex_sandbox.orders import BookOrder, OrderStatus, Side

ACCOUNTS = ("a", "b", "c")


@dataclass(frozen=True)
class Step:
    """An order, or with `cancels` the cancellation of the n-th order so far, if it rests."""

    side: Side
    ticks: int | None
    lots: int
    is_ioc: bool
    account: str
    cancels: int | None


STEPS = st.lists(
    st.builds(
        Step,
        side=st.sampled_from(Side),
        ticks=st.none() | st.integers(95, 105),
        lots=st.integers(1, 20),
        is_ioc=st.booleans(),
        account=st.sampled_from(ACCOUNTS),
        cancels=st.none() | st.none() | st.integers(0, 30),
    ),
    max_size=60,
)


@dataclass
class NaiveOrder:
    """An order of the reference."""

    number: int
    step: Step
    left: int
    rests: bool = False


class NaiveEngine:
    """Price-time priority as plainly as it can be said."""

    def __init__(self) -> None:
        self.orders: list[NaiveOrder] = []

    def submit(self, step: Step) -> list[tuple[int, int, int]]:
        """(maker's number, price, lots) of every match."""
        taker = NaiveOrder(len(self.orders), step, step.lots)
        self.orders.append(taker)
        matches: list[tuple[int, int, int]] = []
        while taker.left and (maker := self.best_for(step)) is not None:
            if maker.step.account == step.account:
                return matches
            lots = min(maker.left, taker.left)
            maker.left -= lots
            taker.left -= lots
            maker.rests = maker.left > 0
            assert maker.step.ticks is not None
            matches.append((maker.number, maker.step.ticks, lots))
        taker.rests = taker.left > 0 and step.ticks is not None and not step.is_ioc
        return matches

    def best_for(self, step: Step) -> NaiveOrder | None:
        """The resting order that comes first for an arrival, if it trades with it."""
        sign = 1 if step.side is Side.BUY else -1
        found = [
            (order.step.ticks * sign, order.number, order)
            for order in self.orders
            if order.rests and order.step.side is not step.side and order.step.ticks is not None
        ]
        if step.ticks is not None:
            found = [entry for entry in found if entry[0] <= step.ticks * sign]
        return min(found)[2] if found else None

    def resting(self, side: Side) -> list[tuple[int, int]]:
        """(number, lots left) of each resting order, first in line first."""
        sign = -1 if side is Side.BUY else 1
        found = [order for order in self.orders if order.rests and order.step.side is side]
        ordered = sorted(found, key=lambda order: ((order.step.ticks or 0) * sign, order.number))
        return [(order.number, order.left) for order in ordered]


@given(STEPS)
def test_matches_and_book_are_those_of_a_naive_engine(steps: list[Step]) -> None:
    engine, naive = MatchingEngine(), NaiveEngine()
    orders: list[BookOrder] = []
    for step in steps:
        if step.cancels is not None and step.cancels < len(orders):
            cancel(engine, naive, orders[step.cancels])
        order = book_order(str(len(orders)), step)
        orders.append(order)
        matches = engine.submit(order, 0)
        assert [(int(m.maker.order_id), m.ticks, m.lots) for m in matches] == naive.submit(step)
        check(engine, naive)
        assert sum(match.lots for match in matches) == order.lots - order.remaining
    filled = {side: sum(o.lots - o.remaining for o in orders if o.side is side) for side in Side}
    assert filled[Side.BUY] == filled[Side.SELL]


def book_order(order_id: str, step: Step) -> BookOrder:
    """The order that a step enters."""
    return BookOrder(
        order_id, None, step.account, step.side, step.ticks, step.lots, is_ioc=step.is_ioc, post_only=False
    )


def cancel(engine: MatchingEngine, naive: NaiveEngine, order: BookOrder) -> None:
    """Cancel in both, if the order rests."""
    reference = naive.orders[int(order.order_id)]
    if reference.rests:
        engine.cancel(order, "REQUESTED", 0)
        reference.rests = False


def check(engine: MatchingEngine, naive: NaiveEngine) -> None:
    """Same queues, levels that are their sums, never crossed, final orders never in the book."""
    bid, ask = engine.bids.best, engine.asks.best
    assert bid is None or ask is None or bid < ask
    for side in Side:
        resting = engine.side(side)
        assert [(int(order.order_id), order.remaining) for order in resting.orders()] == naive.resting(side)
        assert all(
            order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED) for order in resting.orders()
        )
        for ticks in resting.prices():
            assert resting.lots(ticks) == sum(order.remaining for order in resting.queue(ticks)) > 0
