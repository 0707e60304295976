"""This instance in PostgreSQL: its lease, its sign of life, and the epochs of what it owns."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tenure import Lease
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.owners import UNSEEN, Claim, OwnerRepository, Release

RENEWALS_PER_LEASE: Final = 4
"""Two may fail without harm."""
RENEW_S_MAX: Final = 1.0
"""For PostgreSQL's answer to one renewal."""
RETRY_S: Final = 0.1
"""After one that failed: cancels wait, once the lease has ended, for a renewal that began after that."""

_log = structlog.get_logger()


class Tenancy:
    """Renews the lease and finds out what is not ours any more. `run` needs a database of its own."""

    def __init__(
        self,
        instance_id: str,
        owners: OwnerRepository,
        lease: Lease,
        supervisor: Supervisor,
        lost: Callable[[str], None],
    ) -> None:
        """`lost` gets each symbol that somebody took from us."""
        self.instance_id = instance_id
        self.lease = lease
        self.failure = ""
        """Why the last renewal failed; empty when it did not."""
        self._seen = UNSEEN
        """As of the last renewal."""
        self._has_left = False
        self._repository = owners
        self._supervisor = supervisor
        self._lost = lost

    async def run(self) -> None:
        """Renew until cancelled."""
        pause_s = self.lease.duration_ns / 1e9 / RENEWALS_PER_LEASE
        while True:
            await self.renew()
            await asyncio.sleep(RETRY_S if self.failure else pause_s)

    async def renew(self) -> None:
        """Ask PostgreSQL once what is ours; never raises for a database that is away."""
        if self._has_left:
            return
        asked_ns = time.monotonic_ns()
        held = {worker.name: worker.tenure.epoch for worker in self._supervisor if worker.tenure.is_held}
        try:
            async with asyncio.timeout(RENEW_S_MAX):
                await self._repository.beat(self.instance_id)
                seen = await self._repository.look(self.instance_id, self._seen)
        except (DatabaseError, TimeoutError) as error:
            self._failed(asked_ns, str(error) or "no answer in time")
            return
        if self.failure:
            _log.info("ownership_confirmed_again", after=self.failure)
        self.failure = ""
        self._seen = seen
        for symbol, epoch in held.items():
            if seen.owned.get(symbol) != epoch:
                self.fenced(symbol, epoch or 0)
        self.lease.renewed(asked_ns)

    def _failed(self, asked_ns: int, detail: str) -> None:
        if not self.failure:
            left_ms = self.lease.left_ns // 1_000_000
            _log.error("ownership_not_confirmed", detail=detail, lease_left_ms=left_ms)
        self.failure = detail
        self.lease.failed(asked_ns)

    @property
    def owners(self) -> Mapping[str, str]:
        """The instance that owns each symbol of the fleet, as of the last renewal."""
        return self._seen.owners

    @property
    def owned(self) -> Mapping[str, int]:
        """The epochs of what is ours, as of the last renewal."""
        return self._seen.owned

    @property
    def outage(self) -> str:
        """Why no order may leave: the lease has ended and PostgreSQL does not answer. Usually empty."""
        if not self.lease.is_unanswered:
            return ""
        return f"PostgreSQL does not confirm what this instance owns: {self.failure}"

    def fenced(self, symbol: str, epoch: int) -> None:
        """Somebody else has counted a symbol's epoch up: nothing leaves for it from this moment on."""
        worker = self._supervisor.worker(symbol)
        if worker is None or worker.tenure.epoch != epoch:
            return
        worker.tenure.has_lost_records = True
        if worker.tenure.is_held:
            worker.tenure.end()
            _log.error("symbol_lost", symbol=symbol, epoch=epoch)
            self._lost(symbol)

    async def ask_owned(self) -> Mapping[str, int]:
        """The epochs of what is ours, now. Raises DatabaseError."""
        return await self._repository.owned(self.instance_id)

    async def ask_owners(self) -> Mapping[str, str]:
        """Every symbol's owner, now. Raises DatabaseError."""
        return await self._repository.owners()

    async def claim(self, symbols: Iterable[str]) -> Sequence[Claim]:
        """Take symbols, each with a new epoch. Raises DatabaseError."""
        return await self._repository.claim(symbols, self.instance_id)

    async def release(self, releases: Sequence[Release]) -> None:
        """Give symbols up of which nothing is left in the market. Raises DatabaseError."""
        await self._repository.release(releases)

    async def leave(self) -> None:
        """This instance ends in order, and gives no sign of life any more. Raises DatabaseError."""
        self._has_left = True
        await self._repository.forget_instance(self.instance_id)
