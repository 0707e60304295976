"""What the consumer group has given to this instance, and which symbols that makes its turn."""

from collections.abc import Mapping

from market_maker.ownership.events import PartitionKey
from market_maker.streams.partitioner import partition_of


class Partitions:
    """A symbol is ours when the same partition of every topic is.

    The topics have as many partitions as one another, and equal numbers stay together.
    """

    def __init__(self) -> None:
        self.assigned: frozenset[PartitionKey] = frozenset()
        self._counts: Mapping[str, int] = {}

    def add(self, partitions: frozenset[PartitionKey], counts: Mapping[str, int]) -> None:
        """These have come. Counts that nobody could tell are those of before."""
        self.assigned |= partitions
        self._counts = counts or self._counts

    def remove(self, partitions: frozenset[PartitionKey]) -> None:
        """These have gone."""
        self.assigned -= partitions

    def carry(self, symbol: str) -> bool:
        """Whether the symbol's partition of every topic is ours."""
        counts = self._counts
        if len(set(counts.values())) != 1:
            return False
        return all((topic, partition_of(symbol, count)) in self.assigned for topic, count in counts.items())

    def concern(self, symbol: str, partitions: frozenset[PartitionKey]) -> bool:
        """Whether any of these carries the symbol; one of a topic of unknown size may."""
        counts = self._counts
        return any(
            topic not in counts or partition_of(symbol, counts[topic]) == partition
            for topic, partition in partitions
        )
