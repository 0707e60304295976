"""Messages to bytes: TradeX's envelope around the data, Avro, Confluent's wire format."""

from io import BytesIO

import fastavro
import uuid_utils

from tradex_contracts import avro_schema
from tradex_sandbox import topics
from tradex_sandbox.messages import Message

MAGIC = b"\x00"
ENVELOPE_VERSION = 1


class Encoder:
    """Encodes the messages of every topic whose schema id is known.

    `schema_ids`: topic to the id that the registry gave its schema.
    """

    def __init__(self, schema_ids: dict[str, int]) -> None:
        self._schemas = {topic: fastavro.parse_schema(avro_schema(topic)) for topic in schema_ids}
        self._prefixes = {topic: MAGIC + number.to_bytes(4, "big") for topic, number in schema_ids.items()}

    def encode(self, message: Message) -> tuple[bytes, str]:
        """The Kafka value, and the event's id as 32 hex digits (also its trace id)."""
        event_id = message.event_id
        if event_id is None:
            event_id = message.event_id = uuid_utils.uuid7()
        out = BytesIO()
        out.write(self._prefixes[message.topic])
        envelope = {
            "event_id": str(event_id),
            "event_type": message.topic,
            "source_service": "matching-engine" if message.topic == topics.ENGINE else "market-data",
            "trace_id": _trace_id(message.traceparent) or event_id.hex,
            # fastavro writes an integer as it is; a datetime would cost a conversion per message.
            "timestamp": message.at_us,
            "version": ENVELOPE_VERSION,
            "hmac": None,
            "data": message.data,
        }
        fastavro.schemaless_writer(out, self._schemas[message.topic], envelope)
        return out.getvalue(), event_id.hex


def _trace_id(traceparent: str | None) -> str | None:
    """The trace id of a W3C `traceparent`, if there is a readable one."""
    parts = traceparent.split("-") if traceparent else []
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else None
