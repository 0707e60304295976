"""The quoting rule of both: one order a side, a fixed share away from the mid, replaced when that moves."""

HALF_SPREAD = 0.0005
"""Five bps either side of the mid."""
ORDER_USDT = 1_000.0
"""Value of an order."""
