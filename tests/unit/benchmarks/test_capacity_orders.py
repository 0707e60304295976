from decimal import Decimal

from benchmarks.capacity.orders import FILL_EVERY, Orders

from tradex_sandbox.market_events import OrderAccepted, OrderCanceled, OrderFilled, Trade
from tradex_sandbox.orders import NewOrder, OrderType, Side, TimeInForce

SYMBOL = "S001USDT"


def new(number: int, side: Side = Side.BUY) -> NewOrder:
    name = f"client-{number}"
    price, quantity = Decimal("99.95"), Decimal("1.000")
    return NewOrder(
        SYMBOL,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=True,
        price=price,
        quantity=quantity,
        client_order_id=name,
        idempotency_key=name,
        account_id="maker",
        user_id="maker",
        account_type="SYSTEM_MARKET_MAKER",
    )


def test_the_same_client_order_id_again_is_the_same_order_and_tells_nothing() -> None:
    orders = Orders()
    first, told, _ = orders.place(new(1), 5)
    again, nothing, trades = orders.place(new(1), 6)
    assert again is first
    assert (nothing, trades) == ([], False)
    assert [type(event) for event in told] == [OrderAccepted]
    assert orders.open_orders("maker", SYMBOL) == [first]


def test_a_cancelled_order_rests_no_more_and_can_not_be_filled() -> None:
    orders = Orders()
    order, _, _ = orders.place(new(1), 5)
    [told] = orders.cancel(order, 6)
    assert isinstance(told, OrderCanceled)
    assert told.sequence == 2
    assert orders.fill(order, 7) == []
    assert orders.open_orders("maker", None) == []


def test_one_order_in_so_many_trades_and_its_fill_is_told_before_its_end() -> None:
    orders = Orders()
    placed = [orders.place(new(number, Side.SELL), 5) for number in range(FILL_EVERY)]
    assert [trades for _, _, trades in placed] == [False] * (FILL_EVERY - 1) + [True]
    trade, filled = orders.fill(placed[-1][0], 6)
    assert isinstance(trade, Trade)
    assert isinstance(filled, OrderFilled)
    assert (trade.taker_side, trade.maker_account_id) == (Side.BUY, "maker")
    assert trade.is_buyer_maker is False
    assert trade.maker_fee < 0
    assert len(orders.open_orders("maker", SYMBOL)) == FILL_EVERY - 1
    assert orders.open_orders("somebody", SYMBOL) == []
