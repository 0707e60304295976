"""The guard: a process of its own that clears the orders of instances that have fallen silent.

`signs` judges who is silent, purely, from what `sight` reads in Redis and PostgreSQL; `intervention` is one
symbol from the first cancel to its end, and `watch` starts them. It can cancel and ask, and nothing else:
no module here can place an order.

One source that cannot be read leaves the other to judge by; without both the guard is blind, says so and
does nothing. A cancel is repeated until the exchange proves that nothing is open.
"""
