"""Taking symbols: claim the epoch, restore or wake the actor, clear the market, and leave it PAUSED."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence, Set
from typing import Any, Final, TypeVar

import structlog

from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.bootstrap.errands import Errands
from market_maker.bootstrap.fleet import Fleet
from market_maker.bootstrap.resumptions import Resumptions
from market_maker.bootstrap.tenancy import Tenancy
from market_maker.clients.metadata import MetadataError, MetadataUnavailableError
from market_maker.core.instrument import Instrument
from market_maker.repositories.errors import DatabaseError, DatabaseUnavailableError
from market_maker.repositories.owners import Claim, Release

RETRY_S: Final = 1.0
AT_ONCE_MAX: Final = 8
"""Symbols that are restored at the same time: as many as the pool has connections."""
BEING_TAKEN: Final = "it is just being taken"
LEASE_RUNS: Final = "the last owner's lease is running out"

T = TypeVar("T")
_log = structlog.get_logger()


class Taking:
    """Makes symbols this instance's own."""

    def __init__(
        self,
        supervisor: Supervisor,
        fleet: Fleet,
        journal: Journal,
        tenancy: Tenancy,
        errands: Errands,
        resumptions: Resumptions,
        tasks: TaskGroup,
        started: Callable[[str], None],
    ) -> None:
        """`started` is told of each symbol, which must learn of its surroundings."""
        self._supervisor = supervisor
        self._fleet = fleet
        self._journal = journal
        self._tenancy = tenancy
        self._errands = errands
        self._resumptions = resumptions
        self._tasks = tasks
        self._started = started
        self._work: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(AT_ONCE_MAX)
        self._instruments: dict[str, Instrument] = {}
        self.expected: set[str] = set()
        """Symbols on their way to an actor; what the matching engine says of them waits."""
        self.left_out: dict[str, float] = {}
        """Symbols that cannot be taken, and since when, monotonic seconds."""

    @property
    def is_under_way(self) -> bool:
        """Whether symbols are being taken."""
        return self._work is not None

    async def take(self, symbols: Iterable[str]) -> None:
        """Return when each of the symbols has its actor or cannot have one now, or after `stop`.

        PostgreSQL is waited for. Symbols that the Metadata Service cannot describe now stay in `expected`:
        try them again. One call at a time. A symbol that is no longer in `expected` is left alone.
        """
        wanted = frozenset(symbols)
        self.expected.update(wanted)
        self._work = asyncio.get_running_loop().create_task(self._take(wanted), name="take symbols")
        try:
            await asyncio.wait([self._work])
        finally:
            work, self._work = self._work, None
            if work.cancel():
                await asyncio.wait([work])
        if not work.cancelled():
            work.result()

    def stop(self) -> None:
        """End what is under way; symbols that were claimed and have no actor yet stay so."""
        if self._work is not None:
            self._work.cancel()

    async def _take(self, wanted: frozenset[str]) -> None:
        owned = await _persist("what is ours", self._tenancy.ask_owned, DatabaseError)
        kept = [
            worker
            for worker in self._supervisor
            if worker.name in wanted
            and worker.tenure.is_held
            and owned.get(worker.name) == worker.tenure.epoch
        ]
        async with asyncio.TaskGroup() as group:
            for worker in kept:
                group.create_task(self._apart(worker.name, self._keep(worker)))
            await self._claim_when_described(wanted.difference(worker.name for worker in kept), group)

    async def _claim_when_described(self, symbols: Set[str], group: asyncio.TaskGroup) -> None:
        """Claim each symbol as soon as it can have an actor; those that can at the same moment together."""
        describing = {group.create_task(self._describe(symbol), name=symbol) for symbol in sorted(symbols)}
        while describing:
            described, describing = await asyncio.wait(describing, return_when=asyncio.FIRST_COMPLETED)
            for claim in await self._claims({task.get_name() for task in described if task.result()}):
                group.create_task(self._apart(claim.symbol, self._settle_in(claim)))

    async def _claims(self, symbols: Set[str]) -> Sequence[Claim]:
        """The claims of those that are still expected, at once; where one is refused, each apart."""
        expected = symbols & self.expected
        try:
            return await _persist("claims", lambda: self._tenancy.claim(expected))
        except DatabaseError as error:
            if len(expected) == 1:
                self._leave_out(next(iter(expected)), error)
                return ()
        return [claim for symbol in sorted(expected) for claim in await self._claims({symbol})]

    async def _apart(self, symbol: str, work: Coroutine[Any, Any, None]) -> None:
        """What goes wrong while one symbol is taken concerns that symbol only."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others go on
            self._leave_out(symbol, error)

    def _leave_out(self, symbol: str, error: Exception) -> None:
        """Have no actor for the symbol, or leave the one that it has as it is, until it is tried again."""
        self._supervisor.could_not_be_taken(symbol, error)
        self.left_out[symbol] = time.monotonic()
        self.expected.discard(symbol)

    async def _keep(self, worker: Worker) -> None:
        """Nobody else has had it: go on where we were."""
        self._resumptions.forget(worker.name)
        if worker.tenure.is_alone:
            self._supervisor.retire(worker.name, BEING_TAKEN)
            await self._admit(worker)
        else:
            self._supervisor.retire(worker.name, LEASE_RUNS)
        self.expected.discard(worker.name)

    async def _describe(self, symbol: str) -> bool:
        """Learn the symbol's instrument, before it is claimed; whether it can have an actor."""
        self._instruments.pop(symbol, None)
        try:
            self._instruments[symbol] = await self._fleet.instrument(symbol)
        except MetadataUnavailableError as error:
            _log.warning("symbol_waits", symbol=symbol, reason=str(error))
        except MetadataError as error:
            _log.error("symbol_left_out", symbol=symbol, reason=str(error))
            self.left_out[symbol] = time.monotonic()
            self.expected.discard(symbol)
        except Exception as error:  # noqa: BLE001 -- as in `_apart`
            self._leave_out(symbol, error)
        return symbol in self._instruments or self._may_be_parked(symbol)

    async def _settle_in(self, claim: Claim) -> None:
        worker = self._parked(claim)
        if worker is not None:
            worker.tenure.renew(claim.epoch)
        else:
            worker = await self._start(claim)
        self.expected.discard(claim.symbol)
        if worker is None:
            return
        self.left_out.pop(claim.symbol, None)
        self._supervisor.retire(claim.symbol, BEING_TAKEN if claim.was_released else LEASE_RUNS)
        self._started(claim.symbol)
        _log.info("taken", symbol=claim.symbol, epoch=claim.epoch, released=claim.was_released)
        self._resumptions.consider(claim)  # before anything is awaited: an operator may speak from now on
        if claim.was_released:
            await self._admit(worker)
        else:
            self._tasks.start(f"lease of {claim.symbol}", self._outlive_the_last_owner(worker, claim))
            await self._carry_out_kills(claim.symbol)

    def _may_be_parked(self, symbol: str) -> bool:
        """Whether there is an actor that may go on, without an instrument from the Metadata Service."""
        worker = self._supervisor.worker(symbol)
        return worker is not None and not worker.tenure.is_held and not self._supervisor.failure(symbol)

    def _parked(self, claim: Claim) -> Worker | None:
        """The actor that gave the symbol up in order, if nobody has had it since: what it knows holds.

        Not if a record of its own is still on its way to the database, under the epoch that is over now.
        """
        worker = self._supervisor.worker(claim.symbol)
        if worker is None or not claim.was_released or not self._may_be_parked(claim.symbol):
            return None
        if worker.tenure.epoch != claim.epoch - 1 or worker.tenure.has_lost_records:
            return None
        return worker if claim.symbol in self.expected and not self._journal.holds(claim.symbol) else None

    async def _start(self, claim: Claim) -> Worker | None:
        symbol = claim.symbol
        tenure = Tenure(self._tenancy.lease, claim.epoch, is_alone=claim.was_released)
        self._supervisor.cancel_all(symbol, tenure)
        try:
            if self._supervisor.worker(symbol) is not None:
                await self._fleet.stop(symbol)
            instrument = self._instruments.pop(symbol, None)
            if symbol in self.expected and instrument is not None:
                async with self._room:
                    worker = await _persist(symbol, lambda: self._fleet.start(symbol, instrument, tenure))
                if worker is not None:
                    return worker
        except Exception:  # the row names us for a lease (see upkeep): so long nobody else can place
            self._supervisor.clear_without_actor(symbol, tenure, self._tenancy.lease.duration_ns / 1e9)
            raise
        tenure.close()
        if claim.was_released:  # else the row names us until the last owner's lease is over (see upkeep)
            release = Release(symbol, claim.epoch, resume=False)
            await _persist("release", lambda: self._tenancy.release([release]))
        return None

    async def _admit(self, worker: Worker) -> None:
        """Kills that waited for an owner come first; then the symbol may be enabled.

        Unless somebody has retired it for a reason of his own meanwhile.
        """
        await self._carry_out_kills(worker.name)
        if worker.engine.symbol.retired in (BEING_TAKEN, LEASE_RUNS):
            self._supervisor.retire(worker.name, "")

    async def _carry_out_kills(self, symbol: str) -> None:
        await _persist("kills", lambda: self._errands.carry_out_kills([symbol]))

    async def _outlive_the_last_owner(self, worker: Worker, claim: Claim) -> None:
        """Until its lease has ended the last owner may still send; what it sent is cancelled after that."""
        await asyncio.sleep(self._tenancy.lease.duration_ns / 1e9)
        if self._supervisor.worker(claim.symbol) is worker and worker.tenure.epoch == claim.epoch:
            self._supervisor.clear(claim.symbol, "the last owner's lease has ended")
            worker.tenure.is_alone = True
            await self._admit(worker)


async def _persist(
    what: str, ask: Callable[[], Awaitable[T]], until: type[DatabaseError] = DatabaseUnavailableError
) -> T:
    """Ask PostgreSQL until it answers; `until` is what is waited out."""
    while True:
        try:
            return await ask()
        except until as error:
            _log.warning("taking_waits", what=what, reason=str(error))
            await asyncio.sleep(RETRY_S)
