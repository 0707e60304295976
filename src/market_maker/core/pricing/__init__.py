"""From the book to the prices of a quote: reference mid, volatility, the formula and its explanation.

Integers on the fast way, fractions where a price is explained. What has no price says why as an `Outcome`;
rounding never moves a price towards the other side of the market.
"""
