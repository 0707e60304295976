"""Partitions come and go with the consumer group, and with them the symbols: one change after the other."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.bootstrap.fleet import Fleet
from market_maker.bootstrap.hand_over import HandOver
from market_maker.bootstrap.taking import Taking
from market_maker.core.states import Cause
from market_maker.repositories.errors import DatabaseError
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topic_counts import differing

REVOKED: Final = "partition revoked"
LOST: Final = "partition lost"
REMOVED: Final = "its configuration was deleted"

_log = structlog.get_logger()


class Ownership:
    """Told by the Kafka consumer, on the event loop, which partitions are ours; takes and gives up symbols.

    A symbol is ours when the same partition of every topic is: the topics have as many partitions as one
    another, and range assignment keeps equal numbers together.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        fleet: Fleet,
        taking: Taking,
        hand_over: HandOver,
        counts: Callable[[], Mapping[str, int]],
        tasks: TaskGroup,
    ) -> None:
        """`counts` tells how many partitions each topic has; empty while that is unknown."""
        self._supervisor = supervisor
        self._fleet = fleet
        self._taking = taking
        self._hand_over = hand_over
        self._counts = counts
        self._tasks = tasks
        self._assigned: frozenset[TopicPartitionKey] = frozenset()
        self._turn = asyncio.Lock()
        self._take: asyncio.Task[None] | None = None

    @property
    def expected(self) -> Set[str]:
        """Symbols on their way to an actor, live: what must be kept for them waits."""
        return self._taking.expected

    # --- what the consumer tells ----------------------------------------------------------------

    def assigned(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """These, and no others, are ours now. No symbol starts by itself."""
        self._assigned = partitions
        problem = differing(self._counts())
        if problem:
            _log.error("topics_differ", detail=problem)
        symbols = {symbol for symbol in self._fleet.symbols if self.is_mine(symbol)}
        self._taking.expected.update(symbols)
        _log.info("partitions_assigned", count=len(partitions), symbols=len(symbols))
        self._take = self._tasks.start("take symbols", self._settle(symbols))

    async def revoking(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """Return once nothing of the symbols on these partitions can be in the market any more."""
        await self._stop_taking()
        symbols = self._leave(partitions, REVOKED)
        async with self._turn:
            await self._hand_over.until(symbols, lambda worker: worker.engine.is_out_of_market)
            await self._hand_over.save()
            with suppress(DatabaseError):  # not released: the next owner waits until our lease has ended
                await self._hand_over.release(symbols)

    def lost(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """Somebody else may have these already: stop quoting at once.

        The actors stay until somebody has taken their symbols: what they left in the market must go, and
        operators want to see them while nobody else can.
        """
        self._tasks.start("stop taking", self._stop_taking())
        self._leave(partitions, LOST)

    def _leave(self, partitions: frozenset[TopicPartitionKey], reason: str) -> list[str]:
        symbols = [worker.name for worker in self._supervisor if self._concerned(worker.name, partitions)]
        self._assigned -= partitions
        self._taking.expected.difference_update(
            [symbol for symbol in self._taking.expected if not self.is_mine(symbol)]
        )
        _log.warning("partitions_gone", count=len(partitions), reason=reason, symbols=symbols)
        self._hand_over.begin(symbols, Cause.OWNERSHIP_LOST, reason, resume=reason is REVOKED)
        return symbols

    # --- what changes besides -------------------------------------------------------------------

    async def look_at_configs(self) -> None:
        """Begin to take what was configured, and to stop what is no longer. Raises DatabaseError."""
        if not await self._fleet.look():
            return
        for worker in self._supervisor:
            if worker.name not in self._fleet.symbols and worker.tenure.is_held:
                self._tasks.start(f"removed {worker.name}", self.removed(worker.name))
        new = [symbol for symbol in self._fleet.symbols if self._supervisor.worker(symbol) is None]
        self._tasks.start("take configured", self.take(new))

    async def take(self, symbols: Iterable[str]) -> None:
        """Take those of the symbols that are ours by their partition."""
        mine = {symbol for symbol in symbols if self.is_mine(symbol)}
        if mine:
            self._taking.expected.update(mine)
            await self._hand_over.save()  # fills that came before the symbol was known are in its history now
            async with self._turn:
                await self._taking.take(mine)

    async def removed(self, symbol: str) -> None:
        """Give a symbol up whose configuration was deleted."""
        self._hand_over.begin([symbol], Cause.FLATTEN, REMOVED)
        await self._hand_over.until([symbol], lambda worker: worker.engine.is_out_of_market)
        async with self._turn:
            if self._supervisor.worker(symbol) is None or symbol in self._fleet.symbols:
                return
            await self._hand_over.save()
            with suppress(DatabaseError):
                await self._hand_over.release([symbol])
            await self._fleet.stop(symbol)

    def taken_away(self, symbol: str, owner: str | None) -> None:
        """Somebody has counted the epoch up. Unless another instance has the symbol, it may be ours again."""
        self._tasks.start(f"lost {symbol}", self._drop(symbol, again=owner is None))

    async def _drop(self, symbol: str, *, again: bool) -> None:
        async with self._turn:
            worker = self._supervisor.worker(symbol)
            if worker is not None and not worker.tenure.is_held:
                await self._fleet.stop(symbol)
        if again and symbol in self._fleet.symbols:
            await self.take([symbol])

    # --- taking ---------------------------------------------------------------------------------

    async def _settle(self, symbols: set[str]) -> None:
        """What is not ours any more goes, then what is ours comes."""
        async with self._turn:
            for worker in tuple(self._supervisor):
                if worker.name not in symbols and not worker.tenure.is_held:
                    await self._fleet.stop(worker.name)
            await self._taking.take(symbols)
        await self._fleet.refresh_instruments()

    async def _stop_taking(self) -> None:
        task = self._take
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def is_mine(self, symbol: str) -> bool:
        """Whether the symbol's partition of every topic is assigned to this instance."""
        counts = self._counts()
        if not counts or differing(counts):
            return False
        return all((topic, partition_of(symbol, count)) in self._assigned for topic, count in counts.items())

    def sends_for(self, symbol: str) -> bool:
        """Whether the symbol's events are this instance's to send: its own, and what nobody will own."""
        worker = self._supervisor.worker(symbol)
        if worker is not None:
            return worker.tenure.is_held
        return symbol not in self._fleet.symbols and self.is_mine(symbol)

    def _concerned(self, symbol: str, partitions: frozenset[TopicPartitionKey]) -> bool:
        """Whether any of the partitions carries the symbol; one of a topic of unknown size may."""
        counts = self._counts()
        return any(
            topic not in counts or partition_of(symbol, counts[topic]) == partition
            for topic, partition in partitions
        )
