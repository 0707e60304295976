"""The Kafka topics of TradeX that the exchange fills, and those that it only makes sure exist."""

SNAPSHOT = "md.orderbook.snap.v1"
DELTA = "md.orderbook.delta.v1"
TRADES = "md.trades.v1"
MARK = "md.mark.v1"
ENGINE = "engine.event.v1"
INSTRUMENT_CREATED = "md.instrument.created.v1"
INSTRUMENT_UPDATED = "md.instrument.updated.v1"
INSTRUMENT_HALT = "md.instrument.halt.v1"
INSTRUMENT_RESUME = "md.instrument.resume.v1"

MARKET_DATA = (SNAPSHOT, DELTA, TRADES, MARK)
FILLED = (
    *MARKET_DATA,
    ENGINE,
    INSTRUMENT_CREATED,
    INSTRUMENT_UPDATED,
    INSTRUMENT_HALT,
    INSTRUMENT_RESUME,
)
"""What this process publishes; a market maker consumes all nine."""
RECEIVED = ("mm.quote.simulated.v1", "mm.risk.triggered.v1", "mm.state.changed.v1")
"""What market makers publish."""
DEAD_LETTERS = tuple(f"{topic}.dlq" for topic in FILLED)
"""Where market makers copy what they cannot read."""
WITH_SCHEMA = FILLED + RECEIVED
EVERY = WITH_SCHEMA + DEAD_LETTERS
