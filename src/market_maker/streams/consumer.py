"""The Kafka consumer: one thread that polls all consumed topics, decodes and hands over.

It is in no group: the group member tells it which partitions to read and from where, and commits. So nothing
that the group does stops its reading, and a partition that comes or goes leaves all others as they are.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, Message

from market_maker.streams.assignment import Assignment
from market_maker.streams.batch import Arrival, Batch, TopicPartitionKey
from market_maker.streams.client_log import ClientLog
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.consumer_positions import history_lost, topic_partitions
from market_maker.streams.daemon_thread import run_in_daemon_thread
from market_maker.streams.hand_over import HandOver
from market_maker.streams.message_decoder import MessageDecoder
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.topics import ENGINE_EVENT

POLL_S = 0.05
ROOM_WAIT_S = 0.02
PAUSE_AFTER_S = 0.5
"""Without room for so long partitions are paused, which throws away what the client has fetched ahead."""
REGISTRY_PAUSE_S = 0.5
"""Between two looks at engine events that wait for their schema."""

_log = logging.getLogger(__name__)


class KafkaConsumer:
    """Polls, decodes and hands over until stopped. Its methods may be called from any thread."""

    def __init__(
        self,
        options: ConsumerOptions,
        decoder: MessageDecoder,
        offsets: OffsetTracker,
        hand_over: HandOver,
    ) -> None:
        self._options = options
        self._decoder = decoder
        self._offsets = offsets
        self._hand_over = hand_over
        self._assignment = Assignment()
        self._quiet = threading.Event()
        self._changes: deque[Callable[[Consumer], None]] = deque()
        """What the poll thread was told to do with its partitions, in this order."""
        self._stopping = threading.Event()
        self._paused = False
        self._full_since_s = math.inf
        self._client_log = ClientLog(_log)
        self._unjudged: list[Message] = []
        """An engine event whose schema the registry cannot tell yet, and all that came with and after it."""
        self._judge_again_s = 0.0

    @property
    def assignment(self) -> Assignment:
        """What is read now."""
        return self._assignment

    async def run(self) -> None:
        """Consume until `stop`; raises what ended the poll thread otherwise."""
        await run_in_daemon_thread("kafka-poll", self._poll_loop, self.stop)

    def add(self, starts: Mapping[TopicPartitionKey, int]) -> None:
        """Read these partitions too, each from this offset on."""
        self._changes.append(lambda consumer: self._begin(consumer, starts))

    def remove(self, keys: Iterable[TopicPartitionKey]) -> threading.Event:
        """Read these partitions no longer; set once nothing further of them is handed over."""
        gone, done = frozenset(keys), threading.Event()

        def remove(consumer: Consumer) -> None:
            self._end(consumer, gone)
            done.set()

        self._changes.append(remove)
        return done

    def quiesce(self) -> None:
        """Read no further messages; what was read can still become durable and be committed."""
        self._quiet.set()

    def read_again(self, partition: int) -> None:
        """Read a partition's engine events anew from the first that is not durable; nothing else is."""
        self._changes.append(lambda consumer: self._rewind(consumer, (ENGINE_EVENT, partition)))

    def stop(self) -> None:
        """End `run`."""
        self._quiet.set()
        self._stopping.set()

    # --- the poll thread --------------------------------------------------------------------------

    def _poll_loop(self) -> None:
        consumer = Consumer({**self._options.reader(), **self._client_log.options()})
        try:
            while not self._stopping.is_set():
                self._step(consumer)
        finally:
            self._stopping.set()
            threading.Thread(target=consumer.close, name="kafka-close", daemon=True).start()

    def _step(self, consumer: Consumer) -> None:
        while self._changes:
            self._changes.popleft()(consumer)
        waits = bool(self._unjudged) and time.monotonic() < self._judge_again_s
        has_room = self._wait_for_room()
        if self._quiet.is_set() or waits or time.monotonic() - self._full_since_s >= PAUSE_AFTER_S:
            self._hold(consumer)
        elif has_room:
            self._go_on(consumer)

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
        message = consumer.poll(POLL_S)
        if message is not None:
            self._hand(consumer, [message, *consumer.consume(self._options.batch_messages_max - 1, 0)])

    def _hand(self, consumer: Consumer, messages: list[Message]) -> None:
        messages = self._unjudged + messages
        batch = self._decoder.decode(messages, Arrival.now(self._assignment.generations))
        if batch.unjudged:
            self._wait_for_registry(messages, batch.unjudged)
            return
        self._unjudged = []
        self._put(batch)
        if batch.errors:
            self._look_at(consumer, batch.errors)

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
        """Read nothing."""
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

    # --- partitions -------------------------------------------------------------------------------

    def _begin(self, consumer: Consumer, starts: Mapping[TopicPartitionKey, int]) -> None:
        """Read these, which are not being read, from these offsets on."""
        self._release(consumer)
        self._assignment = self._assignment.begun(starts)
        self._offsets.assign(starts, self._assignment.last)
        consumer.incremental_assign(topic_partitions(starts))

    def _end(self, consumer: Consumer, keys: Iterable[TopicPartitionKey]) -> None:
        if gone := self._unassign(consumer, keys):
            self._assignment = self._assignment.without(gone)

    def _unassign(
        self, consumer: Consumer, keys: Iterable[TopicPartitionKey]
    ) -> frozenset[TopicPartitionKey]:
        """Fetch these no longer; returns those that were."""
        gone = self._assignment.partitions.intersection(keys)
        if gone:
            self._release(consumer)
            consumer.incremental_unassign(topic_partitions(dict.fromkeys(gone, OFFSET_END)))
            self._unjudged = [m for m in self._unjudged if (m.topic(), m.partition()) not in gone]
        return gone

    def _rewind(self, consumer: Consumer, key: TopicPartitionKey) -> None:
        """Read one partition anew from what is durable; the others go on where they are."""
        start = self._offsets.start_again(key)
        if start is not None:
            self._begin_anew(consumer, {key: start})

    def _begin_anew(self, consumer: Consumer, starts: Mapping[TopicPartitionKey, int]) -> None:
        self._unassign(consumer, starts)
        self._begin(consumer, starts)

    def _look_at(self, consumer: Consumer, errors: list[Message]) -> None:
        """Partitions are read anew whose broker no longer has what stood where they were.

        For market data that is nothing new: it starts at the end. Engine events that nobody read are
        history lost: every symbol of the partition is told, and what is still there is read.
        """
        lost: dict[TopicPartitionKey, int] = {}
        for message in errors:
            error = message.error()
            key = (message.topic() or "", message.partition() or 0)
            if error is not None:
                self._client_log(error)
                if error.code() == KafkaError._AUTO_OFFSET_RESET and key in self._assignment.generations:  # noqa: SLF001 - the client's public name for it
                    lost[key] = max(0, message.offset() or 0)
        if not lost:
            return
        starts = {key: OFFSET_BEGINNING if key[0] == ENGINE_EVENT else OFFSET_END for key in lost}
        self._begin_anew(consumer, starts)
        for (topic, partition), offset in sorted(lost.items()):
            if topic == ENGINE_EVENT:
                self._put(history_lost(partition, offset, self._assignment.last))
