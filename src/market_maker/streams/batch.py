"""What the poll thread hands to the event loop: one batch per poll."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from confluent_kafka import Message

from market_maker.core.events import Event, Source

TopicPartitionKey = tuple[str, int]


class Arrival(NamedTuple):
    """When a batch was polled, on both clocks, and since when its partitions are read."""

    at_ns: int
    """Monotonic nanoseconds."""
    wall_us: int
    """Microseconds since 1970 UTC."""
    generations: Mapping[TopicPartitionKey, int] = MappingProxyType({})
    """Since which generation each partition is read."""

    @classmethod
    def now(cls, generations: Mapping[TopicPartitionKey, int] = MappingProxyType({})) -> "Arrival":
        """This instant."""
        return cls(time.monotonic_ns(), time.time_ns() // 1000, generations)

    def generation_of(self, topic: str, partition: int) -> int:
        """The generation under which a partition is read; 0, which none has, if it is not."""
        return self.generations.get((topic, partition), 0)


class Position(NamedTuple):
    """How far a partition was read."""

    next_offset: int
    generation: int
    """A position of an earlier one means nothing."""
    timestamp_ms: int | None
    """The broker's timestamp of the last message, wall clock; None when only the end was seen."""
    at_ns: int
    """Monotonic time of the poll that read it."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A message that cannot be used, with all that a dead letter needs."""

    topic: str
    partition: int
    offset: int
    generation: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, str | bytes | None], ...]
    symbol: str | None
    """From the decoded part; None when that could not be read."""
    detail: str
    at_ns: int


Item = tuple[str, Event] | Undecodable
"""An event for a symbol, or a message that cannot be used; in the order of the partition."""


@dataclass(slots=True)
class Batch:
    """Everything that one poll brought, decoded."""

    items: list[Item] = field(default_factory=list)
    positions: dict[TopicPartitionKey, Position] = field(default_factory=dict)
    in_flight: list[Source] = field(default_factory=list)
    """One for each event whose effects must be durable before its offset is committed."""
    unjudged: str = ""
    """Why an engine event could not even be judged: nothing of this batch counts, decode it again later."""
    errors: list[Message] = field(default_factory=list)
    """What the client reports in place of a message, other than the end of a partition."""
    read_ns: int = 0
    """Monotonic time of the poll; events carry it as their own."""
    decoded_ns: int = 0
    """Monotonic time at which all was decoded."""
    consumed: dict[str, int] = field(default_factory=dict)
    """Messages by topic. No Counter: making one and adding to it costs as much as decoding a message."""
