import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from lab.processes import ServerProcess
from tradex_sandbox import topics
from tradex_sandbox.avro import Encoder
from tradex_sandbox.embedded_broker import DEFAULT_PARTITIONS
from tradex_sandbox.messages import Message
from tradex_sandbox.publisher import TRACE_EVERY, Publisher

Read = tuple[Any, Any, int | None]

MARK = {"symbol": "BTCUSDT", "mark_price": "1", "index_price": None, "timestamp": 1}


def marks(count: int) -> list[Message]:
    return [Message(topics.MARK, "BTCUSDT", number, MARK) for number in range(count)]


def raw(number: int) -> Message:
    return Message(topics.MARK, "BTCUSDT", 0, {}, raw=str(number).encode())


def read(broker: ServerProcess, count: int) -> list[Read]:
    """Value, headers and partition of the first messages of the mark topic."""
    consumer = Consumer({"bootstrap.servers": broker.ready["kafka"], "group.id": "g", "fetch.wait.max.ms": 5})
    consumer.assign([TopicPartition(topics.MARK, number, 0) for number in range(DEFAULT_PARTITIONS)])
    found: list[Read] = []
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append((message.value(), message.headers() or [], message.partition()))
    consumer.close()
    return found


@pytest.fixture
def publisher(embedded_broker: ServerProcess) -> Callable[..., Publisher]:
    address = embedded_broker.ready["kafka"]
    return lambda **options: Publisher(address, Encoder({topics.MARK: 1}), **options)


def test_a_symbols_messages_share_one_partition_and_keep_their_order(
    embedded_broker: ServerProcess, publisher: Callable[..., Publisher]
) -> None:
    out = publisher()
    out.send([raw(number) for number in range(50)])
    assert out.close(10) == 0
    found = read(embedded_broker, 50)
    assert [value for value, _, _ in found] == [str(number).encode() for number in range(50)]
    # (murmur2("BTCUSDT") & 0x7fffffff) % 4, the hash as in Java's client.
    assert {partition for _, _, partition in found} == {2}


def test_nothing_is_lost_and_nothing_overtakes_while_the_broker_is_away(
    embedded_broker: ServerProcess, publisher: Callable[..., Publisher]
) -> None:
    out = publisher(queue_messages_max=10)
    out.send([raw(0)])
    assert out.close(10) == 0
    embedded_broker.freeze()
    out.send([raw(number) for number in range(1, 31)])
    out.send([raw(31)])
    assert out.backlog == 21
    embedded_broker.thaw()
    assert out.close(10) == 0
    values = [value for value, _, _ in read(embedded_broker, 32)]
    assert values == [str(number).encode() for number in range(32)]
    assert out.failures == 0


def test_closing_says_how_much_was_left_when_the_broker_stays_away(
    embedded_broker: ServerProcess, publisher: Callable[..., Publisher]
) -> None:
    out = publisher(queue_messages_max=10)
    embedded_broker.kill()
    out.send([raw(number) for number in range(12)])
    assert out.close(0.2) == 12


def test_one_message_in_a_hundred_begins_a_sampled_trace(
    embedded_broker: ServerProcess, publisher: Callable[..., Publisher]
) -> None:
    out = publisher()
    out.send(marks(TRACE_EVERY * 2))
    assert out.close(10) == 0
    traced = [headers for _, headers, _ in read(embedded_broker, TRACE_EVERY * 2) if headers]
    assert len(traced) == 2
    for ((name, value),) in traced:
        version, trace_id, span_id, flags = value.decode().split("-")
        assert (name, version, flags) == ("traceparent", "00", "01")
        assert (len(trace_id), len(span_id)) == (32, 16)
