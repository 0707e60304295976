"""The pure core: events in, commands out. No I/O, clock, randomness, logging or third-party import.

At the top is the vocabulary that all share: events, commands, configuration, instrument, outcomes, states.
Below, a folder for each subject (`book`, `pricing`, `orders`, `ledger`, `risk`) and the `engine` that joins
them.
"""
