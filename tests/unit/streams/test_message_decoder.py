import pytest
from confluent_kafka import KafkaError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.kafka import (
    OURS,
    RegistryServer,
    Wire,
    delta,
    instrument,
    levels,
    message,
    order_event,
    trade_event,
)

from market_maker.core.events import BookDelta, Execution, Source
from market_maker.streams.batch import Arrival, Position, Undecodable
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.message_decoder import MessageDecoder, make_processors
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, ORDER_BOOK_DELTA

ARRIVAL = Arrival(10**12, 1_700_000_000_000_000, {(topic, n): 4 for topic in CONSUMED for n in range(4)})


@pytest.fixture
def decoder(registry: SchemaRegistry) -> MessageDecoder:
    return MessageDecoder(make_processors(registry, InstrumentTable([instrument()]), OURS))


def end_of(topic: str, partition: int, offset: int) -> Message:
    error = KafkaError(KafkaError._PARTITION_EOF)
    return Message(topic=topic, partition=partition, offset=offset, error=error)


def test_a_batch_keeps_the_order_and_goes_on_after_a_message_that_cannot_be_used(
    decoder: MessageDecoder, wire_format: Wire
) -> None:
    good = [wire_format.value(ORDER_BOOK_DELTA, delta(n, n + 1, levels(("100.10", "1")))) for n in range(2)]
    messages = [
        message(ORDER_BOOK_DELTA, good[0], offset=5),
        message(ORDER_BOOK_DELTA, b"poison", offset=6, headers=[("a", b"b")]),
        message(ORDER_BOOK_DELTA, good[1], offset=7),
    ]
    batch = decoder.decode(messages, ARRIVAL)

    first, poison, last = batch.items
    assert isinstance(first, tuple)
    assert isinstance(last, tuple)
    assert [type(first[1]), type(last[1])] == [BookDelta, BookDelta]
    assert isinstance(poison, Undecodable)
    assert (poison.key, poison.value, poison.headers) == (b"BTCUSDT", b"poison", (("a", b"b"),))
    assert poison.detail.startswith("md.orderbook.delta.v1[0]@6: value: is not in Confluent's wire format")
    assert poison.symbol is None
    assert batch.consumed == {ORDER_BOOK_DELTA: 3}
    assert batch.in_flight == []


def test_positions_are_after_the_last_message_or_at_the_end_that_was_seen(
    decoder: MessageDecoder, wire_format: Wire
) -> None:
    value = wire_format.value(ORDER_BOOK_DELTA, delta(1, 2))
    stamped = message(ORDER_BOOK_DELTA, value, partition=1, offset=9)
    batch = decoder.decode([stamped, end_of(ORDER_BOOK_DELTA, 2, 30), end_of(ENGINE_EVENT, 0, 0)], ARRIVAL)
    assert batch.positions == {
        (ORDER_BOOK_DELTA, 1): Position(10, 4, stamped.timestamp()[1], 10**12),
        (ORDER_BOOK_DELTA, 2): Position(30, 4, None, 10**12),
        (ENGINE_EVENT, 0): Position(0, 4, None, 10**12),
    }
    assert batch.consumed == {ORDER_BOOK_DELTA: 1}


def test_an_undecodable_engine_event_is_in_flight_until_its_consequence_is_durable(
    decoder: MessageDecoder, wire_format: Wire
) -> None:
    messages = [
        message(ENGINE_EVENT, b"poison", partition=3, offset=11),
        message(ENGINE_EVENT, wire_format.value(ENGINE_EVENT, trade_event("t")), partition=3, offset=12),
    ]
    batch = decoder.decode(messages, ARRIVAL)
    assert batch.in_flight == [Source(3, 11, 4), Source(3, 12, 4)]
    assert isinstance(batch.items[1], tuple)
    assert isinstance(batch.items[1][1], Execution)


def test_an_engine_event_is_not_given_up_while_the_registry_is_away(
    registry_server: RegistryServer, wire_format: Wire
) -> None:
    registry = SchemaRegistry(registry_server.url, retry_pause_s=0)
    decoder = MessageDecoder(make_processors(registry, InstrumentTable([instrument()]), OURS))
    book = message(ORDER_BOOK_DELTA, wire_format.value(ORDER_BOOK_DELTA, delta(0, 1)), offset=1)
    fill = message(ENGINE_EVENT, wire_format.value(ENGINE_EVENT, trade_event("t1")), offset=2)
    registry_server.down = True
    only_data = decoder.decode([book], ARRIVAL)
    assert isinstance(only_data.items[0], Undecodable)
    waiting = decoder.decode([book, fill], ARRIVAL)
    assert "the registry is down" in waiting.unjudged
    assert (waiting.items, waiting.in_flight, waiting.positions) == ([], [], {})

    registry_server.down = False
    batch = decoder.decode([book, fill], ARRIVAL)
    assert batch.unjudged == ""
    assert [type(item[1]) for item in batch.items if isinstance(item, tuple)] == [BookDelta, Execution]
    registry.close()


def test_errors_of_the_client_are_not_messages(decoder: MessageDecoder) -> None:
    failure = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    with_topic = Message(topic=ORDER_BOOK_DELTA, partition=0, offset=-1001, error=failure)
    batch = decoder.decode([Message(error=failure), with_topic], ARRIVAL)
    assert (batch.items, batch.positions, len(batch.errors)) == ([], {}, 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(topic=st.sampled_from(CONSUMED), cut=st.integers(0, 200), noise=st.binary(max_size=60))
def test_no_bytes_whatsoever_end_the_poll_thread(
    decoder: MessageDecoder,
    wire_format: Wire,
    registry_server: RegistryServer,
    topic: str,
    cut: int,
    noise: bytes,
) -> None:
    examples = {
        ENGINE_EVENT: trade_event("t"),
        ORDER_BOOK_DELTA: delta(1, 2, levels(("100.10", "1"))),
    }
    whole = wire_format.value(
        ENGINE_EVENT, examples[ENGINE_EVENT] | order_event("ORDER_FILLED") | {"trade": None}
    )
    if topic in examples:
        whole = wire_format.value(topic, examples[topic])
    value = whole[:5] + whole[5:cut] + noise
    batch = decoder.decode([message(topic, value)], ARRIVAL)
    assert sum(batch.consumed.values()) == 1
