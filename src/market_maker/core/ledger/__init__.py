"""What we hold and what it cost: position, average price, realized and unrealized result, fees, in Decimals.

Also where the result comes from (`attribution`) and how the price went on after each fill (`markouts`).

An execution is applied as it is told: that it counts once is the engine's part (`engine/fills`).
"""
