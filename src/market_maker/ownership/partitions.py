"""What the consumer group has given to this instance, and which symbols that makes its turn."""

from collections.abc import Mapping

from market_maker.streams.partitioner import partition_of


class Partitions:
    """By number: the topics have equally many partitions, and equal numbers come and go together."""

    def __init__(self) -> None:
        self._numbers: frozenset[int] = frozenset()
        self._counts: Mapping[str, int] = {}

    def add(self, numbers: frozenset[int], counts: Mapping[str, int]) -> None:
        """These have come. Counts that nobody could tell are those of before."""
        self._numbers |= numbers
        self._counts = counts or self._counts

    def remove(self, numbers: frozenset[int]) -> None:
        """These have gone."""
        self._numbers -= numbers

    def carry(self, symbol: str) -> bool:
        """Whether the symbol's partitions are ours; nobody's while the topics differ."""
        return len(set(self._counts.values())) == 1 and self.is_on(symbol, self._numbers)

    def is_on(self, symbol: str, numbers: frozenset[int]) -> bool:
        """Whether one of these carries the symbol, or may, by what is known of the topics."""
        return any(partition_of(symbol, count) in numbers for count in set(self._counts.values()))
