"""Which partitions are read here, and who is told when that changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from market_maker.streams.batch import TopicPartitionKey


@dataclass(frozen=True, slots=True)
class Assignment:
    """The partitions that are read, each since a generation of its own.

    A partition that is begun anew gets the next generation; the others keep theirs, so that nothing that is
    known of them becomes void when some other partition comes or goes.
    """

    generations: Mapping[TopicPartitionKey, int] = field(default_factory=dict)
    last: int = 0
    """The last generation that any partition was given."""

    @property
    def partitions(self) -> frozenset[TopicPartitionKey]:
        """The partitions."""
        return frozenset(self.generations)

    def begun(self, keys: Iterable[TopicPartitionKey]) -> "Assignment":
        """These are begun, or begun anew, under the next generation."""
        generation = self.last + 1
        return Assignment({**self.generations, **dict.fromkeys(keys, generation)}, generation)

    def without(self, keys: Iterable[TopicPartitionKey]) -> "Assignment":
        """These are read no longer."""
        gone = frozenset(keys)
        left = {key: generation for key, generation in self.generations.items() if key not in gone}
        return Assignment(left, self.last)


class RebalanceListener(Protocol):
    """Told on the event loop when partitions come and go, one call after the other.

    A number stands for the partition of that number of every consumed topic: they come and go together.
    """

    def added(self, numbers: frozenset[int]) -> None:
        """These are ours too from now on; what was ours before stays as it is."""

    async def revoking(self, numbers: frozenset[int]) -> None:
        """These go to another when this returns, or after `revoke_timeout_s`: cancel and pause first.

        They and all others are read on meanwhile.
        """

    def lost(self, numbers: frozenset[int]) -> None:
        """These may be somebody else's already: send nothing."""
