from typing import Any

import pytest

from tradex_sandbox.matching import Match, MatchingEngine
from tradex_sandbox.orders import BookOrder, OrderStatus, Side

BUY, SELL = Side.BUY, Side.SELL


class Desk:
    """A matching engine and a way to enter orders into it, one per call, each of another account."""

    def __init__(self) -> None:
        self.engine = MatchingEngine()
        self.entered = 0

    def order(
        self, side: Side, ticks: int | None, lots: int, **changes: Any
    ) -> tuple[BookOrder, list[Match]]:
        """Enter an order; what it matched."""
        self.entered += 1
        name = str(self.entered)
        fields: dict[str, Any] = {"account_id": f"account-{name}", "is_ioc": False, "post_only": False}
        order = BookOrder(name, name, side=side, ticks=ticks, lots=lots, **{**fields, **changes})
        return order, self.engine.submit(order, self.entered)

    @property
    def top(self) -> tuple[int | None, int | None]:
        """Best bid and ask."""
        return self.engine.bids.best, self.engine.asks.best


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_orders_that_do_not_meet_rest(desk: Desk) -> None:
    desk.order(BUY, 99, 1)
    desk.order(SELL, 101, 2)
    desk.order(BUY, 98, 5)
    assert desk.top == (99, 101)
    assert desk.engine.bids.prices() == [99, 98]


def test_best_price_trades_first_and_at_the_resting_price(desk: Desk) -> None:
    desk.order(SELL, 102, 3)
    desk.order(SELL, 101, 2)
    taker, matches = desk.order(BUY, 105, 4)
    assert [(match.ticks, match.lots) for match in matches] == [(101, 2), (102, 2)]
    assert taker.status is OrderStatus.FILLED
    assert desk.engine.asks.lots(102) == 1


def test_oldest_order_at_a_price_trades_first(desk: Desk) -> None:
    first, _ = desk.order(BUY, 100, 2)
    second, _ = desk.order(BUY, 100, 2)
    desk.order(SELL, 100, 3)
    assert (first.status, second.status) == (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED)
    assert (first.remaining, second.remaining) == (0, 1)


def test_a_cancelled_order_gives_its_place_to_the_next(desk: Desk) -> None:
    first, _ = desk.order(BUY, 100, 2)
    second, _ = desk.order(BUY, 100, 2)
    assert desk.engine.cancel(first, "REQUESTED", 9) == 100
    _, (match,) = desk.order(SELL, 100, 1)
    assert match.maker is second
    assert (first.status, first.reason, first.remaining) == (OrderStatus.CANCELLED, "REQUESTED", 2)


def test_remainder_of_a_limit_order_rests_at_its_price(desk: Desk) -> None:
    desk.order(SELL, 101, 2)
    desk.order(BUY, 101, 5)
    assert desk.top == (101, None)
    assert desk.engine.bids.lots(101) == 3


def test_remainder_of_an_ioc_or_market_order_is_cancelled(desk: Desk) -> None:
    desk.order(SELL, 101, 2)
    ioc, _ = desk.order(BUY, 101, 5, is_ioc=True)
    market, matches = desk.order(BUY, None, 5)
    assert (ioc.status, ioc.reason, ioc.remaining) == (OrderStatus.CANCELLED, "IOC_REMAINDER", 3)
    assert (market.status, matches) == (OrderStatus.CANCELLED, [])
    assert desk.top == (None, None)


def test_an_order_that_reaches_its_own_account_is_cancelled_there(desk: Desk) -> None:
    desk.order(SELL, 101, 1)
    own, _ = desk.order(SELL, 102, 1, account_id="me")
    desk.order(SELL, 103, 1)
    taker, matches = desk.order(BUY, 103, 3, account_id="me")
    assert [match.ticks for match in matches] == [101]
    assert (taker.status, taker.reason, taker.remaining) == (OrderStatus.CANCELLED, "SELF_TRADE", 2)
    assert own.remaining == 1
    assert desk.top == (None, 102)


@pytest.mark.parametrize(
    ("side", "ticks", "crosses"), [(BUY, 101, True), (BUY, 100, False), (SELL, 99, True), (SELL, 100, False)]
)
def test_would_cross_tells_what_would_trade_at_once(
    desk: Desk, side: Side, ticks: int, crosses: bool
) -> None:
    desk.order(BUY, 99, 1)
    desk.order(SELL, 101, 1)
    assert desk.engine.would_cross(side, ticks) is crosses


def test_nothing_crosses_an_empty_side(desk: Desk) -> None:
    assert not desk.engine.would_cross(BUY, 10**9)


def test_a_fill_beyond_what_is_left_is_an_assertion(desk: Desk) -> None:
    order, _ = desk.order(BUY, 99, 1)
    with pytest.raises(AssertionError, match="fill of 2 lots with 1 left"):
        order.fill(2, 0)
