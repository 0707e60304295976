"""Shadow mode's quotes to Kafka: directly, not through the outbox, for they cause nothing."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import uuid_utils

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
