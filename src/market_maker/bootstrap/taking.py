"""Taking symbols: claim the epoch, restore or wake the actor, clear the market, and leave it PAUSED."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.bootstrap.errands import Errands
from market_maker.bootstrap.fleet import Fleet
from market_maker.bootstrap.resumptions import Resumptions
from market_maker.bootstrap.tenancy import Tenancy
from market_maker.clients.metadata import MetadataError, MetadataUnavailableError
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.owners import Claim, Release

RETRY_S: Final = 1.0
AT_ONCE_MAX: Final = 8
"""Symbols that are restored at the same time: as many as the pool has connections."""
LEASE_RUNS: Final = "the last owner's lease is running out"

T = TypeVar("T")
_log = structlog.get_logger()


class Taking:
    """Makes symbols this instance's own."""

    def __init__(
        self,
        supervisor: Supervisor,
        fleet: Fleet,
        tenancy: Tenancy,
        errands: Errands,
        resumptions: Resumptions,
        tasks: TaskGroup,
        started: Callable[[str], None],
    ) -> None:
        """`started` is told of each symbol, which must learn of its surroundings."""
        self._supervisor = supervisor
        self._fleet = fleet
        self._tenancy = tenancy
        self._errands = errands
        self._resumptions = resumptions
        self._tasks = tasks
        self._started = started
        self.expected: set[str] = set()
        """Symbols on their way to an actor; what the matching engine says of them waits."""

    async def take(self, symbols: Iterable[str]) -> None:
        """Return when each of the symbols has its actor or cannot have one; what is away is waited for."""
        wanted = frozenset(symbols)
        self.expected.update(wanted)
        try:
            await self._take(wanted)
        finally:
            self.expected.difference_update(wanted)

    async def _take(self, wanted: frozenset[str]) -> None:
        owned = await _persist("what is ours", self._tenancy.owned)
        kept = [worker for worker in self._supervisor if worker.name in wanted and _is_ours(worker, owned)]
        for worker in kept:
            await self._keep(worker)
        rest = wanted.difference(worker.name for worker in kept)
        claims = await _persist("claims", lambda: self._tenancy.claim(rest))
        room = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(claim: Claim) -> None:
            async with room:
                await self._settle_in(claim)

        async with asyncio.TaskGroup() as group:
            for claim in claims:
                group.create_task(one(claim))

    async def _keep(self, worker: Worker) -> None:
        """Nobody else has had it: go on where we were."""
        await self._carry_out_kills(worker.name)
        self._supervisor.retire(worker.name, "")
        self.expected.discard(worker.name)

    async def _settle_in(self, claim: Claim) -> None:
        worker = self._parked(claim)
        if worker is not None:
            worker.tenure.renew(claim.epoch)
        else:
            worker = await self._start(claim)
        self.expected.discard(claim.symbol)
        if worker is None:
            return
        self._started(claim.symbol)
        if claim.was_released:
            await self._admit(claim)
        else:
            self._supervisor.retire(claim.symbol, LEASE_RUNS)
            self._tasks.start(f"lease of {claim.symbol}", self._outlive_the_last_owner(worker, claim))
        _log.info("taken", symbol=claim.symbol, epoch=claim.epoch, released=claim.was_released)

    def _parked(self, claim: Claim) -> Worker | None:
        """The actor that gave the symbol up in order, if nobody has had it since: what it knows holds."""
        worker = self._supervisor.worker(claim.symbol)
        if worker is None or worker.tenure.is_held or not claim.was_released:
            return None
        if worker.tenure.epoch != claim.epoch - 1 or self._supervisor.failure(claim.symbol):
            return None
        return worker

    async def _start(self, claim: Claim) -> Worker | None:
        symbol = claim.symbol
        if self._supervisor.worker(symbol) is not None:
            await self._fleet.stop(symbol)
        tenure = Tenure(self._tenancy.lease, claim.epoch)
        while symbol in self.expected:
            try:
                worker = await self._fleet.start(symbol, tenure)
            except (MetadataUnavailableError, DatabaseError) as error:
                _log.warning("symbol_waits", symbol=symbol, reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            except MetadataError as error:
                _log.error("symbol_left_out", symbol=symbol, reason=str(error))
                break
            if worker is None:
                break
            return worker
        release = Release(symbol, claim.epoch, resume=False)
        await _persist("release", lambda: self._tenancy.release([release]))
        return None

    async def _admit(self, claim: Claim) -> None:
        """Kills that waited for an owner come first; then the symbol may be enabled."""
        await self._carry_out_kills(claim.symbol)
        self._supervisor.retire(claim.symbol, "")
        self._resumptions.consider(claim)

    async def _carry_out_kills(self, symbol: str) -> None:
        await _persist("kills", lambda: self._errands.carry_out_kills([symbol]))

    async def _outlive_the_last_owner(self, worker: Worker, claim: Claim) -> None:
        """Until its lease has ended the last owner may still send; what it sent is cancelled after that."""
        await asyncio.sleep(self._tenancy.lease.duration_ns / 1e9)
        if self._supervisor.worker(claim.symbol) is worker and worker.tenure.epoch == claim.epoch:
            self._supervisor.clear(claim.symbol, "the last owner's lease has ended")
            await self._admit(claim)


def _is_ours(worker: Worker, owned: Mapping[str, int]) -> bool:
    return worker.tenure.is_held and owned.get(worker.name) == worker.tenure.epoch


async def _persist(what: str, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask PostgreSQL until it answers."""
    while True:
        try:
            return await ask()
        except DatabaseError as error:
            _log.warning("taking_waits", what=what, reason=str(error))
            await asyncio.sleep(RETRY_S)
