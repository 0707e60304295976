"""Kafka for tests: librdkafka's own broker in this process, a schema registry on loopback, and messages.

Fixtures: `kafka_broker` (bootstrap address), `registry_server`, `registry`. The contents of messages are
made here once, so that a test says only what matters to it.
"""

import asyncio
import io
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from aiohttp import web
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from market_maker.core.instrument import Instrument
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.schema_registry import SchemaRegistry
from tradex_contracts import avro_schema, subject
from tradex_sandbox.schema_registry import SchemaRegistry as RegistryRoutes
from tradex_sandbox.schema_store import RegistryError as Refusal
from tradex_sandbox.schema_store import SchemaStore

OURS = "00000000-0000-0000-0000-000000000001"
THEIRS = "00000000-0000-0000-0000-000000000002"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
START_TIMEOUT_S = 10
READ_S_MAX = 20.0


def instrument(
    symbol: str = "BTCUSDT", tick: str = "0.01", lot: str = "0.00001", version: int = 1
) -> Instrument:
    """An instrument with this grid."""
    grid = Decimal(tick), Decimal(lot)
    return Instrument(symbol, symbol[:-4], "USDT", *grid, Decimal(5), version=version)


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Return once the condition holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


# --- the broker --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _cluster() -> Iterator[str]:
    cluster = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=START_TIMEOUT_S).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del cluster


@pytest.fixture
def kafka_broker(_cluster: str) -> str:
    """Bootstrap address of a broker that all tests share: use topics or keys of your own."""
    return _cluster


_BROKER_PROCESS = """
import sys
from confluent_kafka import Producer
from tradex_sandbox.mock_cluster import MockCluster
cluster = MockCluster.start(100)
address = cluster.address if cluster is not None else ""
if cluster is None:  # its groups form after three seconds
    cluster = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    address = f"{broker.host}:{broker.port}"
print(address, flush=True)
sys.stdin.read()
"""


class StoppableBroker:
    """A broker in a process of its own, that can stop answering and go on. It ends with this process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BROKER_PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address, "the broker did not start"

    def freeze(self) -> None:
        """Stop answering; connections stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def stoppable_broker() -> Iterator[StoppableBroker]:
    """A broker of this test's own."""
    broker = StoppableBroker()
    yield broker
    broker.close()


@pytest.fixture
async def publisher(kafka_broker: str) -> AsyncIterator[KafkaPublisher]:
    """A running publisher on `kafka_broker`."""
    made = KafkaPublisher(kafka_broker, asyncio.get_running_loop())
    running = asyncio.ensure_future(made.run())
    yield made
    made.stop()
    await running


def partitions_of(broker: str, topic: str) -> int:
    """How many partitions a topic has; the built-in broker makes it when a producer asks."""
    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    return len(producer.list_topics(topic, timeout=START_TIMEOUT_S).topics[topic].partitions)


class TopicReader:
    """Reads a topic in the order of each partition, without a group: all that it holds, or what is new.

    The embedded broker forgets old books, so a topic need not begin at 0. `from_now` begins where the topic
    ends at this moment: what is written afterwards is found, however soon that is.
    """

    def __init__(self, broker: str, topic: str, *, from_now: bool = False) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": "tests",
                "fetch.wait.max.ms": 5,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        self._topic = topic
        held = {number: self._held(number) for number in range(partitions_of(broker, topic))}
        self._next = {number: end if from_now else begin for number, (begin, end) in held.items()}
        self._consumer.assign([TopicPartition(topic, *place) for place in self._next.items()])

    def read(self, count: int, timeout_s: float = 30.0) -> list[Message]:
        """The next `count` messages; fewer when none came for that long."""
        messages: list[Message] = []
        deadline = time.monotonic() + timeout_s
        while len(messages) < count and time.monotonic() < deadline:
            if (message := self._read_one()) is not None:
                messages.append(message)
                deadline = time.monotonic() + timeout_s
        return messages

    def read_all(self) -> list[Message]:
        """What the topic holds at this moment and was not read yet."""
        ends = {number: self._held(number)[1] for number in self._next}
        messages: list[Message] = []
        deadline = time.monotonic() + READ_S_MAX
        while any(self._next[number] < end for number, end in ends.items()):
            assert time.monotonic() < deadline, f"{self._topic}: read up to {self._next} of {ends}"
            if (message := self._read_one()) is not None:
                messages.append(message)
        return messages

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def _read_one(self) -> Message | None:
        message = self._consumer.poll(0.05)
        if message is None or message.error() is not None:
            return None
        number, offset = message.partition(), message.offset()
        assert number is not None
        assert offset is not None
        self._next[number] = offset + 1
        return message

    def _held(self, number: int) -> tuple[int, int]:
        """From which offset on, and up to which without it, a partition holds messages."""
        partition = TopicPartition(self._topic, number)
        begin, end = self._consumer.get_watermark_offsets(partition, timeout=START_TIMEOUT_S)
        return begin, end


# --- the registry ------------------------------------------------------------------------------


@dataclass
class RegistryServer:
    """The sandbox's schema registry on its own thread, so that blocking clients can ask it."""

    url: str = ""
    store: SchemaStore = field(default_factory=SchemaStore)
    down: bool = False
    requests: int = 0

    async def gate(self) -> None:
        """Count a request, and refuse it while the registry is down."""
        self.requests += 1
        if self.down:
            raise Refusal(503, 50301, "the registry is down")

    def register(self, topic: str, schema: Mapping[str, Any] | None = None) -> int:
        """Register a schema (the contract's, unless another is given) past all checks; its id."""
        self.store.set_level("NONE", subject(topic))
        return self.store.register(subject(topic), json.dumps(schema or avro_schema(topic))).schema_id


@pytest.fixture
def registry_server() -> Iterator[RegistryServer]:
    """A schema registry over HTTP."""
    server = RegistryServer()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.add_routes(RegistryRoutes(server.store, server.gate).routes())
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(START_TIMEOUT_S)
    yield server
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def registry(registry_server: RegistryServer) -> Iterator[SchemaRegistry]:
    """A client of `registry_server`."""
    client = SchemaRegistry(registry_server.url, timeout_s=10)
    yield client
    client.close()


# --- messages ----------------------------------------------------------------------------------


def now_us() -> int:
    """Wall time in microseconds."""
    return time.time_ns() // 1000


def envelope(topic: str, data: Mapping[str, Any], timestamp_us: int | None = None) -> dict[str, Any]:
    """A whole record around its data."""
    return {
        "event_id": "01938d4e-0000-7000-8000-000000000001",
        "event_type": topic,
        "source_service": "matching-engine",
        "trace_id": TRACE_ID,
        "timestamp": now_us() if timestamp_us is None else timestamp_us,
        "version": 1,
        "hmac": None,
        "data": dict(data),
    }


def wire(schema_id: int, schema: Mapping[str, Any], record: Mapping[str, Any]) -> bytes:
    """A record in Confluent's wire format."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(dict(schema)), record)
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


class Wire:
    """Writes messages with the contract's schemas, registered on first use."""

    def __init__(self, server: RegistryServer) -> None:
        self._server = server
        self._ids: dict[str, int] = {}

    def value(self, topic: str, data: Mapping[str, Any], timestamp_us: int | None = None) -> bytes:
        """A message's value."""
        if topic not in self._ids:
            self._ids[topic] = self._server.register(topic)
        return wire(self._ids[topic], avro_schema(topic), envelope(topic, data, timestamp_us))


@pytest.fixture
def wire_format(registry_server: RegistryServer) -> Wire:
    """Writes messages that `registry_server` knows the schemas of."""
    return Wire(registry_server)


def levels(*pairs: tuple[Any, Any]) -> list[dict[str, Any]]:
    """(price, quantity) pairs as the wire has them."""
    return [{"price": price, "quantity": quantity} for price, quantity in pairs]


def delta(
    prev_sequence: int,
    sequence: int,
    bids: list[dict[str, Any]] | None = None,
    asks: list[dict[str, Any]] | None = None,
    symbol: str = "BTCUSDT",
) -> dict[str, Any]:
    """Data of a book delta."""
    return {
        "symbol": symbol,
        "prev_sequence": prev_sequence,
        "sequence": sequence,
        "bids": bids or [],
        "asks": asks or [],
    }


def snapshot(
    sequence: int, bids: list[dict[str, Any]], asks: list[dict[str, Any]], symbol: str = "BTCUSDT"
) -> dict[str, Any]:
    """Data of a book snapshot."""
    return {"symbol": symbol, "sequence": sequence, "bids": bids, "asks": asks}


def trade_event(
    trade_id: str, maker: str = OURS, taker: str = THEIRS, symbol: str = "BTCUSDT", **details: Any
) -> dict[str, Any]:
    """Data of a TRADE of the matching engine: the taker sells 0.5 at 100.10 to the maker."""
    trade = {
        "trade_id": trade_id,
        "price": "100.10",
        "qty": "0.5",
        "taker_side": "SELL",
        "maker_order_id": "maker-order",
        "taker_order_id": "taker-order",
        "maker_client_order_id": "maker-client",
        "taker_client_order_id": None,
        "maker_account_id": maker,
        "taker_account_id": taker,
        "maker_fee": "-0.01",
        "taker_fee": "0.02",
        "is_buyer_maker": True,
        **details,
    }
    return {"kind": "TRADE", "symbol": symbol, "sequence": 7, "trade": trade}


def order_event(kind: str, account: str = OURS, symbol: str = "BTCUSDT", **details: Any) -> dict[str, Any]:
    """Data of an ORDER_* event of the matching engine."""
    return {
        "kind": kind,
        "symbol": symbol,
        "sequence": 8,
        "order_id": "order-1",
        "client_order_id": "client-1",
        "account_id": account,
        "reason": None,
        **details,
    }


def message(
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None = b"BTCUSDT",
    partition: int = 0,
    offset: int = 0,
    headers: list[tuple[str, str | bytes | None]] | None = None,
) -> Message:
    """A message as the client gives it."""
    return Message(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=headers,
        timestamp=(1, now_us() // 1000),
    )
