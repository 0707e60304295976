"""The published book of one symbol and our part of it.

Levels by price in ticks, sequence by sequence, and which lots of a level are our own orders. Nothing here
knows prices to quote, limits or positions. A message that cannot follow the one before marks the book as
broken; nothing raises for what the market sends.
"""
