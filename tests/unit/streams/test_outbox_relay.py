import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Message
from tests.support.kafka import TRACE_ID, RegistryServer, StoppableBroker, TopicReader, until

from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.outbox import OutboxEvent
from market_maker.streams.avro_codec import AvroDecoder, AvroEncoder
from market_maker.streams.outbox_relay import OutboxRelay
from market_maker.streams.partitioner import partition_of
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import PUBLISHED, STATE_CHANGED

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass
class Table:
    """The outbox in memory; `down` is a database that does not answer."""

    rows: list[OutboxEvent] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    down: bool = False
    marking_fails: int = 0
    asked: int = 0

    def add(self, symbol: str, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.rows) + 1
            payload = {
                "symbol": symbol,
                "from": "PAUSED",
                "to": "ACTIVE",
                "reason": str(number),
                "actor": "a",
            }
            row = OutboxEvent(number, uuid4(), STATE_CHANGED, symbol, payload, "", NOON, None)
            self.rows.append(row)

    async def unsent(self, limit: int) -> Sequence[OutboxEvent]:
        self.asked += 1
        self._answer()
        return [row for row in self.rows if row.id not in self.sent][:limit]

    async def mark_sent(self, ids: Sequence[int], at: datetime) -> int:
        self._answer()
        if self.marking_fails:
            self.marking_fails -= 1
            raise DatabaseUnavailableError("gone while marking")
        assert at.tzinfo is UTC
        self.sent += ids
        return len(ids)

    async def pending_count(self) -> int:
        self._answer()
        return len(self.rows) - len(self.sent)

    def _answer(self) -> None:
        if self.down:
            raise DatabaseUnavailableError("gone")


class SlowPublisher(KafkaPublisher):
    """Messages of one symbol wait until they may go on."""

    def __init__(self, bootstrap_servers: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(bootstrap_servers, loop)
        self.goes_on = asyncio.Event()

    async def publish(self, topic: str, key: str, value: bytes, headers: Any = None) -> None:
        if key == "SLOWUSDT":
            await self.goes_on.wait()
        await super().publish(topic, key, value, headers)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def encoder(registry: SchemaRegistry) -> AvroEncoder:
    return AvroEncoder(registry, PUBLISHED)


@asynccontextmanager
async def running(relay: OutboxRelay) -> AsyncIterator[None]:
    task = asyncio.ensure_future(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def published(
    stoppable_broker: StoppableBroker, registry: SchemaRegistry
) -> Iterator[Callable[[int], list[Any]]]:
    """Reads the next messages of the topic, each as (Message, record); fewer after a second without one."""
    reader = TopicReader(stoppable_broker.address, STATE_CHANGED)
    decoder = AvroDecoder(registry)

    def read(count: int) -> list[tuple[Message, dict[str, Any]]]:
        return [(message, decoder.read(message.value())) for message in reader.read(count, timeout_s=1)]

    yield read
    reader.close()


@pytest.fixture
async def publisher(stoppable_broker: StoppableBroker) -> AsyncIterator[KafkaPublisher]:
    """A publisher on this test's own broker, quick to give up."""
    made = KafkaPublisher(stoppable_broker.address, asyncio.get_running_loop(), message_timeout_ms=1500)
    task = asyncio.ensure_future(made.run())
    yield made
    made.stop()
    await task


def reasons(messages: list[Any], symbol: str) -> list[str]:
    return [record["data"]["reason"] for _, record in messages if record["data"]["symbol"] == symbol]


async def test_a_row_becomes_a_message_with_its_envelope_key_partition_and_trace(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, published: Callable[[int], list[Any]]
) -> None:
    table.add("BTCUSDT")
    table.rows[0] = replace(table.rows[0], trace_id=TRACE_ID)
    assert await OutboxRelay(table, encoder, publisher).flush(5) == 0

    [(message, record)] = await asyncio.to_thread(published, 1)
    assert message.key() == b"BTCUSDT"
    assert message.partition() == partition_of("BTCUSDT", 4)
    assert message.headers() == [("traceparent", f"00-{TRACE_ID}-{TRACE_ID[16:]}-01".encode())]
    assert record["data"] == table.rows[0].payload
    assert record["event_id"] == str(table.rows[0].event_id)
    assert record["event_type"] == STATE_CHANGED
    assert record["trace_id"] == TRACE_ID
    assert record["timestamp"] == int(NOON.timestamp()) * 1_000_000 + 123456
    assert table.sent == [1]


async def test_a_notified_relay_sends_at_once_and_in_order_per_symbol(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, published: Callable[[int], list[Any]]
) -> None:
    relay = OutboxRelay(table, encoder, publisher, poll_s=60)
    async with running(relay):
        await until(lambda: table.asked == 1)
        for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT"):
            table.add(symbol)
        relay.notify()
        await until(lambda: len(table.sent) == 5)
    messages = await asyncio.to_thread(published, 5)
    assert reasons(messages, "BTCUSDT") == ["1", "3", "4"]
    assert reasons(messages, "ETHUSDT") == ["2", "5"]


async def test_more_than_a_page_is_sent_without_waiting_for_the_next_poll(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher
) -> None:
    table.add("BTCUSDT", 25)
    async with running(OutboxRelay(table, encoder, publisher, rows_max=4, poll_s=60)):
        await until(lambda: table.sent == list(range(1, 26)))


async def test_an_unwritable_row_holds_back_its_symbol_and_no_other(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, published: Callable[[int], list[Any]]
) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT"):
        table.add(symbol)
    good = table.rows[2]
    table.rows[2] = replace(good, payload={**good.payload, "reason": 5})
    relay = OutboxRelay(table, encoder, publisher, poll_s=60)
    async with running(relay):
        await until(lambda: sorted(table.sent) == [1, 2, 5])
        assert "row 3: mm.state.changed.v1: the record does not fit its schema" in relay.last_error
        table.rows[2] = good  # an operator mended it
        await until(lambda: sorted(table.sent) == [1, 2, 3, 4, 5])
        await until(lambda: relay.last_error == "")
    assert reasons(await asyncio.to_thread(published, 5), "BTCUSDT") == ["1", "3", "4"]


async def test_one_slow_publish_holds_up_its_symbol_and_no_other(
    stoppable_broker: StoppableBroker,
    table: Table,
    encoder: AvroEncoder,
    published: Callable[[int], list[Any]],
) -> None:
    slow = SlowPublisher(stoppable_broker.address, asyncio.get_running_loop())
    polling = asyncio.ensure_future(slow.run())
    table.add("SLOWUSDT", 2)
    relay = OutboxRelay(table, encoder, slow, poll_s=0.05)
    async with running(relay):
        table.add("BTCUSDT")
        relay.notify()
        await until(lambda: table.sent == [3])
        table.add("BTCUSDT")
        relay.notify()
        await until(lambda: table.sent == [3, 4])
        slow.goes_on.set()
        await until(lambda: len(table.sent) == 4)
    slow.stop()
    await polling
    sent = [record["data"]["reason"] for _, record in await asyncio.to_thread(published, 4)]
    assert sorted(sent) == ["1", "2", "3", "4"], "each once"
    assert sent.index("1") < sent.index("2")


async def test_nothing_is_marked_sent_while_the_broker_is_away_and_all_is_sent_in_order_later(
    table: Table,
    encoder: AvroEncoder,
    publisher: KafkaPublisher,
    published: Callable[[int], list[Any]],
    stoppable_broker: StoppableBroker,
) -> None:
    table.add("BTCUSDT")
    relay = OutboxRelay(table, encoder, publisher, poll_s=0.05)
    async with running(relay):
        await until(lambda: table.sent == [1])
        stoppable_broker.freeze()
        table.add("BTCUSDT", 3)
        await until(lambda: "row 2" in relay.last_error)
        assert await relay.flush(0.2) == 3
        assert table.sent == [1]
        stoppable_broker.thaw()
        await until(lambda: table.sent == [1, 2, 3, 4])
    in_order = reasons(await asyncio.to_thread(published, 12), "BTCUSDT")
    firsts = list(dict.fromkeys(in_order))  # at least once: a message may have arrived before it timed out
    assert firsts == ["1", "2", "3", "4"]


async def test_what_was_acknowledged_is_marked_later_when_the_database_was_away_and_not_sent_again(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, published: Callable[[int], list[Any]]
) -> None:
    table.add("BTCUSDT", 2)
    table.marking_fails = 2
    relay = OutboxRelay(table, encoder, publisher, poll_s=0.01)
    async with running(relay):
        await until(lambda: table.sent == [1, 2])
    assert relay.sent == 2
    assert len(await asyncio.to_thread(published, 3)) == 2


async def test_a_database_that_is_away_does_not_end_the_relay(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher
) -> None:
    table.down = True
    relay = OutboxRelay(table, encoder, publisher, poll_s=0.01)
    async with running(relay):
        await until(lambda: table.asked > 2 and relay.last_error == "gone")
        table.down = False
        table.add("BTCUSDT")
        await until(lambda: table.sent == [1])


async def test_rows_wait_for_a_registry_that_is_down(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, registry_server: RegistryServer
) -> None:
    registry_server.down = True
    table.add("BTCUSDT")
    relay = OutboxRelay(table, encoder, publisher, poll_s=0.01)
    async with running(relay):
        await until(lambda: "the registry is down" in relay.last_error)
        registry_server.down = False
        await until(lambda: table.sent == [1])


async def test_a_flush_ends_in_time_and_tells_what_is_left(
    table: Table, encoder: AvroEncoder, publisher: KafkaPublisher, registry_server: RegistryServer
) -> None:
    registry_server.down = True
    table.add("BTCUSDT", 3)
    relay = OutboxRelay(table, encoder, publisher)
    assert await relay.flush(0.3) == 3
    registry_server.down = False
    assert await relay.flush(5) == 0
