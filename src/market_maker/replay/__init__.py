"""Records of what engines heard and said, and their replay.

`recorder` writes segments of events and commands, `replaying` gives the events to a new engine and compares
what it says. Encoding lives in `codec` and `checkpoint`: the core stays pure. Nothing here is on the way of
an order: a record that cannot be written is given up, and the service goes on.
"""
