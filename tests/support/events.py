"""What other services see and say: our events, decoded by Confluent's own reader, and messages of theirs."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Message, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.kafka import TopicReader, envelope, wire
from tests.support.service import Site

from tradex_contracts import avro_schema, subject

Event = dict[str, Any]


class EventReader:
    """Reads one topic of a site's broker from its beginning, with the schemas of its registry."""

    def __init__(self, site: Site, topic: str) -> None:
        self.topic = topic
        self._reader = TopicReader(site.exchange.servers.kafka, topic)
        self._registry = SchemaRegistryClient({"url": site.exchange.url})
        self._decode = AvroDeserializer(self._registry)

    async def read(self, since_s: float = 0.0) -> list[Event]:
        """What the topic holds and was not read yet, without messages that are older than a wall time."""
        messages = await asyncio.to_thread(self._reader.read_all)
        recent = [m for m in messages if m.timestamp()[1] >= since_s * 1000 - 1 and _is_avro(m)]
        return await asyncio.to_thread(lambda: [self._decoded(message) for message in recent])

    def close(self) -> None:
        """Give the connections back."""
        self._reader.close()
        self._registry.close()

    def _decoded(self, message: Message) -> Event:
        found = self._decode(message.value(), SerializationContext(self.topic, MessageField.VALUE))
        assert isinstance(found, dict)
        assert message.key() == found["data"]["symbol"].encode()
        return found


def _is_avro(message: Message) -> bool:
    """Tests put messages into shared topics that nobody can read."""
    return (message.value() or b"").startswith(b"\0")


async def events_since(site: Site, topic: str, since_s: float, symbol: str) -> list[Event]:
    """The data of a symbol's events that are not older than a wall time."""
    reader = EventReader(site, topic)
    try:
        events = await reader.read(since_s)
    finally:
        reader.close()
    return [
        event["data"]
        for event in events
        if event["timestamp"].timestamp() >= since_s and event["data"]["symbol"] == symbol
    ]


async def publish(site: Site, topic: str, data: Mapping[str, Any]) -> None:
    """Say something in the exchange's name."""
    path = f"/subjects/{subject(topic)}/versions/latest"
    schema_id: int = (await site.exchange.ask("GET", path))["id"]
    value = wire(schema_id, avro_schema(topic), envelope(topic, data, time.time_ns() // 1000))
    producer = Producer(
        {"bootstrap.servers": site.exchange.servers.kafka, "partitioner": "murmur2_random", "linger.ms": 0}
    )
    producer.produce(topic, value, data["symbol"].encode())
    assert await asyncio.to_thread(producer.flush, 10) == 0
