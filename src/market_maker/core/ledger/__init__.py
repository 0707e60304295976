"""What we hold and what it cost: position, average price, realized and unrealized result, fees, in Decimals.

An execution is applied as it is told: that it counts once is the engine's part (`engine/fills`).
"""
