"""The Kafka router: every event to its symbol, on the event loop.

Market data is always taken by a symbol's mailbox, which coalesces it. An event that must be kept
and finds no room waits here, with all that follow it for the same symbol; when too many wait, the
router takes no further batch and the poll thread stops consuming. Nothing is dropped.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    EngineEventUnreadable,
    Event,
    Execution,
    Fault,
    MarkPrice,
    OrderEvent,
    PublicTrade,
    Source,
)
from market_maker.core.states import KillReason
from market_maker.streams.batch import Batch, Position, TopicPartitionKey, Undecodable
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import ENGINE_EVENT, INSTRUMENT_HALT

WAITING_MAX = 2000
RETRY_S = 0.002

_MARKET_DATA = frozenset((BookSnapshot, BookDelta, BookInvalid, PublicTrade, MarkPrice))
_log = logging.getLogger(__name__)


class SymbolSink(Protocol):
    """A symbol's worker: an idle one handles the event in this very call."""

    def deliver(self, event: Event) -> bool:
        """Take an event; False when there is no room for one that must be kept."""


class DeadLetterSink(Protocol):
    """Keeps copies of messages that cannot be used."""

    def send(self, message: Undecodable) -> None:
        """Copy a message to its dead letter topic; does not block."""


@dataclass(slots=True)
class RouterCounters:
    """What passed the router since the start."""

    consumed: Counter[str] = field(default_factory=Counter)
    """Messages by topic."""
    undecodable: Counter[str] = field(default_factory=Counter)
    """Messages that could not be used, by topic."""
    strays: Counter[str] = field(default_factory=Counter)
    """Events of our account in a symbol that the service does not have."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where events go."""

    sinks: Mapping[str, SymbolSink]
    """Read live: a symbol is routed to from the moment it is in the mapping."""
    dead_letters: DeadLetterSink
    stray: Callable[[str, Execution | OrderEvent], None]
    """Gets what concerns our account in a symbol without a sink."""
    expected: Set[str] = frozenset()
    """Read live: what must be kept for a symbol in it waits until it is no longer, also when it has a sink of
    earlier."""


class KafkaRouter:
    """Dispatches batches to the symbols' sinks.

    `partitions` tells how many partitions a topic has, None while that is unknown.
    """

    def __init__(
        self,
        to: Destinations,
        offsets: OffsetTracker,
        partitions: Callable[[str], int | None],
        *,
        waiting_max: int = WAITING_MAX,
        on_batch: Callable[[int, int, int], None] | None = None,
    ) -> None:
        """`on_batch` is told when each batch was read, decoded and taken up, monotonic nanoseconds."""
        self._on_batch = on_batch
        self.counters = RouterCounters()
        self._sinks = to.sinks
        self._offsets = offsets
        self._dead_letters = to.dead_letters
        self._partitions = partitions
        self._expected = to.expected
        self._stray = to.stray
        self._waiting_max = waiting_max
        self._waiting: dict[str, deque[Event]] = {}
        self._waiting_count = 0
        self._retry: asyncio.TimerHandle | None = None
        self._positions: dict[TopicPartitionKey, Position] = {}

    @property
    def is_held(self) -> bool:
        """Whether too many events wait for room; batches are not taken meanwhile."""
        return self._waiting_count >= self._waiting_max

    @property
    def waiting(self) -> int:
        """Events that wait for room in their symbol's mailbox."""
        return self._waiting_count

    def position(self, key: TopicPartitionKey) -> Position | None:
        """How far a partition's messages were dispatched. Safe from any thread."""
        return self._positions.get(key)

    def dispatch(self, batch: Batch) -> None:
        """Deliver a batch's events, each to its symbol, in order."""
        if self._on_batch is not None and batch.read_ns:
            self._on_batch(batch.read_ns, batch.decoded_ns, time.monotonic_ns())
        for item in batch.items:
            if isinstance(item, Undecodable):
                self._undecodable(item)
            else:
                self._deliver(*item)
        self._positions.update(batch.positions)
        for topic, count in batch.consumed.items():
            self.counters.consumed[topic] += count

    def _deliver(self, symbol: str, event: Event) -> None:
        sink = self._sinks.get(symbol)
        if type(event) in _MARKET_DATA:
            if sink is not None:
                sink.deliver(event)
        elif symbol in self._waiting or symbol in self._expected:
            self._wait(symbol, event)
        elif sink is None:
            self._no_sink(symbol, event)
        elif not sink.deliver(event):
            self._wait(symbol, event)

    def _no_sink(self, symbol: str, event: Event) -> None:
        if not isinstance(event, Execution | OrderEvent):
            if isinstance(event, EngineEventUnreadable) and event.source is not None:
                self._offsets.done(event.source)
        elif event.source is None or self._offsets.is_current(event.source):
            self.counters.strays[symbol] += 1
            self._stray(symbol, event)

    # --- room -----------------------------------------------------------------------------------

    def _wait(self, symbol: str, event: Event) -> None:
        self._waiting.setdefault(symbol, deque()).append(event)
        self._waiting_count += 1
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._deliver_waiting)

    def _deliver_waiting(self) -> None:
        self._retry = None
        for symbol in list(self._waiting):
            events, sink = self._waiting[symbol], self._sinks.get(symbol)
            while events and self._takes(symbol, sink, events[0]):
                events.popleft()
                self._waiting_count -= 1
            if not events:
                del self._waiting[symbol]
        if self._waiting:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._deliver_waiting)

    def _takes(self, symbol: str, sink: SymbolSink | None, event: Event) -> bool:
        """Whether an event that waits has got to where it belongs."""
        if symbol in self._expected:
            return False
        if sink is not None:
            return sink.deliver(event)
        self._no_sink(symbol, event)
        return True

    # --- messages that cannot be used -------------------------------------------------------------

    def _undecodable(self, message: Undecodable) -> None:
        self.counters.undecodable[message.topic] += 1
        self._dead_letters.send(message)
        symbols = self._concerned(message)
        source = None
        if message.topic == ENGINE_EVENT:
            source = Source(message.partition, message.offset, message.generation)
            self._offsets.split(source, len(symbols))
        for symbol in symbols:
            self._deliver(symbol, _consequence(message, source))

    def _concerned(self, message: Undecodable) -> list[str]:
        """The symbols that a message may have been for: the one it names, or all of its partition."""
        partitions = self._partitions(message.topic)
        symbol = message.symbol or _symbol_of_key(message, partitions)
        ours = self._sinks.keys() | self._expected
        if symbol is not None:
            return [symbol] if symbol in ours else []
        return sorted(
            name for name in ours if partitions is None or partition_of(name, partitions) == message.partition
        )


def _symbol_of_key(message: Undecodable, partitions: int | None) -> str | None:
    """The key, unless it is no text, or would not have led to the partition it was found in."""
    try:
        symbol = (message.key or b"").decode()
    except UnicodeDecodeError:
        return None
    if not symbol or (partitions is not None and partition_of(symbol, partitions) != message.partition):
        return None
    return symbol


def _consequence(message: Undecodable, source: Source | None) -> Event:
    """What an unusable message means for a symbol: it fails closed."""
    if message.topic == ENGINE_EVENT:
        return EngineEventUnreadable(message.at_ns, message.detail, source)
    if message.topic == INSTRUMENT_HALT:
        return Fault(message.at_ns, KillReason.MARKET_HALT, f"unreadable halt: {message.detail}")
    return BookInvalid(message.at_ns, message.detail)
