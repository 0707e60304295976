"""The service beside NautilusTrader: the same tape, the same machine, the same moments.

Each engine is a process of its own environment; a third one, the command, lets them work in turns and prints
their figures and the ratio of the two. `tape`, `worker` and `nautilus` also run in the peer's environment, so
they import nothing of the service.
"""
