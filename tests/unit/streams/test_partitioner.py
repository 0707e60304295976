from collections.abc import Iterator

import pytest
from confluent_kafka import Message, Producer

from market_maker.streams.partitioner import murmur2, partition_of

JAVA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA_VECTORS.items())
def test_the_hash_is_that_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@pytest.fixture
def producer(kafka_broker: str) -> Iterator[Producer]:
    made = Producer({"bootstrap.servers": kafka_broker, "partitioner": "murmur2_random", "log_level": 0})
    yield made
    made.flush(5)


def test_a_key_goes_where_the_clients_own_partitioner_sends_it(producer: Producer) -> None:
    topic = "partitioner-test"
    count = len(producer.list_topics(topic, timeout=5).topics[topic].partitions)
    landed: dict[str, int | None] = {}

    def note(_: object, message: Message) -> None:
        landed[(message.key() or b"").decode()] = message.partition()

    symbols = [f"{base}USDT" for base in ("BTC", "ETH", "SOL", "X", "PEPE1000", "ÄÖ", "A" * 40)]
    for symbol in symbols:
        producer.produce(topic, b"", symbol.encode(), on_delivery=note)
    producer.flush(5)

    assert count > 1
    assert landed == {symbol: partition_of(symbol, count) for symbol in symbols}


def test_a_topic_without_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match="partitions: must be at least 1"):
        partition_of("BTCUSDT", 0)
