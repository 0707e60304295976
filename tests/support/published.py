"""What the service has published, read from the topic itself."""

from typing import Any

from tests.support.kafka import TopicReader
from tests.support.sandbox import SandboxServers

from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.schema_registry import SchemaRegistry

Event = dict[str, Any]


def published(exchange: SandboxServers, topic: str) -> list[Event]:
    """Every event of a topic, in order within each symbol, as often as it was sent."""
    registry = SchemaRegistry(exchange.url)
    reader, decoder = TopicReader(exchange.kafka, topic), AvroDecoder(registry)
    found = [decoder.read(message.value()) for message in reader.read(10_000, timeout_s=1.0)]
    reader.close()
    registry.close()
    return found
