"""What it costs to turn Kafka messages into core events, beside its budget.

Messages have the shape of the recorded markets: 2.6 changed levels per delta on average, snapshots of
2 x 200 levels, prices that repeat and quantities that hardly ever do. The general Avro reader is
measured on the same bytes in the same run, for comparison.
"""

import gc
import io
import random
import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import fastavro
from confluent_kafka import Message

from benchmarks.report import Row
from market_maker.core.instrument import Instrument
from market_maker.streams.avro_codec import WriterSchema
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.book_reader import read_book
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.message_decoder import MessageDecoder, make_processors
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT
from tradex_contracts import avro_schema

DELTA_US_MAX = 4.5
SNAPSHOT_US_MAX = 450.0
"""PERFORMANCE.md, to integer ticks."""
SCHEMA_IDS = {ORDER_BOOK_DELTA: 1, ORDER_BOOK_SNAPSHOT: 2}
ROUNDS = 9


class LocalRegistry(SchemaRegistry):
    """Schemas by id without a server: what is measured is decoding."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The contract's schema."""
        return avro_schema(next(topic for topic, number in SCHEMA_IDS.items() if number == schema_id))


def encoded(topic: str, data: dict[str, Any], at_us: int | None = None) -> bytes:
    """A message's value, of now or of `at_us`."""
    record = {
        "event_id": "01938d4e-0000-7000-8000-000000000001",
        "event_type": topic,
        "source_service": "market-data",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "timestamp": time.time_ns() // 1000 if at_us is None else at_us,
        "version": 1,
        "hmac": None,
        "data": data,
    }
    body = io.BytesIO()
    body.write(b"\x00" + SCHEMA_IDS[topic].to_bytes(4, "big"))
    fastavro.schemaless_writer(body, fastavro.parse_schema(avro_schema(topic)), record)
    return body.getvalue()


def levels(noise: random.Random, count: int, lowest: int = 61_000) -> list[dict[str, str]]:
    """Levels within 200 above a price; a fifth of them are removals."""
    return [
        {
            "price": f"{lowest + noise.randrange(20_000) / 100:.2f}",
            "quantity": "0" if noise.random() < 0.2 else f"{noise.randrange(1, 500_000) / 100_000:.5f}",
        }
        for _ in range(count)
    ]


def deltas(count: int) -> list[bytes]:
    """Deltas of 2.6 levels on average."""
    noise = random.Random(7)
    return [
        encoded(
            ORDER_BOOK_DELTA,
            {
                "symbol": "BTCUSDT",
                "prev_sequence": 48_000_000_000 + number,
                "sequence": 48_000_000_001 + number,
                "bids": levels(noise, noise.choice((1, 1, 1, 2, 2))),
                "asks": levels(noise, noise.choice((0, 1, 1, 2, 2))),
            },
        )
        for number in range(count)
    ]


def snapshots(count: int) -> list[bytes]:
    """Snapshots of 2 x 200 levels."""
    noise = random.Random(8)
    return [
        encoded(
            ORDER_BOOK_SNAPSHOT,
            {"symbol": "BTCUSDT", "sequence": 1, "bids": levels(noise, 200), "asks": levels(noise, 200)},
        )
        for _ in range(count)
    ]


def cost_us(values: Sequence[bytes], work: Callable[[bytes], object]) -> float:
    """Median over the rounds of the mean microseconds per value; the first round warms caches up."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.perf_counter()
        for value in values:
            work(value)
        times.append((time.perf_counter() - began) / len(values) * 1e6)
    return statistics.median(times[1:])


def cold_cost_us(topic: str, values: Sequence[bytes]) -> float:
    """As `cost_us` to integer ticks, with a fresh reader each round: every number is new to it."""
    times = []
    for _ in range(ROUNDS):
        table = instruments()
        gc.collect()
        began = time.perf_counter()
        for value in values:
            read_book(value, is_delta=topic == ORDER_BOOK_DELTA, instruments=table)
        times.append((time.perf_counter() - began) / len(values) * 1e6)
    return statistics.median(times)


def instruments() -> InstrumentTable:
    """The recorded spot market's grid."""
    return InstrumentTable(
        [Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))]
    )


def events_per_second(values: Sequence[bytes]) -> float:
    """Messages through the whole decoder, batches of 500, on one thread."""
    decoder = MessageDecoder(make_processors(LocalRegistry(), instruments(), "no account"))
    messages = [
        Message(topic=ORDER_BOOK_DELTA, partition=0, offset=number, key=b"BTCUSDT", value=value)
        for number, value in enumerate(values)
    ]
    rates = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.perf_counter()
        batches: list[Batch] = [
            decoder.decode(messages[start : start + 500], Arrival.now())
            for start in range(0, len(messages), 500)
        ]
        rates.append(len(messages) / (time.perf_counter() - began))
        assert sum(len(batch.items) for batch in batches) == len(messages)
    return statistics.median(rates[1:])


def rows() -> list[Row]:
    """Everything, in order."""
    results = []
    for name, topic, values, budget in (
        ("delta of 2.6 levels", ORDER_BOOK_DELTA, deltas(5000), DELTA_US_MAX),
        ("snapshot 2 x 200", ORDER_BOOK_SNAPSHOT, snapshots(20), SNAPSHOT_US_MAX),
    ):
        table, is_delta = instruments(), topic == ORDER_BOOK_DELTA
        general = WriterSchema(SCHEMA_IDS[topic], avro_schema(topic))

        def to_ticks(value: bytes, table: InstrumentTable = table, is_delta: bool = is_delta) -> object:
            return read_book(value, is_delta=is_delta, instruments=table)

        results += [
            Row(f"decode {name} to ticks", cost_us(values, to_ticks), "us", budget),
            Row(f"decode {name}, every number new", cold_cost_us(topic, values), "us"),
            Row(f"decode {name}, general Avro reader, to texts", cost_us(values, general.read), "us"),
        ]
    rate = events_per_second(deltas(5000))
    results.append(Row("decode delta, message to core event", 1e6 / rate, "us"))
    return results
