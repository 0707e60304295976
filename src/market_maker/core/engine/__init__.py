"""The state machine of one symbol: its state, the handler of each event, and the order of their commands.

Every handler takes the `Symbol`, changes it and appends commands; none reads a clock or does I/O. A handler
that raises becomes a Fault that halts the symbol (`failed_step`).
"""
