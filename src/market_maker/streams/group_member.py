"""This instance's place in the consumer group: which partitions are its own, and what is committed.

A Kafka consumer of its own, on its own thread, that reads nothing. It subscribes to the leading topic only,
with cooperative assignment: a change of the group moves the partitions that have to move and no others. The
partitions of the same number of all consumed topics belong together, and the reading consumer is given them
here. While symbols of a partition that goes are being cleared this thread waits; nobody's reading does.

Market data starts at the end of a partition: a snapshot follows, and old prices are of no use. Engine events
start where they were committed, at first at the beginning: their history counts.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from confluent_kafka import (
    OFFSET_END,
    OFFSET_STORED,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from market_maker.streams.assignment import RebalanceListener
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.client_log import ClientLog
from market_maker.streams.commits import WAIT_S, Commits
from market_maker.streams.consumer import KafkaConsumer
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.consumer_positions import committed_offsets
from market_maker.streams.daemon_thread import run_in_daemon_thread
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.topic_counts import ASK_S_MAX, partition_counts
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT

LEADING = ENGINE_EVENT
POLL_S = 0.05
LOOK_AGAIN_S = 1.0
"""Until the next look at which topics there are, while one is missing."""

_log = logging.getLogger(__name__)


class FencedError(Exception):
    """Another process has taken this one's place in the group."""


class GroupMember:
    """Joins, is told what is its own, commits and leaves. Its methods may be called from any thread."""

    def __init__(
        self,
        options: ConsumerOptions,
        offsets: OffsetTracker,
        reader: KafkaConsumer,
        loop: asyncio.AbstractEventLoop,
        listener: RebalanceListener | None = None,
    ) -> None:
        self._options = options
        self._offsets = offsets
        self._reader = reader
        self._loop = loop
        self._listener = listener
        self._ours: frozenset[int] = frozenset()
        """What the group says."""
        self._told: frozenset[int] = frozenset()
        """What of it the listener knows of: nothing before it is known which symbols the partitions carry."""
        self._given: frozenset[TopicPartitionKey] = frozenset()
        """What of it the reader was given: the topics that exist."""
        self._counts: Mapping[str, int] = {}
        self._settled = True
        self._look_again_s = 0.0
        self._stopping = threading.Event()
        self._leaves_for_good = False
        self._commits = Commits(options, offsets)
        self._client_log = ClientLog(_log)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many partitions each consumed topic has that exists; empty before the first assignment."""
        return self._counts

    async def run(self) -> None:
        """Be a member until `stop`; raises FencedError, or what ended the thread otherwise."""
        await run_in_daemon_thread("kafka-group", self._member_loop, self.stop)

    def stop(self, *, for_good: bool = False) -> None:
        """End `run` after a last commit of what is durable.

        A member with a place of its own keeps it until its session is over, unless it leaves for good.
        """
        self._leaves_for_good = for_good
        self._stopping.set()

    def _member_loop(self) -> None:
        consumer = Consumer(
            {
                **self._options.member(),
                "on_commit": self._commits.on_commit,
                **self._client_log.options(),
            }
        )
        try:
            consumer.subscribe(
                [LEADING], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._stopping.is_set():
                self._step(consumer)
            self._commits.at_the_end(consumer)
        finally:
            self._stopping.set()
            self._leave(consumer)

    def _step(self, consumer: Consumer) -> None:
        self._look_at(consumer.poll(POLL_S))
        if not self._settled and time.monotonic() >= self._look_again_s:
            self._settle(consumer)
        self._commits.once_in_a_while(consumer)

    def _look_at(self, message: Message | None) -> None:
        """A message is none of ours to read; an error may be the end of this member."""
        error = message.error() if message is not None else None
        if error is None:
            return
        if error.code() == KafkaError._FATAL:  # noqa: SLF001 - the client's public name for it
            self._end_membership(error)
        self._client_log(error)
        if error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            _log.error(
                "kafka: instances of an earlier version are in the group %r, which assigned partitions "
                "otherwise: end them all, then this one gets its partitions",
                self._options.group_id,
            )

    def _end_membership(self, error: KafkaError) -> NoReturn:
        """The client will never be a member again. What has a place can lose it to another process."""
        self._tell_lost(self._forget(self._ours))
        if self._options.instance_id is None:
            raise KafkaException(error)
        raise FencedError(
            f"KAFKA_INSTANCE_ID: a second process uses {self._options.instance_id!r} and has taken this "
            f"one's partitions; give each instance an id of its own: {error.str()}"
        )

    def _leave(self, consumer: Consumer) -> None:
        """Leave, if the broker answers in time: one that is silent would hold us for minutes."""
        closing = threading.Thread(target=self._close, args=(consumer,), name="kafka-close", daemon=True)
        closing.start()
        closing.join(self._options.close_timeout_s / 2)
        if closing.is_alive():
            _log.warning("kafka: the broker is silent; the group will notice by itself that we left")

    def _close(self, consumer: Consumer) -> None:
        if self._leaves_for_good:
            consumer.unsubscribe()
            until_s = time.monotonic() + self._options.close_timeout_s
            while consumer.memberid() and time.monotonic() < until_s:
                consumer.poll(WAIT_S)  # the client leaves the group once its callback was called
        consumer.close()

    # --- partitions -------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, OFFSET_END) for p in partitions])
        consumer.pause(partitions)
        self._ours |= _numbers(partitions)
        self._look_soon()

    def _settle(self, consumer: Consumer) -> None:
        """Begin to read what has become ours; topics that do not exist yet are added when they do."""
        try:
            self._counts = partition_counts(consumer) or self._counts
        except KafkaException as error:
            _log.warning("kafka: the number of partitions is unknown: %s", error)
        self._look_again_s = time.monotonic() + LOOK_AGAIN_S
        if not self._counts:
            return
        self._settled = self._counts.keys() == set(CONSUMED)
        fresh, self._told = self._ours - self._told, self._ours
        if fresh and self._listener is not None:
            self._loop.call_soon_threadsafe(self._listener.added, fresh)
        keys = self._keys(self._ours) - self._given
        if keys:
            self._given |= keys
            self._reader.add(self._starts(consumer, keys))

    def _keys(self, numbers: Iterable[int]) -> frozenset[TopicPartitionKey]:
        """The partitions with these numbers, as far as they are known."""
        return frozenset(
            (topic, number) for number in numbers for topic, count in self._counts.items() if number < count
        )

    def _starts(self, consumer: Consumer, keys: frozenset[TopicPartitionKey]) -> dict[TopicPartitionKey, int]:
        engine = {key for key in keys if key[0] == ENGINE_EVENT}
        return {
            **dict.fromkeys(keys, OFFSET_END),
            **dict.fromkeys(engine, OFFSET_STORED),
            **committed_offsets(consumer, engine, ASK_S_MAX),
        }

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._stopping.is_set():
            numbers = _numbers(partitions)
            self._await_listener(numbers & self._told)
            self._await(self._reader.remove(self._given & self._keys(numbers)).is_set, ASK_S_MAX)
            self._commits.before_they_go(consumer, self._given & self._keys(numbers))
            self._forget(numbers)
        consumer.incremental_unassign(partitions)
        self._look_soon()

    def _look_soon(self) -> None:
        """A look at the topics also lets the client join again at once, for which it else waits a second."""
        self._settled, self._look_again_s = False, 0.0

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._tell_lost(self._forget(_numbers(partitions)))
        consumer.incremental_unassign(partitions)

    def _forget(self, numbers: frozenset[int]) -> frozenset[int]:
        """These are not ours any more; returns those that the listener knew of."""
        told = self._told & numbers
        keys = self._given & self._keys(numbers)
        self._ours, self._told, self._given = self._ours - numbers, self._told - numbers, self._given - keys
        self._offsets.drop(keys)
        self._reader.remove(keys)
        return told

    def _tell_lost(self, numbers: frozenset[int]) -> None:
        if numbers and self._listener is not None and not self._stopping.is_set():
            self._loop.call_soon_threadsafe(self._listener.lost, numbers)

    def _await_listener(self, numbers: frozenset[int]) -> None:
        if self._listener is None or not numbers:
            return
        done = asyncio.run_coroutine_threadsafe(self._listener.revoking(numbers), self._loop)
        if self._await(done.done, self._options.revoke_timeout_s):
            done.result()
        else:
            done.cancel()
            _log.error(
                "kafka: partitions are given up before the shell was done with them: %s", sorted(numbers)
            )

    def _await(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition holds, the time is over, or this process ends; whether it holds."""
        until_s = time.monotonic() + timeout_s
        while not (condition() or self._stopping.is_set()) and time.monotonic() < until_s:
            time.sleep(WAIT_S)
        return condition()


def _numbers(partitions: Iterable[TopicPartition]) -> frozenset[int]:
    return frozenset(p.partition for p in partitions)
