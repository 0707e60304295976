"""The engine's events as one instance reads them: from what the group has committed until durable."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Protocol

from market_maker.core.events import Execution, Source
from market_maker.streams.batch import Position, TopicPartitionKey
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import ENGINE_EVENT
from simulation.clock import MS, Clock
from simulation.lifetime import Lifetime

PARTITIONS: Final = 24
READ_NS: Final = 20 * MS
COMMIT_NS: Final = 200 * MS


class EngineTopic(Protocol):
    """What the matching engine told, and what the group has committed of it."""

    committed: dict[str, int]

    def told(self, symbol: str) -> list[Execution]:
        """A symbol's executions; an offset is a place in this list."""

    def may_commit(self, name: str, symbol: str) -> bool:
        """Whether the group counts the symbol's partition as this member's."""


class FleetIntake:
    """Offsets are kept by the service's own tracker."""

    def __init__(
        self,
        name: str,
        lifetime: Lifetime,
        clock: Clock,
        topic: EngineTopic,
        deliver: Callable[[str, Execution], bool],
    ) -> None:
        """`deliver` tells whether somebody has taken an execution; it is offered again else."""
        self._name, self._lifetime, self._clock = name, lifetime, clock
        self._topic, self._deliver = topic, deliver
        self._offsets = OffsetTracker()
        self._next: dict[str, int] = {}
        self._since: dict[str, int] = {}
        """The generation under which each is read."""
        self._generation = 0

    def begin(self) -> None:
        """Read and commit as long as the instance lives."""
        self._read()
        self._commit()

    def add(self, symbols: Iterable[str]) -> None:
        """Read these from what is committed on."""
        for symbol in symbols:
            self._assign(symbol, self._topic.committed.get(symbol, 0))

    def remove(self, symbols: Iterable[str]) -> None:
        """Read these no longer; what is durable of them is committed, if the group still takes it."""
        self.commit()
        for symbol in symbols:
            self._offsets.drop([_key(symbol)])
            self._next.pop(symbol, None)

    def read_again(self, symbol: str) -> None:
        """Read a symbol anew from the first that is not durable."""
        start = self._offsets.start_again(_key(symbol))
        if start is not None and symbol in self._next:
            self._assign(symbol, start)

    def done(self, source: Source) -> None:
        """Its effects are durable."""
        self._offsets.done(source)

    def hold(self, source: Source) -> None:
        """Its effects do not become durable here."""
        self._offsets.hold(source)

    def commit(self) -> None:
        """Tell the group what is durable; it refuses what is not this member's any more."""
        symbols = {_key(symbol): symbol for symbol in self._next}
        for key, offset in self._offsets.committable().items():
            if self._topic.may_commit(self._name, symbols[key]):
                self._topic.committed[symbols[key]] = offset
                self._offsets.committed({key: offset})

    def _assign(self, symbol: str, start: int) -> None:
        self._generation += 1
        self._offsets.assign([_key(symbol)], self._generation)
        self._next[symbol], self._since[symbol] = start, self._generation

    def _read(self) -> None:
        for symbol in sorted(self._next):
            key = _key(symbol)
            for execution in self._topic.told(symbol)[self._next[symbol] :]:
                source = Source(key[1], self._next[symbol], self._since[symbol])
                if not self._deliver(symbol, replace(execution, at_ns=self._clock.now_ns, source=source)):
                    break
                self._next[symbol] += 1
                position = Position(self._next[symbol], source.generation, None, self._clock.now_ns)
                self._offsets.consumed({key: position}, [source])
        self._lifetime.after(READ_NS, self._read)

    def _commit(self) -> None:
        self.commit()
        self._lifetime.after(COMMIT_NS, self._commit)


def _key(symbol: str) -> TopicPartitionKey:
    return ENGINE_EVENT, partition_of(symbol, PARTITIONS)
