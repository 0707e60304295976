"""Asks every second whether what the service depends on is there."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from market_maker.actors.journal import Journal
from market_maker.api.ports import Check, CheckStatus, ServiceHealth
from market_maker.repositories.database import ping
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database

INTERVAL_S: Final = 1.0
ANSWER_S_MAX: Final = 1.0
"""Who has not answered by then is not there. It is not asked again before it has answered: giving a question
up takes some clients as long as the answer would have."""
JOURNAL_LAG_S_MAX: Final = 1.0
"""A record that has waited for longer tells that PostgreSQL does not write, whatever its probe says."""
DEGRADED_ONLY: Final = frozenset({"redis", "auth"})
"""Components whose absence changes nothing about quoting or safety. Without the Auth Service its cached keys
serve for a while; whatever fails then is told by the API itself."""

Probe = Callable[[], Coroutine[object, object, str | None]]
"""Tells why a component is not there; None when it is."""


class HealthMonitor:
    """Keeps the last result of each component's probe."""

    def __init__(
        self, probes: Mapping[str, Probe], show: Callable[[str, bool], None], journal: Journal
    ) -> None:
        """`show` is told of each component whether it answered."""
        self._probes = probes
        self._show = show
        self._journal = journal
        self._asking: dict[str, asyncio.Task[str | None]] = {}
        self._checks = {name: Check(name, CheckStatus.FAILED, "not asked yet") for name in probes}

    def health(self) -> ServiceHealth:
        """The last measured state, and what the journal knows since."""
        checks = dict(self._checks)
        if detail := self._unwritten():
            checks["postgres"] = Check("postgres", CheckStatus.FAILED, detail)
        return ServiceHealth(live=True, checks=tuple(checks[name] for name in sorted(checks)))

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            while True:
                await self.ask_all()
                await asyncio.sleep(INTERVAL_S)
        finally:
            for task in self._asking.values():
                task.cancel()

    async def ask_all(self) -> None:
        """Ask every component that owes no answer, and return within ANSWER_S_MAX."""
        for name, probe in self._probes.items():
            if name not in self._asking:
                self._asking[name] = asyncio.create_task(probe(), name=f"probe {name}")
        await asyncio.wait(self._asking.values(), timeout=ANSWER_S_MAX)
        for name in self._probes:
            if self._asking[name].done():
                self._note(name, self._asking.pop(name).result())
            else:
                self._note(name, "no answer within a second")

    def _unwritten(self) -> str:
        """Why PostgreSQL cannot be all right; empty when the journal knows nothing against it."""
        lag_s = self._journal.lag_ns() / 1e9
        if self._journal.failure:
            return self._journal.failure
        return f"what happened waits to be written for {lag_s:.1f} s" if lag_s > JOURNAL_LAG_S_MAX else ""

    def _note(self, name: str, failure: str | None) -> None:
        status = CheckStatus.OK
        if failure is not None:
            status = CheckStatus.DEGRADED if name in DEGRADED_ONLY else CheckStatus.FAILED
        self._checks[name] = Check(name, status, failure or "")
        self._show(name, failure is None)


def postgres_probe(database: Database) -> Probe:
    """Whether PostgreSQL answers."""

    async def probe() -> str | None:
        try:
            await ping(database)
        except DatabaseError as error:
            return str(error)
        return None

    return probe
