"""A second consumer of a running service's group, which takes a part of its partitions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition
from tests.support.beside import beside
from tests.support.service import Site

from market_maker.streams.topics import ENGINE_EVENT


@contextmanager
def another_member(
    site: Site,
    on_assign: Callable[[list[TopicPartition]], None] = lambda _: None,
    heartbeat_ms: int = 500,
    session_ms: int = 45_000,
) -> Iterator[None]:
    """It polls on a thread of its own, where `on_assign` is called too, and leaves the group at the end."""
    consumer = Consumer(
        {
            "bootstrap.servers": site.exchange.servers.kafka,
            "group.id": site.service.environment["KAFKA_CONSUMER_GROUP"],
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": heartbeat_ms,
            "auto.offset.reset": "latest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([ENGINE_EVENT], on_assign=lambda _, partitions: on_assign(partitions))
    try:
        with beside(lambda _: consumer.poll(0.1)):
            yield
    finally:
        consumer.close()
