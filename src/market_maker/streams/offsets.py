"""Which offsets may be committed: never ahead of what is durable, never for a lost partition.

An engine event that means something for us is in flight from the poll that read it until each of
its effects is durable. A partition's committable offset is its lowest one in flight, or the end of
what was read when nothing is. Market data is committable as soon as it was read.
"""

import threading
from collections import deque
from collections.abc import Iterable, Mapping

from market_maker.core.events import Source
from market_maker.streams.batch import Position, TopicPartitionKey
from market_maker.streams.topics import ENGINE_EVENT


class _Assigned:
    """One partition under one assignment."""

    __slots__ = ("committed", "floor", "generation", "next_offset", "order", "parts")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.next_offset: int | None = None
        self.committed: int | None = None
        self.parts: dict[int, int] = {}
        """Offset in flight -> how many of its events are not durable yet."""
        self.floor: int | None = None
        """Lowest offset of an event that does not become durable in this process."""
        self.order: deque[int] = deque()
        """Offsets that were put in flight, lowest first; the finished ones leave from the left."""

    def committable(self) -> int | None:
        while self.order and self.order[0] not in self.parts:
            self.order.popleft()
        lowest = self.order[0] if self.order else self.next_offset
        return lowest if lowest is None or self.floor is None else min(lowest, self.floor)


class OffsetTracker:
    """Keeps the offsets of every assigned partition. Safe from any thread; no call blocks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._assigned: dict[TopicPartitionKey, _Assigned] = {}

    def assign(self, partitions: Iterable[TopicPartitionKey], generation: int) -> None:
        """Begin these partitions, or begin them anew; the others go on as they are."""
        with self._lock:
            self._assigned.update({key: _Assigned(generation) for key in partitions})

    def start_again(self, key: TopicPartitionKey) -> int | None:
        """Where to begin a partition anew: at the first event that is not durable.

        None when it is not assigned, or when nothing of it was read that could be read again.
        """
        with self._lock:
            assigned = self._assigned.get(key)
            return assigned.committable() if assigned is not None else None

    def drop(self, partitions: Iterable[TopicPartitionKey]) -> None:
        """Forget partitions that are no longer ours: nothing of them is committed from now on."""
        with self._lock:
            for key in partitions:
                self._assigned.pop(key, None)

    def consumed(self, positions: Mapping[TopicPartitionKey, Position], in_flight: Iterable[Source]) -> None:
        """A poll read up to `positions`; each Source is one event that must become durable."""
        with self._lock:
            for source in in_flight:
                assigned = self._current(source)
                if assigned is None:
                    continue
                if source.offset not in assigned.parts:
                    assigned.parts[source.offset] = 0
                    assigned.order.append(source.offset)
                assigned.parts[source.offset] += 1
            for key, position in positions.items():
                known = self._assigned.get(key)
                if known is not None and known.generation == position.generation:
                    known.next_offset = position.next_offset

    def split(self, source: Source, parts: int) -> None:
        """One event in flight turned out to go to `parts` symbols; 0: there is nothing to wait for."""
        with self._lock:
            assigned = self._current(source)
            if assigned is not None and source.offset in assigned.parts:
                assigned.parts[source.offset] += parts - 1
                if assigned.parts[source.offset] <= 0:
                    del assigned.parts[source.offset]

    def done(self, source: Source) -> None:
        """One event's effects are durable. Call it exactly once for each delivered event with a source."""
        self.split(source, 0)

    def hold(self, source: Source) -> None:
        """One event's effects do not become durable in this process: it must be read again by another.

        Nothing from it on is committed under this assignment. Call it instead of `done`.
        """
        with self._lock:
            assigned = self._current(source)
            if assigned is not None:
                held = source.offset if assigned.floor is None else min(assigned.floor, source.offset)
                assigned.floor = held
        self.done(source)

    def committable(self) -> dict[TopicPartitionKey, int]:
        """Offsets to commit now: those that moved since `committed` was last told."""
        with self._lock:
            offsets = {}
            for key, assigned in self._assigned.items():
                offset = assigned.committable()
                if offset is not None and offset != assigned.committed:
                    offsets[key] = offset
            return offsets

    def committed(self, offsets: Mapping[TopicPartitionKey, int]) -> None:
        """The broker has, or is about to have, these offsets."""
        with self._lock:
            for key, offset in offsets.items():
                if key in self._assigned:
                    self._assigned[key].committed = offset

    def commit_failed(self, partitions: Iterable[TopicPartitionKey]) -> None:
        """The broker refused: commit these again."""
        with self._lock:
            for key in partitions:
                if key in self._assigned:
                    self._assigned[key].committed = None

    def is_current(self, source: Source) -> bool:
        """Whether the event was read under the present assignment of its partition."""
        with self._lock:
            return self._current(source) is not None

    def in_flight(self) -> int:
        """Engine events that were read and are not durable yet."""
        with self._lock:
            return sum(len(assigned.parts) for assigned in self._assigned.values())

    def _current(self, source: Source) -> _Assigned | None:
        assigned = self._assigned.get((ENGINE_EVENT, source.partition))
        return assigned if assigned is not None and assigned.generation == source.generation else None
