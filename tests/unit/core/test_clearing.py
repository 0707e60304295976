"""Single steps of clearing."""

from tests.support.playbook import quoting

from market_maker.core.commands import CancelOrder, Command, OrderStatus, QueryOrder
from market_maker.core.engine import clearing


def test_an_order_without_an_exchange_id_cannot_be_cancelled_yet() -> None:
    play = quoting()
    symbol = play.engine.symbol
    (order, *_) = symbol.orders
    order.order_id = None
    out: list[Command] = []
    assert not clearing.cancel_order(symbol, order, out)
    assert out == []


def test_a_cancel_goes_out_once_and_an_unknown_order_stays_unknown() -> None:
    play = quoting()
    symbol = play.engine.symbol
    known, unknown = symbol.orders
    unknown.status = OrderStatus.UNKNOWN
    out: list[Command] = []
    assert clearing.cancel_order(symbol, known, out)
    assert not clearing.cancel_order(symbol, known, out)
    assert clearing.cancel_order(symbol, unknown, out)
    assert [type(command) for command in out] == [CancelOrder, CancelOrder]
    assert (known.status, unknown.status) == (OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN)


def test_a_cancel_waits_for_its_time_to_try_again() -> None:
    play = quoting()
    symbol = play.engine.symbol
    (order, *_) = symbol.orders
    order.retry_ns = symbol.now_ns + 1
    assert not clearing.cancel_order(symbol, order, [])
    symbol.now_ns += 1
    assert clearing.cancel_order(symbol, order, [])


def test_a_question_goes_out_once_at_a_time() -> None:
    symbol = quoting().engine.symbol
    (order, *_) = symbol.orders
    out: list[Command] = []
    clearing.query_order(symbol, order, out)
    clearing.query_order(symbol, order, out)
    assert out == [QueryOrder(order.client_order_id)]
