"""What runs the engines: one actor for each symbol, and what all of them share.

An event goes into the symbol's `mailbox`, the `worker` gives it to the engine, and its commands go out:
requests as tasks (`effects`), records to the `journal`, everything else to the `observer`. `supervisor`
starts and stops actors, `tenure` and `send_gate` say whether an order may still leave, and `trading` is
what whoever acts on symbols needs of all this. Nothing here decides anything about a market, and nothing
between an event and its requests awaits.

A worker that raises closes its gate in the same step and is halted; if even that fails, `last_resort`
clears its orders without it. A journal that cannot write says so to every engine and tries on without end.
"""
