"""This instance in PostgreSQL: its lease, its sign of life, and what is its own."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from market_maker.actors.tenure import Lease
from market_maker.ownership.events import Renewed
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.owners import UNSEEN, OwnerRepository

RENEWALS_PER_LEASE: Final = 4
"""Two may fail without harm."""
RENEW_S_MAX: Final = 1.0
"""For PostgreSQL's answer to one renewal."""
RETRY_S: Final = 0.1
"""After one that failed: cancels wait, once the lease has ended, for a renewal that began after that."""

_log = structlog.get_logger()


class Tenancy:
    """Renews the lease and tells what PostgreSQL says. Its repository needs a database of its own."""

    def __init__(
        self, instance_id: str, owners: OwnerRepository, lease: Lease, renewed: Callable[[Renewed], None]
    ) -> None:
        """`renewed` gets each answer, before the lease goes on."""
        self.lease = lease
        self.failure = ""
        """Why the last renewal failed; empty when it did not."""
        self._instance_id = instance_id
        self._seen = UNSEEN
        """As of the last renewal."""
        self._has_left = False
        self._repository = owners
        self._renewed = renewed

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
        try:
            async with asyncio.timeout(RENEW_S_MAX):
                await self._repository.beat(self._instance_id)
                self._seen = await self._repository.look(self._instance_id, self._seen)
        except (DatabaseError, TimeoutError) as error:
            self._failed(asked_ns, str(error) or "no answer in time")
            return
        if self.failure:
            _log.info("ownership_confirmed_again", after=self.failure)
        self.failure = ""
        seen = self._seen
        self._renewed(Renewed(time.monotonic_ns(), asked_ns, seen.owned, seen.owners))
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
    def outage(self) -> str:
        """Why no order may leave: the lease has ended and PostgreSQL does not answer. Usually empty."""
        if not self.lease.is_unanswered:
            return ""
        return f"PostgreSQL does not confirm what this instance owns: {self.failure}"

    async def leave(self) -> None:
        """This instance ends in order, and gives no sign of life any more. Raises DatabaseError."""
        self._has_left = True
        await self._repository.forget_instance(self._instance_id)
