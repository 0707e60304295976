"""The order size that a market needs: where the smallest order is worth more than ours, none is sent."""

from decimal import ROUND_CEILING, Decimal
from typing import Any

NOTIONAL_MARGIN = Decimal("1.02")
"""A bid stands below the mid, and the mid moves: the minimum notional is kept by this factor."""
SIZE_MARGIN = Decimal("1.05")
"""By how much the mid may rise before the size in lots would round down below the smallest order."""
ORDERS_IN_POSITION = 10


def quotable(status: dict[str, Any]) -> dict[str, str]:
    """What to change in a symbol's configuration so that an order can be as large as the market asks.

    `status` is the symbol's, with its instrument and mid. Empty when its order size is large enough.
    """
    instrument, config, mid = status["instrument"], status["config"], Decimal(status["mid"])
    lot_value = Decimal(instrument["lot_size"]) * mid
    least = Decimal(instrument["min_notional"]) * NOTIONAL_MARGIN
    lots = max(Decimal(1), (least / lot_value).to_integral_value(ROUND_CEILING))
    if Decimal(config["order_size_usdt"]) >= lots * lot_value:
        return {}
    size = (lots * lot_value * SIZE_MARGIN).to_integral_value(ROUND_CEILING)
    changes = {"order_size_usdt": f"{size:f}"}
    if Decimal(config["max_position_usdt"]) < ORDERS_IN_POSITION * size:
        changes["max_position_usdt"] = f"{ORDERS_IN_POSITION * size:f}"
    return changes
