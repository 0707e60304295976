"""The group's offsets: committed by hand only, for what the OffsetTracker says is durable.

Who is in the group commits, on the thread that polls it.
"""

import logging
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.consumer_positions import keys_of, topic_partitions
from market_maker.streams.offsets import OffsetTracker

WAIT_S = 0.02
"""Between two looks at whether a broker has answered."""

_log = logging.getLogger(__name__)


class Commits:
    """One commit at a time: while the group changes it waits for the end of that, and is refused then."""

    def __init__(self, options: ConsumerOptions, offsets: OffsetTracker) -> None:
        self._options = options
        self._offsets = offsets
        self._due_s = 0.0
        self._pending = 0

    def once_in_a_while(self, consumer: Consumer) -> None:
        """Commit what is durable, if it is time and the last commit was answered."""
        if time.monotonic() >= self._due_s and not self._pending:
            self._due_s = time.monotonic() + self._options.commit_interval_s
            self._commit(consumer)

    def before_they_go(self, consumer: Consumer, keys: frozenset[TopicPartitionKey]) -> None:
        """Commit what is durable of these partitions, and return when the broker has it."""
        offsets = {key: offset for key, offset in self._offsets.committable().items() if key in keys}
        if not offsets:
            return
        try:
            consumer.commit(offsets=topic_partitions(offsets), asynchronous=False)
        except KafkaException as error:
            _log.warning("kafka: commit before a rebalance failed, the next owner reads again: %s", error)

    def at_the_end(self, consumer: Consumer) -> None:
        """The last commit; a broker that is silent is not waited for long."""
        deadline = time.monotonic() + self._options.close_timeout_s / 2
        self._commit(consumer)
        while self._pending and time.monotonic() < deadline:
            consumer.poll(WAIT_S)

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """The broker's answer; the client calls it from `poll`."""
        self._pending = max(0, self._pending - 1)
        failed = partitions if error is not None else [p for p in partitions if p.error is not None]
        if failed:
            _log.warning("kafka: commit failed, it will be repeated: %s", error or failed[0].error)
            self._offsets.commit_failed(keys_of(failed))

    def _commit(self, consumer: Consumer) -> None:
        offsets = self._offsets.committable()
        if offsets:
            self._offsets.committed(offsets)
            self._pending += 1
            try:
                consumer.commit(offsets=topic_partitions(offsets), asynchronous=True)
            except KafkaException as error:
                self.on_commit(error.args[0], topic_partitions(offsets))
