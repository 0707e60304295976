"""The Kafka consumer: one thread that polls all consumed topics, decodes, hands over, and commits.

Offsets are committed by hand only, for what the OffsetTracker says is durable. Market data starts at
the end of its partitions whenever they are assigned: a snapshot follows, and old prices are of no
use. Engine events start where they were committed, at first at the beginning: their history counts.
"""

import asyncio
import dataclasses
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import wait

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_STORED,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from market_maker.streams.assignment import Assignment, RebalanceListener
from market_maker.streams.batch import Arrival, Batch, TopicPartitionKey
from market_maker.streams.client_log import LOG_LEVEL, ClientLog
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.consumer_positions import committed_offsets, history_lost, keys_of, topic_partitions
from market_maker.streams.daemon_thread import run_in_daemon_thread
from market_maker.streams.hand_over import HandOver
from market_maker.streams.message_decoder import MessageDecoder
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.topic_counts import partition_counts
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT

POLL_S = 0.1
ROOM_WAIT_S = 0.02
PAUSE_AFTER_S = 0.5
"""Without room for so long partitions are paused, which throws away what the client has fetched ahead."""
REGISTRY_PAUSE_S = 0.5
"""Between two looks at engine events that wait for their schema."""
METADATA_TIMEOUT_S = 2.0
COUNT_AGAIN_S = 1.0

_log = logging.getLogger(__name__)


class KafkaConsumer:
    """Polls, decodes and hands over until stopped. Its methods may be called from any thread."""

    def __init__(
        self,
        options: ConsumerOptions,
        decoder: MessageDecoder,
        offsets: OffsetTracker,
        hand_over: HandOver,
        loop: asyncio.AbstractEventLoop,
        listener: RebalanceListener | None = None,
    ) -> None:
        self._options = options
        self._decoder = decoder
        self._offsets = offsets
        self._hand_over = hand_over
        self._loop = loop
        self._listener = listener
        self._assignment = Assignment()
        self._partition_counts: Mapping[str, int] = {}
        self._count_again_s = 0.0
        self._quiet = threading.Event()
        self._again: deque[int] = deque()
        """Partitions of engine events to be read anew."""
        self._stopping = threading.Event()
        self._paused = False
        self._full_since_s = math.inf
        self._commit_due_s = 0.0
        self._commits_pending = 0
        self._client_log = ClientLog(_log)
        self._unjudged: list[Message] = []
        """An engine event whose schema the registry cannot tell yet, and all that came with and after it."""
        self._judge_again_s = 0.0

    @property
    def assignment(self) -> Assignment:
        """What is assigned now."""
        return self._assignment

    def partitions(self, topic: str) -> int | None:
        """How many partitions a topic has; None before the first assignment."""
        return self._partition_counts.get(topic)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many partitions each consumed topic has that exists; empty before the first assignment."""
        return self._partition_counts

    async def run(self) -> None:
        """Consume until `stop`; raises what ended the poll thread otherwise."""
        await run_in_daemon_thread("kafka-poll", self._poll_loop, self.stop)

    def quiesce(self) -> None:
        """Read no further messages; what was read can still become durable and be committed."""
        self._quiet.set()

    def read_again(self, partition: int) -> None:
        """Read a partition's engine events anew from the first that is not durable; nothing else is."""
        self._again.append(partition)

    def stop(self) -> None:
        """End `run` after a last commit of what is durable."""
        self._quiet.set()
        self._stopping.set()

    # --- the poll thread --------------------------------------------------------------------------

    def _poll_loop(self) -> None:
        consumer = Consumer(
            {
                **self._options.properties(),
                "on_commit": self._on_commit,
                "error_cb": self._client_log,
                "logger": _log,
                "log_level": LOG_LEVEL,
            }
        )
        try:
            consumer.subscribe(
                list(CONSUMED), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._stopping.is_set():
                self._step(consumer)
            self._commit_finally(consumer)
        finally:
            self._stopping.set()
            self._leave(consumer)

    def _leave(self, consumer: Consumer) -> None:
        """Leave the group, if the broker answers in time: one that is silent would hold us for minutes."""
        closing = threading.Thread(target=consumer.close, name="kafka-close", daemon=True)
        closing.start()
        closing.join(self._options.close_timeout_s / 2)
        if closing.is_alive():
            _log.warning("kafka: the broker is silent; the group will notice by itself that we left")

    def _step(self, consumer: Consumer) -> None:
        while self._again:
            self._rewind(consumer, (ENGINE_EVENT, self._again.popleft()))
        waits = bool(self._unjudged) and time.monotonic() < self._judge_again_s
        has_room = self._wait_for_room()
        if self._quiet.is_set() or waits or time.monotonic() - self._full_since_s >= PAUSE_AFTER_S:
            self._hold(consumer)
        elif has_room:
            self._go_on(consumer)
        if not self._partition_counts and self._assignment.partitions:
            self._count_later(consumer)
        if time.monotonic() >= self._commit_due_s:
            self._commit_due_s = time.monotonic() + self._options.commit_interval_s
            self._commit(consumer)

    def _wait_for_room(self) -> bool:
        """Wait a moment; what was fetched ahead is kept, there may be room in the next one."""
        has_room = self._hand_over.wait_for_room(ROOM_WAIT_S)
        self._full_since_s = math.inf if has_room else min(self._full_since_s, time.monotonic())
        return has_room

    def _go_on(self, consumer: Consumer) -> None:
        if self._unjudged:
            self._hand(consumer, [])
            return
        self._release(consumer)
        self._consume(consumer)

    def _count_later(self, consumer: Consumer) -> None:
        """Nothing is ours while it is unknown which symbols the partitions carry."""
        if time.monotonic() >= self._count_again_s:
            self._count_partitions(consumer)
            if self._partition_counts:
                self._tell_assigned()

    def _consume(self, consumer: Consumer) -> None:
        message = consumer.poll(POLL_S)
        if message is None:
            return
        generation = self._assignment.generation
        messages = [message, *consumer.consume(self._options.batch_messages_max - 1, 0)]
        if generation != self._assignment.generation:
            self._restart(consumer)
            return
        self._hand(consumer, messages)

    def _hand(self, consumer: Consumer, messages: list[Message]) -> None:
        messages = self._unjudged + messages
        assignment = self._assignment
        batch = self._decoder.decode(messages, Arrival.now(assignment.generation, assignment.again))
        if batch.unjudged:
            self._wait_for_registry(messages, batch.unjudged)
            return
        self._unjudged = []
        if batch.errors and self._out_of_range(consumer, batch.errors):
            return
        self._put(batch)

    def _wait_for_registry(self, messages: list[Message], reason: str) -> None:
        if not self._unjudged:
            _log.warning("kafka: engine events wait for the schema registry: %s", reason)
        self._unjudged = messages
        self._judge_again_s = time.monotonic() + REGISTRY_PAUSE_S

    def _put(self, batch: Batch) -> None:
        self._offsets.consumed(batch.positions, batch.in_flight)
        if batch.items or batch.positions:
            self._hand_over.put(batch)

    def _hold(self, consumer: Consumer) -> None:
        """Read nothing, but stay in the group: a consumer that does not poll is thrown out."""
        if not self._paused:
            consumer.pause(consumer.assignment())
            self._paused = True
        message = consumer.poll(ROOM_WAIT_S)
        if message is not None:
            self._hand(consumer, [message])

    def _release(self, consumer: Consumer) -> None:
        """The client remembers a pause beyond the assignment, so this comes before every change of it."""
        if self._paused:
            consumer.resume(consumer.assignment())
            self._paused = False

    # --- assignment -------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._count_partitions(consumer)
        self._start(consumer, partitions)
        self._tell_assigned()

    def _tell_assigned(self) -> None:
        """Before anything of this assignment is handed over."""
        if self._listener is not None:
            self._loop.call_soon_threadsafe(self._listener.assigned, self._assignment.partitions)

    def _start(
        self,
        consumer: Consumer,
        partitions: list[TopicPartition],
        from_beginning: frozenset[TopicPartitionKey] = frozenset(),
    ) -> None:
        keys = keys_of(partitions)
        generation = self._assignment.following()
        self._offsets.assign(keys, generation)
        self._assignment = Assignment(generation, keys)
        self._unjudged = []
        engine = {key for key in keys if key[0] == ENGINE_EVENT}
        starts = dict.fromkeys(keys - engine, OFFSET_END)
        starts |= committed_offsets(consumer, engine, METADATA_TIMEOUT_S)
        starts |= dict.fromkeys(from_beginning & engine, OFFSET_BEGINNING)
        consumer.assign(topic_partitions({key: starts.get(key, OFFSET_STORED) for key in sorted(keys)}))

    def _rewind(self, consumer: Consumer, key: TopicPartitionKey) -> None:
        """Read one partition anew from what is durable; the others go on where they are."""
        generation = self._assignment.following()
        start = self._offsets.restart(key, generation)
        if start is None:
            return
        again = {**self._assignment.again, key: generation}
        self._assignment = dataclasses.replace(self._assignment, again=again)
        self._unjudged = [m for m in self._unjudged if (m.topic(), m.partition()) != key]
        self._release(consumer)
        try:
            consumer.seek(TopicPartition(*key, start))
        except KafkaException as error:
            _log.warning("kafka: %s cannot be read anew by itself, so all are: %s", key, error)
            self._restart(consumer)

    def _restart(
        self, consumer: Consumer, from_beginning: frozenset[TopicPartitionKey] = frozenset()
    ) -> None:
        """Read the assigned partitions anew; the batch in hand was dropped before anything saw it."""
        self._release(consumer)
        self._start(consumer, consumer.assignment(), from_beginning)

    def _out_of_range(self, consumer: Consumer, errors: list[Message]) -> bool:
        """Whether partitions had to be read anew because the broker no longer has where they stood.

        For market data that is nothing new: it starts at the end. Engine events that nobody read are
        history lost: every symbol of the partition is told, and what is still there is read.
        """
        lost: dict[TopicPartitionKey, int] = {}
        for message in errors:
            error = message.error()
            if error is not None:
                self._client_log(error)
                if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the client's public name for it
                    key = (message.topic() or "", message.partition() or 0)
                    lost[key] = max(0, message.offset() or 0)
        if not lost:
            return False
        self._restart(consumer, frozenset(lost))
        generation = self._assignment.generation
        for (topic, partition), offset in sorted(lost.items()):
            if topic == ENGINE_EVENT:
                self._put(history_lost(partition, offset, generation))
        return True

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = keys_of(partitions)
        if not self._stopping.is_set():
            self._await_listener(keys)
            self._commit_now(consumer, keys)
        self._forget(consumer, keys)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = keys_of(partitions)
        self._forget(consumer, keys)
        if self._listener is not None and not self._stopping.is_set():
            self._loop.call_soon_threadsafe(self._listener.lost, keys)

    def _forget(self, consumer: Consumer, keys: frozenset[TopicPartitionKey]) -> None:
        self._release(consumer)
        self._offsets.drop(keys)
        self._unjudged = [m for m in self._unjudged if (m.topic(), m.partition()) not in keys]
        left = self._assignment.partitions - keys
        self._assignment = Assignment(self._assignment.following(), left)

    def _await_listener(self, keys: frozenset[TopicPartitionKey]) -> None:
        if self._listener is None:
            return
        done = asyncio.run_coroutine_threadsafe(self._listener.revoking(keys), self._loop)
        until_s = time.monotonic() + self._options.revoke_timeout_s
        while not (done.done() or self._stopping.is_set()) and time.monotonic() < until_s:
            wait([done], ROOM_WAIT_S)
        if done.done():
            done.result()
        else:
            done.cancel()
            _log.error("kafka: partitions are given up before the shell was done with them: %s", sorted(keys))

    def _count_partitions(self, consumer: Consumer) -> None:
        try:
            self._partition_counts = partition_counts(consumer)
        except KafkaException as error:
            _log.warning("kafka: the number of partitions is unknown: %s", error)
            self._partition_counts = {}
            self._count_again_s = time.monotonic() + COUNT_AGAIN_S

    # --- commits ----------------------------------------------------------------------------------

    def _commit(self, consumer: Consumer) -> None:
        offsets = self._offsets.committable()
        if offsets:
            self._offsets.committed(offsets)
            self._commits_pending += 1
            try:
                consumer.commit(offsets=topic_partitions(offsets), asynchronous=True)
            except KafkaException as error:
                self._on_commit(error.args[0], topic_partitions(offsets))

    def _commit_now(self, consumer: Consumer, keys: frozenset[TopicPartitionKey]) -> None:
        offsets = {key: offset for key, offset in self._offsets.committable().items() if key in keys}
        if not offsets:
            return
        try:
            consumer.commit(offsets=topic_partitions(offsets), asynchronous=False)
        except KafkaException as error:
            _log.warning("kafka: commit before a rebalance failed, the next owner reads again: %s", error)

    def _commit_finally(self, consumer: Consumer) -> None:
        consumer.pause(consumer.assignment())
        deadline = time.monotonic() + self._options.close_timeout_s / 2
        self._commit(consumer)
        while self._commits_pending and time.monotonic() < deadline:
            consumer.poll(ROOM_WAIT_S)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self._commits_pending = max(0, self._commits_pending - 1)
        failed = partitions if error is not None else [p for p in partitions if p.error is not None]
        if failed:
            _log.warning("kafka: commit failed, it will be repeated: %s", error or failed[0].error)
            self._offsets.commit_failed(keys_of(failed))
