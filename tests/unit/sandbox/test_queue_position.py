import pytest

from tradex_sandbox.orders import BookOrder, Side
from tradex_sandbox.queue_position import QueuedOrder, take, thin_out


def queued(ahead: int, lots: int, account: str = "a") -> QueuedOrder:
    order = BookOrder("o", None, account, Side.BUY, 100, lots, is_ioc=False, post_only=True)
    return QueuedOrder(order, ahead)


def test_a_trade_walks_the_queue_from_its_front() -> None:
    queue = [queued(3, 2), queued(7, 2)]
    result = take(queue, 8)
    assert [lots for _, lots in result.fills] == [2]
    assert result.crowd_lots == 6, "3 before the first order, 3 of the 4 between the two"
    assert [order.ahead for order in queue] == [0, 1]


def test_a_trade_beyond_the_last_order_leaves_its_rest_to_the_crowd_behind() -> None:
    result = take([queued(3, 2)], 100)
    assert (result.crowd_lots, [lots for _, lots in result.fills]) == (3, [2])


def test_a_taker_stops_at_its_own_account() -> None:
    result = take([queued(1, 2, "other"), queued(1, 2, "me"), queued(1, 2, "other")], 100, "me")
    assert (result.stopped, [lots for _, lots in result.fills]) == (True, [2])


@pytest.mark.parametrize(
    ("ahead", "before", "traded", "after", "left"),
    [
        (4, 10, 0, 5, 2),
        (4, 10, 0, 6, 3),
        (4, 10, 4, 6, 4),
        (4, 10, 2, 4, 2),
        (4, 10, 0, 12, 4),
        (4, 10, 0, 0, 0),
        (4, 10, 12, 3, 3),
        (0, 10, 0, 5, 0),
    ],
)
def test_the_queue_ahead_shrinks_with_what_trades_do_not_explain(
    ahead: int, before: int, traded: int, after: int, left: int
) -> None:
    order = queued(ahead, 1)
    thin_out([order], before, traded, after)
    assert order.ahead == left
