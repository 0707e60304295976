"""The outbox relay on Apache Kafka: per symbol in order, at least once, across an end of the broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import pairwise

import asyncpg
import pytest
from tests.support.kafka import TopicReader
from tests.support.operator import until

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from market_maker.bootstrap.owned_outbox import OwnedOutbox
from market_maker.repositories.outbox import OutboxRepository
from market_maker.streams.avro_codec import AvroDecoder, AvroEncoder
from market_maker.streams.outbox_relay import OutboxRelay
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import PUBLISHED, STATE_CHANGED

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
ROWS = 200
"""Per symbol."""

FILL = """
INSERT INTO outbox (event_id, topic, symbol, payload, trace_id, created_at)
SELECT gen_random_uuid(), $1, symbol, jsonb_build_object('symbol', symbol, 'from', 'PAUSED',
    'to', 'ACTIVE', 'reason', number::text, 'actor', 'test'), '', now()
FROM generate_series($3::int, $4::int) AS number, unnest($2::text[]) AS symbol ORDER BY number
"""


@pytest.fixture(autouse=True)
def recovered(kafka: ApacheKafka) -> Iterator[None]:
    yield
    kafka.recover()


@pytest.fixture
async def publisher(topics: Topics) -> AsyncIterator[KafkaPublisher]:
    made = KafkaPublisher(topics.address, asyncio.get_running_loop())
    task = asyncio.ensure_future(made.run())
    yield made
    made.stop()
    await task


@pytest.mark.parametrize("crash", [True, False], ids=["kill -9", "orderly end"])
async def test_every_row_arrives_in_order_although_the_broker_ends_and_comes_back_meanwhile(
    crash: bool, kafka: ApacheKafka, publisher: KafkaPublisher, pool: asyncpg.Pool, registry: SchemaRegistry
) -> None:
    outbox = OutboxRepository(pool)
    relay = OutboxRelay(
        OwnedOutbox(outbox, lambda _: True),
        AvroEncoder(registry, PUBLISHED),
        publisher,
        rows_max=20,
        poll_s=0.05,
    )
    relaying = asyncio.ensure_future(relay.run())
    await pool.execute(FILL, STATE_CHANGED, SYMBOLS, 1, ROWS)
    relay.notify()

    async def some_sent() -> bool:
        return relay.sent > 60

    await until("some rows are sent", some_sent)
    kafka.kill() if crash else kafka.stop()
    left = await outbox.pending_count()
    assert 0 < left < ROWS * len(SYMBOLS)
    await pool.execute(FILL, STATE_CHANGED, SYMBOLS, ROWS + 1, ROWS + 10)
    kafka.launch()

    async def all_sent() -> bool:
        return await outbox.pending_count() == 0

    await until("every row is sent", all_sent, timeout_s=30)
    relaying.cancel()
    with suppress(asyncio.CancelledError):
        await relaying
    for symbol, reasons in published(kafka.address, registry).items():
        firsts = list(dict.fromkeys(reasons))  # at least once: one may come twice, none out of order
        assert firsts == list(range(1, ROWS + 11)), symbol
        assert all(later <= earlier + 1 for earlier, later in pairwise(reasons))


def published(address: str, registry: SchemaRegistry) -> dict[str, list[int]]:
    """The numbers of each symbol's messages, in their order."""
    reader, decoder = TopicReader(address, STATE_CHANGED), AvroDecoder(registry)
    found: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
    for message in reader.read(10_000, timeout_s=1.5):
        data = decoder.read(message.value())["data"]
        found[data["symbol"]].append(int(data["reason"]))
    reader.close()
    return found
