"""Once a second: what should not be. Each of these comes right by itself, whatever went wrong on the way."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.bootstrap.ownership import LOST, REVOKED, Ownership
from market_maker.bootstrap.taking import Taking
from market_maker.bootstrap.tenancy import Tenancy
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.owners import Release

INTERVAL_S: Final = 1.0
LEFT_OUT_S: Final = 30.0
"""After so long a symbol on which nothing could be quoted is tried again: it may have been listed."""
GONE_S: Final = 10.0
"""So long after its partition has gone a symbol that nobody has taken is released."""

_log = structlog.get_logger()


class Upkeep:
    """Symbols that are ours and that nobody acts for are taken, those that are not ours are let go.

    Kafka and PostgreSQL tell an instance what is its own one after the other, and either may be late.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        tenancy: Tenancy,
        taking: Taking,
        ownership: Ownership,
        tasks: TaskGroup,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._tenancy = tenancy
        self._taking = taking
        self._ownership = ownership
        self._tasks = tasks
        self._clock_s = clock_s
        self._since: dict[str, float] = {}
        """When each thing that should not be was first seen."""
        self._taken: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                await self.look()
            except DatabaseError as error:
                _log.warning("upkeep_waits", reason=str(error))

    async def look(self) -> None:
        """Look once. Raises DatabaseError."""
        if self._ownership.is_taking or (self._taken is not None and not self._taken.done()):
            return
        self._ownership.expect_only_missing()
        seen: set[str] = set()
        await self._take_missing()
        await self._release_rows(seen)
        await self._release_gone(seen)
        self._since = {what: since for what, since in self._since.items() if what in seen}

    async def _take_missing(self) -> None:
        """Symbols that are ours by their partition: whoever had them has given them up since."""
        missing = {symbol for symbol in self._ownership.missing() if not self._is_left_out(symbol)}
        if not missing:
            return
        us = self._tenancy.instance_id
        owners = await self._tenancy.ask_owners()
        free = {symbol for symbol in missing if owners.get(symbol, us) == us}
        if free:
            self._taken = self._tasks.start("take missing", self._ownership.take(free))

    def _is_left_out(self, symbol: str) -> bool:
        since_s = self._taking.left_out.get(symbol)
        return since_s is not None and self._clock_s() - since_s < LEFT_OUT_S

    async def _release_rows(self, seen: set[str]) -> None:
        """Rows that name us though no actor is here: a taking that was stopped half-way."""
        releases = []
        for symbol, epoch in self._tenancy.owned.items():
            worker = self._supervisor.worker(symbol)
            if worker is not None and worker.tenure.is_held:
                continue
            what = f"row {symbol} {epoch}"
            if self._is_over(what, self._tenancy.lease.duration_ns / 1e9, seen):
                releases.append(Release(symbol, epoch, resume=False))
        if releases:
            await self._tenancy.release(releases)

    async def _release_gone(self, seen: set[str]) -> None:
        """Symbols whose partition went long ago: nobody has taken them, and somebody may be waiting."""
        gone = []
        for worker in self._supervisor:
            if worker.engine.symbol.retired not in (LOST, REVOKED) or not worker.tenure.is_held:
                continue
            if self._is_over(f"gone {worker.name} {worker.tenure.epoch}", GONE_S, seen):
                gone.append(worker.name)
        if gone:
            await self._ownership.let_go(gone)

    def _is_over(self, what: str, seconds: float, seen: set[str]) -> bool:
        """Whether it has been so for that long."""
        seen.add(what)
        return self._clock_s() - self._since.setdefault(what, self._clock_s()) >= seconds
