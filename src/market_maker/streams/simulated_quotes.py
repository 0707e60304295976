"""Shadow mode's quotes to Kafka: directly, not through the outbox, for they cause nothing."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from market_maker.core.engine.symbol import Symbol
from market_maker.core.pricing.quoting import QuoteSet
from market_maker.core.pricing.waterfall import LevelWaterfall, waterfall
from market_maker.streams import envelope
from market_maker.streams.avro_codec import AvroEncoder
from market_maker.streams.errors import EncodeError, RegistryError
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.topics import QUOTE_SIMULATED

_log = logging.getLogger(__name__)


class SimulatedQuotePublisher:
    """Publishes `mm.quote.simulated.v1`. A quote that cannot be published is counted and dropped."""

    def __init__(self, encoder: AvroEncoder, publisher: KafkaPublisher) -> None:
        self._encoder = encoder
        self._publisher = publisher
        self.dropped = 0

    def publish(self, symbol: str, payload: Mapping[str, Any], trace_id: str = "") -> None:
        """Send one quote set; `payload` is the schema's `data` record. Does not block, does not raise."""
        record = envelope.wrap(
            QUOTE_SIMULATED,
            payload,
            event_id=str(uuid_utils.uuid7()),
            at=datetime.now(UTC),
            trace_id=trace_id,
        )
        try:
            value = self._encoder.encode(QUOTE_SIMULATED, record)
        except (EncodeError, RegistryError) as error:
            if not self.dropped:
                _log.warning("simulated quotes are dropped: %s", error)
            self.dropped += 1
            return
        headers = envelope.trace_headers(trace_id)
        self._publisher.publish_later(QUOTE_SIMULATED, symbol.encode(), value, headers)


def simulated_quote(symbol: Symbol, quote: QuoteSet) -> dict[str, Any]:
    """A quote set with its waterfall as the topic's data record; decimals as strings."""
    steps = waterfall(quote, symbol.config, symbol.instrument)
    return {
        "symbol": symbol.name,
        "quote_id": symbol.stats.quotes_computed,
        "book_sequence": symbol.book.sequence,
        "mid": f"{steps.mid:f}",
        "mid_source": quote.mid.source.value,
        "volatility_factor": f"{steps.volatility_factor:f}",
        "spread": f"{steps.spread:f}",
        "bias": f"{steps.bias:f}",
        "position": f"{quote.position:f}",
        "inventory_usdt": f"{steps.inventory:f}",
        "levels": [_level(symbol, level) for level in steps.levels],
    }


def _level(symbol: Symbol, level: LevelWaterfall) -> dict[str, Any]:
    verdict = symbol.verdicts.get((level.side, level.level), level.verdict.value)
    return {
        "side": level.side.value,
        "level": level.level,
        "raw_price": f"{level.raw_price:f}",
        "price": f"{level.price:f}",
        "quantity": f"{level.quantity:f}",
        "verdict": verdict,
        "detail": level.detail,
    }
