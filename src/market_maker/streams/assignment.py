"""Which partitions are ours, and who is told when that changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from market_maker.streams.batch import TopicPartitionKey


@dataclass(frozen=True, slots=True)
class Assignment:
    """The partitions that this consumer reads, and the count of assignments so far."""

    generation: int = 0
    partitions: frozenset[TopicPartitionKey] = frozenset()
    again: Mapping[TopicPartitionKey, int] = field(default_factory=dict)
    """Partitions that were read anew since, by themselves: each has a generation of its own from then on."""

    def generation_of(self, key: TopicPartitionKey) -> int:
        """What tells a partition's present reading from earlier ones."""
        return self.again.get(key, self.generation)

    def following(self) -> int:
        """A generation that none of these has had."""
        return max((self.generation, *self.again.values())) + 1


class RebalanceListener(Protocol):
    """Told on the event loop when partitions come and go."""

    def assigned(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """These partitions are ours now."""

    async def revoking(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """These go to another when this returns, or after `revoke_timeout_s`: cancel and pause first."""

    def lost(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """These are somebody else's already: send nothing."""
