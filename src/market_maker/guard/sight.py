"""The guard's eyes: reads both places at once, judges, and remembers what the newest look said."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from market_maker.fleet.heartbeat import Heartbeat
from market_maker.guard.signs import Observation, Records, Signs, Verdict
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.interventions import Holder


class Heartbeats(Protocol):
    """Where Redis' signs of life are read."""

    async def instances(self) -> tuple[Heartbeat, ...] | None:
        """As FleetBus says."""
        ...


class OwnerRecords(Protocol):
    """Where PostgreSQL's are."""

    async def read(self) -> Records:
        """As GuardRecords says."""
        ...


class Sight:
    """What can be seen of all instances. Both places together take at most about a second."""

    def __init__(
        self,
        bus: Heartbeats,
        records: OwnerRecords,
        silence_ns: int,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._bus = bus
        self._records = records
        self._signs = Signs(silence_ns)
        self._clock_ns = clock_ns
        self._verdict = Verdict(is_blind=True)
        self._owners: Mapping[str, Holder] = {}
        self._epochs: dict[str, int] = {}
        """The last that was read of each symbol."""
        self._problem = ""
        self._log = structlog.get_logger()

    async def look(self) -> Verdict:
        """Look once."""
        at_ns = self._clock_ns()
        heartbeats, records = await asyncio.gather(self._bus.instances(), self._read())
        if records is not None:
            self._owners = records.owners
            self._epochs.update({symbol: owner.epoch for symbol, owner in records.owners.items()})
        seen = None
        if heartbeats is not None:
            seen = {one.instance_id: one for one in heartbeats}
        self._verdict = self._signs.judge(Observation(at_ns, seen, records))
        return self._verdict

    @property
    def reads_records(self) -> bool:
        """Whether PostgreSQL could be read at the newest look."""
        return not self._problem

    def lives(self, instance_id: str) -> bool:
        """Whether the instance has given a sign of life lately."""
        return instance_id in self._verdict.alive

    def taken_over(self, symbol: str, epoch: int) -> bool:
        """Whether somebody owns the symbol under a later epoch, or it was given up in order."""
        owner = self._owners.get(symbol)
        if owner is None:  # given up; unless this epoch has not been read yet
            return self._epochs.get(symbol, 0) >= epoch
        return owner.epoch > epoch and owner.instance_id is not None

    def claimant(self, symbol: str) -> str | None:
        """The living instance that says it owns the symbol, while PostgreSQL cannot be asked."""
        return self._verdict.said.get(symbol)

    async def _read(self) -> Records | None:
        try:
            records = await self._records.read()
        except DatabaseError as error:
            if not self._problem:
                self._log.warning("guard_cannot_read", reason=str(error))
            self._problem = str(error)
            return None
        if self._problem:
            self._log.info("guard_reads_again")
        self._problem = ""
        return records
