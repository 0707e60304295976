"""Consumer lag in seconds: how long the oldest message that was not dispatched yet has been waiting.

A topic whose every message was dispatched has no lag. Otherwise the lag counts from when this
process first saw an end of the partition that it has not reached, on the monotonic clock; a message
read while behind that is older still (a backlog) raises it to its own age, from the first measurement
on until the end was reached once: a symbol must not be enabled on a start's backlog. Lag that cannot be
measured, because the broker does not answer or nothing is assigned, is None, never zero; so it is
while a partition is read again up to where this process had read it: the age of what comes twice
says nothing, and neither does it count as read.

An end is that of all messages, committed or not: a transaction that stays open hides everything that
follows it from us (`read_committed`), and what we cannot see must not look like having seen it all.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # OffsetSpec is re-exported silently
    AdminClient,
    OffsetSpec,
)

from market_maker.streams.assignment import Assignment
from market_maker.streams.batch import Position, TopicPartitionKey
from market_maker.streams.daemon_thread import run_in_daemon_thread
from market_maker.streams.topics import CONSUMED

INTERVAL_S = 1.0
AGAIN_S = 0.1
"""While something is unknown: a symbol that has just come to us may quote once its lag is known."""
REQUEST_TIMEOUT_S = 1.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client left its annotation out


@dataclass(frozen=True, slots=True)
class LagReport:
    """One measurement; None is lag that could not be measured."""

    at_ns: int
    """Monotonic: when the brokers were asked."""
    topics: Mapping[str, int | None]
    """Nanoseconds, the worst of the topic's assigned partitions; every consumed topic is in it."""
    partitions: Mapping[TopicPartitionKey, int | None]
    """Nanoseconds; the assigned partitions."""
    generations: Mapping[TopicPartitionKey, int]
    """Those of the assigned partitions: what was measured says nothing of a partition that was begun anew."""

    @property
    def is_whole(self) -> bool:
        """Whether the lag of every assigned partition could be measured."""
        return None not in self.partitions.values()


class _Behind:
    """Ends of one partition that were seen and not reached yet."""

    __slots__ = ("caught_up", "ends", "generation", "reached")

    def __init__(self, generation: int, before: "_Behind | None") -> None:
        """`before`: what is known of it under the generation that it was read in until now."""
        self.generation = generation
        self.reached: int = 0 if before is None else before.reached
        """The offset up to which it was seen read, under this generation or one before."""
        self.caught_up: bool = before is not None and before.caught_up
        """Whether its end was ever reached."""
        self.ends: deque[tuple[int, int]] = deque()
        """(monotonic ns when first seen, end offset), oldest first."""


class LagGauge:
    """Turns end offsets and positions into lag. No I/O, no clock of its own."""

    def __init__(self, position: Callable[[TopicPartitionKey], Position | None]) -> None:
        self._position = position
        self._behind: dict[TopicPartitionKey, _Behind] = {}

    def measure(
        self, ends: Mapping[TopicPartitionKey, int], assignment: Assignment, now_ns: int, wall_ms: int
    ) -> LagReport:
        """The lag of every assigned partition and consumed topic.

        `ends` are end offsets, read before this call; a partition that is not in
        it could not be measured.
        """
        generations = assignment.generations
        self._behind = {key: behind for key, behind in self._behind.items() if key in generations}
        partitions = {
            key: self._lag(key, ends.get(key), generation, now_ns, wall_ms)
            for key, generation in generations.items()
        }
        topics: dict[str, int | None] = {}
        for topic in CONSUMED:
            lags = [lag for (name, _), lag in partitions.items() if name == topic]
            known = [lag for lag in lags if lag is not None]
            topics[topic] = max(known) if known and len(known) == len(lags) else None
        return LagReport(now_ns, topics, partitions, generations)

    def _lag(
        self, key: TopicPartitionKey, end: int | None, generation: int, now_ns: int, wall_ms: int
    ) -> int | None:
        position = self._position(key)
        if end is None or position is None or position.generation != generation:
            return None
        behind = self._behind.get(key)
        if behind is None or behind.generation != generation:
            behind = self._behind[key] = _Behind(generation, behind)
        if position.next_offset < min(behind.reached, end):
            return None
        behind.reached = position.next_offset
        ends = behind.ends
        while ends and ends[0][1] <= position.next_offset:
            ends.popleft()
        if end <= position.next_offset or position.timestamp_ms is None:
            behind.caught_up = True
        if end <= position.next_offset:
            return 0
        if not ends or ends[-1][1] < end:
            ends.append((now_ns, end))
        since_ns = ends[0][0]
        lag_ns = now_ns - since_ns
        counts = position.at_ns >= since_ns or not behind.caught_up
        if position.timestamp_ms is not None and counts:
            lag_ns = max(lag_ns, (wall_ms - position.timestamp_ms) * 1_000_000)
        return lag_ns


class LagMonitor:
    """Measures once a second, or sooner while something is unknown, on its own thread."""

    def __init__(
        self,
        bootstrap_servers: str,
        assignment: Callable[[], Assignment],
        position: Callable[[TopicPartitionKey], Position | None],
        on_report: Callable[[LagReport], None],
        loop: asyncio.AbstractEventLoop,
        *,
        extra: Mapping[str, Any] | None = None,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._admin_config = {
            "log_level": 0,
            "socket.timeout.ms": int(REQUEST_TIMEOUT_S * 1000),
            **(extra or {}),
            "bootstrap.servers": bootstrap_servers,
        }
        self._assignment = assignment
        self._gauge = LagGauge(position)
        self._on_report = on_report
        self._loop = loop
        self._interval_s = interval_s
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Measure until `stop`."""
        await run_in_daemon_thread("kafka-lag", self._measure_loop, self.stop)

    def stop(self) -> None:
        """End `run`; may be called from any thread."""
        self._stopping.set()

    def _measure_loop(self) -> None:
        admin = AdminClient(self._admin_config)
        while not self._stopping.is_set():
            # From before the question: an answer says nothing of the time after it was given.
            asked_ns, asked_ms = time.monotonic_ns(), time.time_ns() // 1_000_000
            assignment = self._assignment()
            ends = _end_offsets(admin, assignment) if assignment.generations else {}
            report = self._gauge.measure(ends, assignment, asked_ns, asked_ms)
            self._loop.call_soon_threadsafe(self._on_report, report)
            self._pause(self._interval_s if report.is_whole else min(AGAIN_S, self._interval_s), assignment)

    def _pause(self, pause_s: float, measured: Assignment) -> None:
        """Until the next measurement, or until something else is read than what was measured."""
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0 and self._assignment() is measured:
            if self._stopping.wait(min(AGAIN_S, left_s)):
                return


def _end_offsets(admin: AdminClient, assignment: Assignment) -> dict[TopicPartitionKey, int]:
    """The end of every assigned partition that a broker told in time."""
    asked = {TopicPartition(topic, partition): _LATEST for topic, partition in assignment.generations}
    try:
        answers = admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=REQUEST_TIMEOUT_S
        )
    except KafkaException:
        return {}
    # The client's own timeout does not end a request that a silent broker already has.
    told, _ = wait(set(answers.values()), timeout=REQUEST_TIMEOUT_S)
    if any(answer.exception() is not None for answer in told):
        _learn_leaders(admin)
    return {
        (partition.topic, partition.partition): answer.result().offset
        for partition, answer in answers.items()
        if answer in told and answer.exception() is None
    }


def _learn_leaders(admin: AdminClient) -> None:
    """Look who leads the partitions now.

    Each change of a leader, even back to itself, makes what the client knows stale (FENCED_LEADER_EPOCH,
    NOT_LEADER_FOR_PARTITION); by itself this request of the client never looks again.
    """
    with suppress(KafkaException):
        admin.list_topics(timeout=REQUEST_TIMEOUT_S)
