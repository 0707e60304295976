"""Where the consumer starts to read, and what it means when that is gone."""

import logging
import time
from collections.abc import Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from market_maker.core.events import Source
from market_maker.streams.batch import Batch, TopicPartitionKey, Undecodable
from market_maker.streams.topics import ENGINE_EVENT

_log = logging.getLogger(__name__)


def keys_of(partitions: Iterable[TopicPartition]) -> frozenset[TopicPartitionKey]:
    """The partitions as (topic, number)."""
    return frozenset((p.topic, p.partition) for p in partitions)


def topic_partitions(offsets: Mapping[TopicPartitionKey, int]) -> list[TopicPartition]:
    """The offsets as the client wants them."""
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]


def committed_offsets(
    consumer: Consumer, keys: Iterable[TopicPartitionKey], timeout_s: float
) -> dict[TopicPartitionKey, int]:
    """Where to go on: the committed offset, or the beginning where there is none.

    A partition whose offset cannot be had is left out: the client will look for it itself.
    """
    asked = [TopicPartition(*key) for key in keys]
    try:
        answers = consumer.committed(asked, timeout_s) if asked else []
    except KafkaException as error:
        _log.warning("kafka: the committed offsets are unknown, the client looks itself: %s", error)
        return {}
    return {
        (found.topic, found.partition): found.offset if found.offset >= 0 else OFFSET_BEGINNING
        for found in answers
        if found.error is None
    }


def history_lost(partition: int, offset: int, generation: int) -> Batch:
    """Engine events from `offset` on are gone that nobody here has read: it concerns all its symbols.

    The event stands at that offset, so that nothing further is committed until all of them know.
    """
    where = f"{ENGINE_EVENT}[{partition}]@{offset}"
    detail = f"{where}: the broker no longer has the events after the committed offset"
    lost = Undecodable(
        ENGINE_EVENT, partition, offset, generation, None, None, (), None, detail, time.monotonic_ns()
    )
    return Batch(items=[lost], in_flight=[Source(partition, offset, generation)])
