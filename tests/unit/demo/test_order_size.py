from decimal import Decimal
from typing import Any

import pytest

from market_maker.demo.order_size import quotable


def status(mid: str, lot: str, min_notional: str, size: str = "100.0") -> dict[str, Any]:
    return {
        "mid": mid,
        "instrument": {"lot_size": lot, "min_notional": min_notional},
        "config": {"order_size_usdt": size, "max_position_usdt": "10000.0"},
    }


def test_a_market_that_takes_small_orders_keeps_the_default() -> None:
    assert quotable(status("61800", "0.00001", "5")) == {}


@pytest.mark.parametrize(
    ("mid", "lot", "min_notional"),
    [("61800", "0.001", "100"), ("61800", "0.01", "5"), ("99.9", "1", "100"), ("0.00001", "1", "500")],
)
def test_the_size_buys_the_smallest_order_also_after_the_price_moved(
    mid: str, lot: str, min_notional: str
) -> None:
    size = Decimal(quotable(status(mid, lot, min_notional))["order_size_usdt"])
    for price in (Decimal(mid), Decimal(mid) * Decimal("1.02"), Decimal(mid) * Decimal("0.99")):
        quantity = size / price // Decimal(lot) * Decimal(lot)
        assert quantity * price * Decimal("0.999") >= Decimal(min_notional)
        assert quantity >= Decimal(lot)


def test_the_position_limit_leaves_room_for_several_orders_of_that_size() -> None:
    needed = quotable(status("61800", "1", "5"))
    assert Decimal(needed["max_position_usdt"]) == 10 * Decimal(needed["order_size_usdt"])


def test_a_size_that_is_large_enough_is_left_alone() -> None:
    assert quotable(status("61800", "0.001", "100", size="150")) == {}
