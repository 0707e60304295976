"""Asks every few seconds whether what the service depends on is there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from market_maker.api.ports import Check, CheckStatus, Health
from market_maker.clients import health as clients
from market_maker.repositories.database import ping
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database

INTERVAL_S: Final = 2.0
PROBE_S_MAX: Final = 3.0
DEGRADED_ONLY: Final = frozenset({"redis", "auth"})
"""Components whose absence changes nothing about quoting or safety. Without the Auth Service its cached keys
serve for a while; whatever fails then is told by the API itself."""

Probe = Callable[[], Awaitable[clients.Health]]


class HealthMonitor:
    """Keeps the last result of each component's probe."""

    def __init__(self, probes: Mapping[str, Probe], show: Callable[[str, bool], None]) -> None:
        """`show` is told of each component whether it answered."""
        self._probes = probes
        self._show = show
        self._checks = {name: Check(name, CheckStatus.FAILED, "not asked yet") for name in probes}

    def health(self) -> Health:
        """The last measured state."""
        return Health(live=True, checks=tuple(self._checks[name] for name in sorted(self._checks)))

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Ask every component once."""
        await asyncio.gather(*(self._look_at(name, probe) for name, probe in self._probes.items()))

    async def _look_at(self, name: str, probe: Probe) -> None:
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                found = await probe()
        except TimeoutError:
            found = clients.Health(name, healthy=False, detail="no answer in time")
        status = CheckStatus.OK
        if not found.healthy:
            status = CheckStatus.DEGRADED if name in DEGRADED_ONLY else CheckStatus.FAILED
        self._checks[name] = Check(name, status, found.detail)
        self._show(name, found.healthy)


def postgres_probe(database: Database) -> Probe:
    """Whether PostgreSQL answers."""

    async def probe() -> clients.Health:
        try:
            await ping(database)
        except DatabaseError as error:
            return clients.Health("postgres", healthy=False, detail=str(error))
        return clients.Health("postgres", healthy=True)

    return probe
