import copy
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.kafka import (
    TRACE_ID,
    RegistryServer,
    Wire,
    delta,
    envelope,
    instrument,
    levels,
    message,
    now_us,
    snapshot,
    wire,
)

from market_maker.core.events import BookDelta, BookSnapshot
from market_maker.streams.avro_codec import AvroDecoder, WriterSchema
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.book_reader import NotPlainError, read_book
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.order_book_processor import OrderBookProcessor
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT
from tradex_contracts import avro_schema

BIDS = levels(("100.10", "0.5"), ("100.00", "0"))
ASKS = levels(("100.20", "0.00001"))


class Desk:
    """A processor, and what it made of the messages."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self.table = InstrumentTable([instrument()])
        self.processor = OrderBookProcessor(AvroDecoder(registry), self.table)
        self.batch = Batch()

    def take(self, topic: str, value: bytes | None, **details: Any) -> Any:
        self.processor.process(message(topic, value, **details), Arrival.now(), self.batch)
        return self.batch.items[-1] if self.batch.items else None


@pytest.fixture
def desk(registry: SchemaRegistry) -> Desk:
    return Desk(registry)


def test_a_delta_becomes_ticks_and_lots(desk: Desk, wire_format: Wire) -> None:
    symbol, event = desk.take(
        ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(41, 42, BIDS, ASKS))
    )
    assert symbol == "BTCUSDT"
    assert isinstance(event, BookDelta)
    assert (event.prev_sequence, event.sequence) == (41, 42)
    assert event.bids == ((10010, 50000), (10000, 0))
    assert event.asks == ((10020, 1),)


def test_a_snapshot_becomes_ticks_and_lots(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_SNAPSHOT, snapshot(2**40, BIDS[:1], ASKS))
    _, event = desk.take(ORDER_BOOK_SNAPSHOT, value)
    assert isinstance(event, BookSnapshot)
    assert (event.sequence, event.bids, event.asks) == (2**40, ((10010, 50000),), ((10020, 1),))


def test_an_empty_side_is_an_empty_side(desk: Desk, wire_format: Wire) -> None:
    _, event = desk.take(ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(-1, 0)))
    assert (event.prev_sequence, event.bids, event.asks) == (-1, (), ())


def test_the_age_of_a_message_is_taken_from_its_envelope(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2), now_us() - 3_000_000)
    _, event = desk.take(ORDER_BOOK_DELTA, value)
    assert 3.0 <= (event.at_ns - event.data_ns) / 1e9 < 3.5


@pytest.mark.parametrize(
    ("ahead_us", "age_us"),
    [(-5_000, 5_000), (0, 0), (250_000, 0), (250_001, 250_001), (60_000_000, 60_000_000)],
)
def test_a_message_from_the_future_counts_as_that_much_old(
    desk: Desk, wire_format: Wire, ahead_us: int, age_us: int
) -> None:
    arrival = Arrival(time.monotonic_ns(), now_us())
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2), arrival.wall_us + ahead_us)
    desk.processor.process(message(ORDER_BOOK_DELTA, value), arrival, desk.batch)
    item = desk.batch.items[0]
    assert isinstance(item, tuple)
    event = item[1]
    assert isinstance(event, BookDelta)
    assert arrival.at_ns - event.data_ns == age_us * 1000


def test_the_trace_comes_from_the_header_else_from_the_envelope(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2))
    header = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"
    _, with_header = desk.take(
        ORDER_BOOK_DELTA, value, headers=[("x", None), ("traceparent", header.encode())]
    )
    _, without = desk.take(ORDER_BOOK_DELTA, value)
    assert with_header.trace == header
    assert without.trace == f"00-{TRACE_ID}-{TRACE_ID[16:]}-01"


def test_an_unknown_symbol_is_ignored(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2, symbol="DOGEUSDT"))
    assert desk.take(ORDER_BOOK_DELTA, value, key=b"DOGEUSDT") is None


def test_no_book_is_read_between_a_change_of_grid_and_its_publication(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(
        ORDER_BOOK_SNAPSHOT, snapshot(5, levels(("100.1", "1")), levels(("100.2", "1")))
    )
    desk.table.supersede(instrument(tick="0.1"))
    assert desk.take(ORDER_BOOK_SNAPSHOT, value) is None
    desk.table.replace([instrument(tick="0.1")])
    _, event = desk.take(ORDER_BOOK_SNAPSHOT, value)
    assert event.bids == ((1001, 100000),)


@pytest.mark.parametrize(
    ("bids", "problem"),
    [
        (levels(("100.105", "1")), "price 100.105 is not a multiple of the tick size 0.01"),
        (levels(("100.10", "0.000001")), "quantity 0.000001 is not a multiple of the lot size"),
        (levels(("0.00", "1")), "price 0.00 must be positive"),
        (levels(("100.10", "-1")), "quantity -1 must not be negative"),
        (levels(("abc", "1")), "price 'abc' is not a number"),
        (levels(("NaN", "1")), "price 'NaN'"),
        (levels(("", "1")), "price '' is not a number"),
    ],
)
def test_a_level_off_the_grid_is_bad_input_of_its_symbol(
    desk: Desk, wire_format: Wire, bids: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        desk.take(ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(1, 2, bids)))
    assert caught.value.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "value: is null"),
        (b"", "not in Confluent's wire format, it starts with nothing"),
        (b"\x00\x00", "wire format"),
        (b'{"symbol":', "wire format, it starts with 7b2273796d"),
        (b"\x00\x00\x00\x00\x63rest", "schema 99"),
    ],
)
def test_what_is_not_in_wire_format_is_bad_input(desk: Desk, value: bytes | None, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        desk.take(ORDER_BOOK_DELTA, value)


def test_a_registry_that_is_down_makes_a_new_schema_unreadable(
    desk: Desk, wire_format: Wire, registry_server: RegistryServer
) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2))
    registry_server.down = True
    with pytest.raises(DecodeError, match="the registry is down"):
        desk.take(ORDER_BOOK_DELTA, value)


def test_a_known_schema_needs_no_registry(
    desk: Desk, wire_format: Wire, registry_server: RegistryServer
) -> None:
    desk.take(ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(1, 2)))
    registry_server.down = True
    _, event = desk.take(ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(2, 3)))
    assert event.sequence == 3


def test_every_truncation_of_a_message_is_bad_input(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2, BIDS, ASKS))
    for length in range(len(value)):
        with pytest.raises(DecodeError):
            desk.take(ORDER_BOOK_DELTA, value[:length])
    with pytest.raises(DecodeError, match="1 bytes left over"):
        desk.take(ORDER_BOOK_DELTA, value + b"\x00")
    assert desk.batch.items == []


def test_a_snapshot_on_the_delta_topic_is_bad_input(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(ORDER_BOOK_SNAPSHOT, snapshot(1, BIDS[:1], ASKS))
    with pytest.raises(DecodeError, match="prev_sequence: expected a whole number"):
        desk.take(ORDER_BOOK_DELTA, value)


# --- other ways to write the same -----------------------------------------------------------------


def with_level_type(topic: str, field_type: Any) -> dict[str, Any]:
    schema = copy.deepcopy(avro_schema(topic))
    data = next(field for field in schema["fields"] if field["name"] == "data")["type"]
    bids = next(field for field in data["fields"] if field["name"] == "bids")["type"]
    for field in bids["items"]["fields"]:
        field["type"] = field_type
    return schema


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 5}
NARROW = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 5}


@pytest.mark.parametrize(
    ("field_type", "bids"),
    [
        ("double", levels((100.1, 0.5), (100.0, 0.0))),
        (DECIMAL, levels((Decimal("100.10"), Decimal("0.5")), (Decimal(100), Decimal(0)))),
        (["null", "string"], BIDS),
    ],
)
def test_doubles_decimals_and_optional_texts_mean_the_same_levels(
    desk: Desk, registry_server: RegistryServer, field_type: Any, bids: list[dict[str, Any]]
) -> None:
    schema = with_level_type(ORDER_BOOK_DELTA, field_type)
    number = registry_server.register(ORDER_BOOK_DELTA, schema)
    value = wire(number, schema, envelope(ORDER_BOOK_DELTA, delta(41, 42, bids)))
    _, event = desk.take(ORDER_BOOK_DELTA, value)
    assert event.bids == ((10010, 50000), (10000, 0))


def test_a_decimal_wider_than_its_declared_precision_is_not_rounded(
    desk: Desk, registry_server: RegistryServer
) -> None:
    written = with_level_type(ORDER_BOOK_DELTA, DECIMAL)
    number = registry_server.register(ORDER_BOOK_DELTA, with_level_type(ORDER_BOOK_DELTA, NARROW))
    bids = levels((Decimal("12345.67"), Decimal("1.23456")))
    _, event = desk.take(
        ORDER_BOOK_DELTA, wire(number, written, envelope(ORDER_BOOK_DELTA, delta(1, 2, bids)))
    )
    assert event.bids == ((1234567, 123456),)


@pytest.mark.parametrize("field_type", ["long", "bytes", ["null", "string"]])
def test_a_level_of_another_type_is_bad_input(
    desk: Desk, registry_server: RegistryServer, field_type: Any
) -> None:
    schema = with_level_type(ORDER_BOOK_DELTA, field_type)
    number = registry_server.register(ORDER_BOOK_DELTA, schema)
    example = {"long": 1, "bytes": b"1"}.get(str(field_type))
    value = wire(number, schema, envelope(ORDER_BOOK_DELTA, delta(1, 2, levels((example, example)))))
    with pytest.raises(DecodeError, match="string, decimal or double"):
        desk.take(ORDER_BOOK_DELTA, value)


def test_a_schema_with_added_fields_and_milliseconds_is_read(
    desk: Desk, registry_server: RegistryServer
) -> None:
    schema = copy.deepcopy(avro_schema(ORDER_BOOK_DELTA))
    schema["fields"].insert(0, {"name": "region", "type": "string"})
    next(f for f in schema["fields"] if f["name"] == "timestamp")["type"]["logicalType"] = "timestamp-millis"
    number = registry_server.register(ORDER_BOOK_DELTA, schema)
    record = envelope(ORDER_BOOK_DELTA, delta(1, 2, BIDS, ASKS), now_us() // 1000 - 2000) | {"region": "eu"}
    _, event = desk.take(ORDER_BOOK_DELTA, wire(number, schema, record))
    assert event.asks == ((10020, 1),)
    assert 2.0 <= (event.at_ns - event.data_ns) / 1e9 < 2.5


# --- the specialised reader -----------------------------------------------------------------------

LEVELS = st.lists(
    st.tuples(
        st.integers(1, 10**9).map(lambda ticks: str(Decimal(ticks).scaleb(-2))),
        st.integers(0, 10**12).map(lambda lots: f"{Decimal(lots).scaleb(-5):f}"),
    ).map(lambda pair: {"price": pair[0], "quantity": pair[1]}),
    max_size=130,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    bids=LEVELS,
    asks=LEVELS,
    sequence=st.integers(-(2**63), 2**63 - 1),
    timestamp_us=st.integers(-(2**62), 2**62),
    source=st.text(max_size=80),
    hmac=st.one_of(st.none(), st.text(max_size=70)),
)
def test_the_specialised_reader_agrees_with_the_general_one(
    registry_server: RegistryServer, **parts: Any
) -> None:
    schema = avro_schema(ORDER_BOOK_DELTA)
    record = envelope(
        ORDER_BOOK_DELTA,
        delta(parts["sequence"], parts["sequence"], parts["bids"], parts["asks"]),
        parts["timestamp_us"],
    )
    record |= {"source_service": parts["source"], "hmac": parts["hmac"]}
    table = InstrumentTable([instrument()])
    try:
        fields = read_book(wire(1, schema, record), is_delta=True, instruments=table)
    except NotPlainError:
        assert max(len(parts["source"].encode()), len((parts["hmac"] or "").encode())) > 63
        return
    assert fields is not None
    grid = instrument()
    expected = [
        tuple((grid.ticks(level["price"]), grid.lots(level["quantity"])) for level in parts[side])
        for side in ("bids", "asks")
    ]
    _, timestamp_us, _, prev_sequence, sequence, bids, asks = fields
    assert [bids, asks] == expected
    assert (prev_sequence, sequence) == (parts["sequence"], parts["sequence"])
    assert timestamp_us == parts["timestamp_us"]


@settings(max_examples=300)
@given(at=st.integers(0, 100), byte=st.integers(0, 255))
def test_what_the_specialised_reader_takes_of_a_damaged_message_the_general_one_reads_the_same(
    at: int, byte: int
) -> None:
    schema, grid = avro_schema(ORDER_BOOK_DELTA), instrument()
    value = bytearray(wire(1, schema, envelope(ORDER_BOOK_DELTA, delta(2**30, 2**30 + 1, BIDS, ASKS))))
    after_texts = value.index(TRACE_ID.encode()) + 32
    value[after_texts + at % (len(value) - after_texts)] = byte
    try:
        fields = read_book(bytes(value), is_delta=True, instruments=InstrumentTable([grid]))
    except (NotPlainError, DecodeError):
        return
    if fields is not None:
        record = WriterSchema(1, schema).read(bytes(value))
        data = record["data"]
        expected = [
            tuple((grid.ticks(level["price"]), grid.lots(level["quantity"])) for level in data[side])
            for side in ("bids", "asks")
        ]
        assert fields[1] == record["timestamp"]
        assert fields[3:] == (data["prev_sequence"], data["sequence"], *expected)


@pytest.mark.parametrize("number", [b"\x80" * 9 + b"\x02", b"\xff" * 9 + b"\x7f"])
def test_a_number_of_more_than_64_bits_is_left_to_the_general_reader(number: bytes) -> None:
    value = wire(1, avro_schema(ORDER_BOOK_DELTA), envelope(ORDER_BOOK_DELTA, delta(1, 2, BIDS, ASKS)))
    at = value.index(TRACE_ID.encode()) + 32
    timestamp = next(end for end in range(at, len(value)) if value[end] < 0x80) + 1
    with pytest.raises(NotPlainError):
        read_book(
            value[:at] + number + value[timestamp:],
            is_delta=True,
            instruments=InstrumentTable([instrument()]),
        )


@given(noise=st.binary(max_size=200))
def test_noise_after_a_good_header_never_escapes_the_specialised_reader(noise: bytes) -> None:
    table = InstrumentTable([instrument()])
    for is_delta in (True, False):
        try:
            read_book(b"\x00\x00\x00\x00\x01" + noise, is_delta=is_delta, instruments=table)
        except (NotPlainError, DecodeError):
            continue


def test_a_run_of_continuation_bytes_ends_at_once() -> None:
    value = b"\x00\x00\x00\x00\x01" + b"\x00" * 4 + b"\xff" * 5_000_000
    before = time.process_time()
    with pytest.raises(NotPlainError):
        read_book(value, is_delta=True, instruments=InstrumentTable([instrument()]))
    assert time.process_time() - before < 0.5


def test_a_long_service_name_is_left_to_the_general_reader(
    desk: Desk, registry_server: RegistryServer
) -> None:
    schema = avro_schema(ORDER_BOOK_DELTA)
    record = envelope(ORDER_BOOK_DELTA, delta(1, 2, BIDS, ASKS)) | {"source_service": "x" * 200}
    number = registry_server.register(ORDER_BOOK_DELTA)
    _, event = desk.take(ORDER_BOOK_DELTA, wire(number, schema, record))
    assert event.bids == ((10010, 50000), (10000, 0))
