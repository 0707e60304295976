"""Partitions come and go with the consumer group, and with them the symbols: one change after the other."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.bootstrap.fleet import Fleet
from market_maker.bootstrap.hand_over import HandOver, is_given_up
from market_maker.bootstrap.taking import BEING_TAKEN, Taking
from market_maker.core.states import Cause
from market_maker.repositories.errors import DatabaseError
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topic_counts import differing

REVOKED: Final = "partition revoked"
LOST: Final = "partition lost"
REMOVED: Final = "its configuration was deleted"
RETRY_S: Final = 1.0
CLEAR_S_MAX: Final = 3.5
"""Of the time that a rebalance waits for us, for the exchange's proof of zero. One symbol that cannot prove
it must not keep the others from being released."""

_log = structlog.get_logger()


class Ownership:
    """Told by the group member, on the event loop, which partitions are ours; takes and gives up symbols.

    A symbol is ours when the partition with its number is: the topics have as many partitions as one
    another, and equal numbers come and go together.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        fleet: Fleet,
        taking: Taking,
        hand_over: HandOver,
        counts: Callable[[], Mapping[str, int]],
        read_again: Callable[[str], None],
        tasks: TaskGroup,
    ) -> None:
        """`counts` tells how many partitions each topic has; empty while that is unknown.

        `read_again` has the consumer read a symbol's partition anew from the first event that is not durable.
        """
        self._supervisor = supervisor
        self._fleet = fleet
        self._taking = taking
        self._hand_over = hand_over
        self._counts = counts
        self._read_again = read_again
        self._tasks = tasks
        self._numbers: frozenset[int] = frozenset()
        self._unsettled: set[str] = set()
        """What has come with its partition and is not taken yet."""
        self._turn = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def expected(self) -> Set[str]:
        """Symbols on their way to an actor, live: what must be kept for them waits."""
        return self._taking.expected

    def close(self) -> None:
        """The process ends: nothing is taken any more."""
        self._closed = True
        self._stop_taking()

    # --- what the consumer tells ----------------------------------------------------------------

    def added(self, numbers: frozenset[int]) -> None:
        """These are ours too from now on. No symbol starts by itself, and none that is ours already stops."""
        self._stop_taking()
        self._numbers |= numbers
        problem = differing(self._counts())
        if problem:
            _log.error("topics_differ", detail=problem)
        symbols = {symbol for symbol in self._mine(self._fleet.symbols) if self._is_on(symbol, numbers)}
        _log.info("partitions_assigned", numbers=sorted(numbers), symbols=len(symbols))
        self._taking.left_out.clear()
        self._take_again(symbols)

    async def revoking(self, numbers: frozenset[int]) -> None:
        """Return once nothing of the symbols on these partitions can be in the market any more.

        Symbols of which that is not proven in time are not released: whoever takes them waits for our lease.
        """
        self._stop_taking()
        symbols = self._leave(numbers, REVOKED)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLEAR_S_MAX):
                await self._hand_over.until(symbols, is_given_up)
        async with self._turn:
            with suppress(DatabaseError):  # not released: the next owner waits until our lease has ended
                await self._hand_over.release(symbols)
        self._take_again()

    def lost(self, numbers: frozenset[int]) -> None:
        """Somebody else may have these already: stop quoting at once.

        The actors stay until somebody has taken their symbols: what they left in the market must go, and
        operators want to see them while nobody else can.
        """
        self._stop_taking()
        self._leave(numbers, LOST)
        self._take_again()

    def _leave(self, numbers: frozenset[int], reason: str) -> list[str]:
        symbols = [
            worker.name
            for worker in self._supervisor
            if worker.tenure.is_held and self._is_on(worker.name, numbers)
        ]
        self._numbers -= numbers
        self._taking.expected.intersection_update(self._mine(self._taking.expected))
        _log.warning("partitions_gone", numbers=sorted(numbers), reason=reason, symbols=symbols)
        self._hand_over.begin(symbols, Cause.OWNERSHIP_LOST, reason, resume=reason == REVOKED)
        return symbols

    def _stop_taking(self) -> None:
        """At once, and not by waiting: whatever follows must not be stopped in its place."""
        if self._settling is not None:
            self._settling.cancel()
        self._taking.stop()

    def _take_again(self, symbols: Iterable[str] = ()) -> None:
        """Begin to take these, and what was being taken when the partitions changed."""
        self._unsettled = self._mine(self._unsettled.union(symbols)) | self.missing()
        if self._unsettled and not self._closed:
            self._taking.expected.update(self._unsettled)
            self._settling = self._tasks.start("take symbols", self._settle())

    # --- what changes besides -------------------------------------------------------------------

    async def look_at_configs(self) -> None:
        """Begin to take what was configured, and to stop what is no longer. Raises DatabaseError."""
        if not await self._fleet.look():
            return
        self._taking.left_out.clear()
        for worker in self._supervisor:
            if worker.name not in self._fleet.symbols and worker.tenure.is_held:
                self._tasks.start(f"removed {worker.name}", self._removed_if_gone(worker.name))
        self._tasks.start("take configured", self.take(self._fleet.symbols))

    async def take(self, symbols: Iterable[str]) -> None:
        """Take those of the symbols that are ours by their partition and have no actor yet."""
        missing = self.missing(symbols)
        if not missing:
            return
        self._taking.expected.update(missing)
        await self._hand_over.save()  # fills that came before the symbol was known are in its history now
        async with self._turn:
            missing = self.missing(missing)
            if missing:
                await self._taking.take(missing)
            self.expect_only_missing()

    async def _removed_if_gone(self, symbol: str) -> None:
        """A configuration may have been written while the others were read."""
        while True:
            try:
                is_configured = await self._fleet.is_configured(symbol)
            except DatabaseError as error:
                _log.warning("removal_waits", symbol=symbol, reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                break
        if not is_configured:
            await self.removed(symbol)

    async def removed(self, symbol: str) -> None:
        """Give a symbol up whose configuration was deleted."""
        self._hand_over.begin([symbol], Cause.FLATTEN, REMOVED)
        await self._hand_over.until([symbol], is_given_up)
        async with self._turn:
            worker = self._supervisor.worker(symbol)
            if worker is None:
                return
            if symbol in self._fleet.symbols:  # configured again meanwhile
                if worker.engine.symbol.retired == REMOVED:
                    self._supervisor.retire(symbol, "")
                return
            with suppress(DatabaseError):
                await self._hand_over.release([symbol])
            await self._stop(symbol)

    def taken_away(self, symbol: str) -> None:
        """Somebody has counted the epoch up. If no other instance has the symbol, it is ours again soon."""
        self._tasks.start(f"lost {symbol}", self._drop(symbol))

    async def _drop(self, symbol: str) -> None:
        async with self._turn:
            worker = self._supervisor.worker(symbol)
            if worker is not None and not worker.tenure.is_held:
                await self._stop(symbol)
                if self.is_mine(symbol):
                    self._read_again(
                        symbol
                    )  # records of its last events were dropped, and nobody else reads them

    async def _stop(self, symbol: str) -> None:
        """End an actor; what it had not read yet is read again, for whoever comes after it."""
        worker = self._supervisor.worker(symbol)
        await self._fleet.stop(symbol)
        unread = iter(worker.mailbox.take, None) if worker is not None else ()
        if any(getattr(event, "source", None) is not None for event in unread) and self.is_mine(symbol):
            self._read_again(symbol)

    async def let_go(self, symbols: Iterable[str]) -> None:
        """Release symbols of which nothing is in the market. Raises DatabaseError."""
        async with self._turn:
            await self._hand_over.release(list(symbols))

    # --- taking ---------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """What is not ours any more goes, then what has become ours comes."""
        await self._hand_over.save()  # as in `take`
        async with self._turn:
            symbols = self._mine(self._fleet.symbols)
            for worker in tuple(self._supervisor):
                if worker.name not in symbols and not worker.tenure.is_held:
                    await self._fleet.stop(worker.name)
            await self._taking.take(symbols & self._unsettled)
            self._unsettled.clear()
            self.expect_only_missing()
        await self._fleet.refresh_instruments()

    @property
    def is_taking(self) -> bool:
        """Whether symbols are being taken, or given up, right now."""
        return self._turn.locked()

    def expect_only_missing(self) -> None:
        """Nothing waits for a symbol that has its actor, or will have none. While nobody is being taken."""
        if not self._closed:
            self._taking.expected.intersection_update(self.missing(self._taking.expected))

    def missing(self, symbols: Iterable[str] | None = None) -> set[str]:
        """Which configured symbols (of these) are ours by their partition, but not acted for."""
        if self._closed:
            return set()
        configured = self._fleet.symbols
        wanted = configured if symbols is None else configured & set(symbols)
        return {symbol for symbol in self._mine(wanted) if not self._acts_for(symbol)}

    def _acts_for(self, symbol: str) -> bool:
        worker = self._supervisor.worker(symbol)
        return worker is not None and worker.tenure.is_held and worker.engine.symbol.retired != BEING_TAKEN

    def is_mine(self, symbol: str) -> bool:
        """Whether the symbol's partitions are this instance's."""
        return bool(self._mine([symbol]))

    def _mine(self, symbols: Iterable[str]) -> set[str]:
        """Which of the symbols are; the topics are compared once for all of them."""
        counts = self._counts()
        if not counts or differing(counts):
            return set()
        return {symbol for symbol in symbols if self._is_on(symbol, self._numbers)}

    def sends_for(self, symbol: str) -> bool:
        """Whether the symbol's events are this instance's to send: its own, and what nobody here acts for."""
        worker = self._supervisor.worker(symbol)
        if worker is not None:
            return worker.tenure.is_held
        return symbol not in self.expected and self.is_mine(symbol)

    def _is_on(self, symbol: str, numbers: frozenset[int]) -> bool:
        """Whether one of the partitions carries the symbol, or may, by what is known of the topics."""
        return any(partition_of(symbol, count) in numbers for count in set(self._counts().values()))
