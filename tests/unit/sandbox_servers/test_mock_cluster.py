import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tradex_sandbox.mock_cluster import MockCluster

BOOKS, EVENTS = "md.orderbook.delta.v1", "engine.event.v1"


@pytest.fixture(scope="module")
def cluster() -> MockCluster:
    made = MockCluster.start(100)
    if made is None:
        pytest.skip("this platform's wheel does not carry librdkafka as a library of its own")
    return made


def test_of_books_only_the_last_messages_are_kept_and_events_all(cluster: MockCluster) -> None:
    producer = Producer({"bootstrap.servers": cluster.address, "linger.ms": 0})
    for number in range(50):
        for topic in (BOOKS, EVENTS):
            producer.produce(topic, str(number), partition=0)
            producer.flush(10)
    cluster.trim("md.", 20)
    reader = Consumer({"bootstrap.servers": cluster.address, "group.id": "any"})
    try:
        assert reader.get_watermark_offsets(TopicPartition(BOOKS, 0), 10) == (30, 50)
        assert reader.get_watermark_offsets(TopicPartition(EVENTS, 0), 10) == (0, 50)
        cluster.trim("md.", 20)
        assert reader.get_watermark_offsets(TopicPartition(BOOKS, 0), 10) == (30, 50)
    finally:
        reader.close()


def test_trimming_what_is_not_there_does_nothing(cluster: MockCluster) -> None:
    cluster.trim("nothing.", 1)
