"""The pure core: events in, commands out. No I/O, clock, randomness, logging or third-party import."""
