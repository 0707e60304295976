"""The topics that the service reads and writes, by what they carry."""

ORDER_BOOK_SNAPSHOT = "md.orderbook.snap.v1"
ORDER_BOOK_DELTA = "md.orderbook.delta.v1"
TRADES = "md.trades.v1"
MARK = "md.mark.v1"
ENGINE_EVENT = "engine.event.v1"
INSTRUMENT_CREATED = "md.instrument.created.v1"
INSTRUMENT_UPDATED = "md.instrument.updated.v1"
INSTRUMENT_HALT = "md.instrument.halt.v1"
INSTRUMENT_RESUME = "md.instrument.resume.v1"

QUOTE_SIMULATED = "mm.quote.simulated.v1"
RISK_TRIGGERED = "mm.risk.triggered.v1"
STATE_CHANGED = "mm.state.changed.v1"

INSTRUMENT_TOPICS = (INSTRUMENT_CREATED, INSTRUMENT_UPDATED, INSTRUMENT_HALT, INSTRUMENT_RESUME)
CONSUMED = (ORDER_BOOK_SNAPSHOT, ORDER_BOOK_DELTA, TRADES, MARK, ENGINE_EVENT, *INSTRUMENT_TOPICS)
PUBLISHED = (QUOTE_SIMULATED, RISK_TRIGGERED, STATE_CHANGED)

DEAD_LETTER_SUFFIX = ".dlq"


def dead_letter_topic(topic: str) -> str:
    """Where undecodable messages of a topic are copied."""
    return topic + DEAD_LETTER_SUFFIX
