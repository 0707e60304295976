"""`engine.event.v1`: partitions that only grow, what is committed of them, and a consumer of one process."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from market_maker.core.events import EngineEventUnreadable, Execution, OrderEvent, OrderEventKind, Source
from market_maker.streams.batch import Position
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.topics import ENGINE_EVENT
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.decisions import Kind

PARTITIONS = 2
DELIVERY_NS = MS

Message = Execution | OrderEvent | EngineEventUnreadable


@dataclass(slots=True)
class Record:
    """One message of a partition."""

    symbol: str
    message: Message
    seen: bool = False
    """Whether some consumer has read it."""


class Stream:
    """The broker's side."""

    def __init__(self, clock: Clock, coverage: Coverage, symbols: tuple[str, ...]) -> None:
        self._clock, self._coverage = clock, coverage
        self.partition_of = {symbol: index % PARTITIONS for index, symbol in enumerate(symbols)}
        self.log: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.held_until_ns = [0] * PARTITIONS
        self.swap = [0] * PARTITIONS
        """How many fills are still to be published before the fill that came before them."""
        self.arrived: Callable[[int], None] = lambda _: None
        """Told a moment after a partition has grown."""

    def publish(self, symbol: str, message: Message) -> None:
        """Append a message."""
        partition = self.partition_of[symbol]
        log = self.log[partition]
        log.append(Record(symbol, message))
        if self.swap[partition] and isinstance(message, Execution):
            self._swap(partition)
        self._clock.after(DELIVERY_NS, self._deliver, partition)

    def hold(self, partition: int, until_ns: int) -> None:
        """Nothing of it is delivered until then."""
        self.held_until_ns[partition] = until_ns
        self._clock.at(until_ns, self._deliver, partition)

    def _deliver(self, partition: int) -> None:
        self.arrived(partition)

    def _swap(self, partition: int) -> None:
        """Exchange the last fill with the one before it, if nobody has read either."""
        log = self.log[partition]
        for index in range(len(log) - 2, -1, -1):
            record = log[index]
            if record.seen or not _harmless(record.message):
                return
            if isinstance(record.message, Execution):
                if record.symbol == log[-1].symbol:
                    record.message, log[-1].message = log[-1].message, record.message
                    self.swap[partition] -= 1
                    self._coverage.hit(Kind.STREAM_SWAP.value)
                return


def _harmless(message: Message) -> bool:
    """Whether a fill may overtake it: the exchange tells of a cancel only after all fills."""
    return isinstance(message, Execution) or (
        isinstance(message, OrderEvent) and message.kind is OrderEventKind.FILLED
    )


class Consumer:
    """Of one process: reads in order, and knows what may be committed (the service's own tracker)."""

    def __init__(self, stream: Stream, clock: Clock, deliver: Callable[[str, Message], None]) -> None:
        self._stream, self._clock, self._deliver = stream, clock, deliver
        self.tracker = OffsetTracker()
        self._generation = 0
        self._next: dict[int, int] = {}
        self.assign(frozenset(range(PARTITIONS)))

    def assign(self, partitions: frozenset[int]) -> None:
        """Start anew with exactly these partitions, from what is committed."""
        self._generation += 1
        self.tracker.assign(((ENGINE_EVENT, partition) for partition in sorted(partitions)), self._generation)
        self._next = {partition: self._stream.committed[partition] for partition in sorted(partitions)}

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that are ours."""
        return frozenset(self._next)

    @property
    def read_to(self) -> dict[int, int]:
        """By partition: the offset of the next message to be read."""
        return dict(self._next)

    def poll(self, partition: int) -> None:
        """Read what is there."""
        stream = self._stream
        log = stream.log[partition]
        generation = self._generation
        while generation == self._generation and partition in self._next:
            offset = self._next[partition]
            if offset >= len(log) or self._clock.now_ns < stream.held_until_ns[partition]:
                return
            record = log[offset]
            record.seen = True
            self._next[partition] = offset + 1
            source = Source(partition, offset, generation)
            now_ns = self._clock.now_ns
            self.tracker.consumed(
                {(ENGINE_EVENT, partition): Position(offset + 1, generation, None, now_ns)}, [source]
            )
            self._deliver(record.symbol, replace(record.message, at_ns=now_ns, source=source))

    def is_at_end(self) -> bool:
        """Whether every message has been read."""
        log = self._stream.log
        return all(self._next.get(partition, 0) == len(log[partition]) for partition in range(PARTITIONS))

    def commit(self) -> dict[int, int]:
        """Commit what is durable; returns the new offsets."""
        offsets = self.tracker.committable()
        self.tracker.committed(offsets)
        return {partition: offset for (_, partition), offset in offsets.items()}
