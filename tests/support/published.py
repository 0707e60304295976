"""What the service has published, read from the topic itself."""

import asyncio
from collections.abc import Iterable
from typing import Any

from tests.support.kafka import TopicReader
from tests.support.operator import until
from tests.support.sandbox import SandboxServers
from tests.support.service import Site

from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import STATE_CHANGED

Event = dict[str, Any]


def published(exchange: SandboxServers, topic: str) -> list[Event]:
    """Every event of a topic, in order within each symbol, as often as it was sent."""
    registry = SchemaRegistry(exchange.url)
    reader, decoder = TopicReader(exchange.kafka, topic), AvroDecoder(registry)
    found = [decoder.read(message.value()) for message in reader.read_all()]
    reader.close()
    registry.close()
    return found


async def require_no_gap(site: Site, exchange: SandboxServers, symbols: Iterable[str]) -> None:
    """The topic tells each symbol's changes in one chain, from the first to the last, and all of them."""
    operator = site.operator

    async def all_sent() -> bool:
        return bool((await operator.get("/v1/mm/status"))["outbox_pending"] == 0)

    await until("the outbox is empty", all_sent)
    told = await asyncio.to_thread(published, exchange, STATE_CHANGED)
    for symbol in symbols:
        rows = [row for row in await operator.rows(symbol, "events") if row["event_type"] == STATE_CHANGED]
        ids = [row["event_id"] for row in rows]
        chain = _once([event for event in told if event["event_id"] in ids])
        assert [event["event_id"] for event in chain] == ids
        changes = [(event["data"]["from"], event["data"]["to"]) for event in chain]
        assert [before for _, before in changes[:-1]] == [after for after, _ in changes[1:]], changes
        assert changes[-1][1] == (await operator.status(symbol))["state"]["value"]


def _once(events: list[Event]) -> list[Event]:
    """The events without repetitions; each keeps its first place."""
    return list({event["event_id"]: event for event in reversed(events)}.values())[::-1]
