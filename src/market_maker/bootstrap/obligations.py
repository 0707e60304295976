"""How every programme stands today, for metrics and the API: read from what is stored, whoever ran."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from market_maker.core.obligations import Programme, ProgrammeDay
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database
from market_maker.repositories.presence import PresenceRepository
from market_maker.telemetry.metrics import Metrics

LOOK_S: Final = 10.0


class FleetObligations:
    """The programmes of the fleet. Every instance shows all of them: a symbol that nobody runs is absent."""

    def __init__(self, programmes: Sequence[Programme], database: Database, metrics: Metrics) -> None:
        self._programmes = programmes
        self._presence = PresenceRepository(database)
        self._metrics = metrics

    @property
    def by_symbol(self) -> Mapping[str, tuple[Programme, ...]]:
        """What each symbol has to keep."""
        ordered = sorted(self._programmes, key=lambda programme: programme.symbol)
        return {symbol: tuple(found) for symbol, found in groupby(ordered, lambda one: one.symbol)}

    async def run(self) -> None:
        """Show how today stands until cancelled."""
        while self._programmes:
            with suppress(DatabaseError):  # the journal tells of a database that is away
                for standing in await self.standings(datetime.now(UTC)):
                    self._show(standing)
            await asyncio.sleep(LOOK_S)
        await asyncio.Event().wait()

    async def standings(self, at: datetime) -> list[ProgrammeDay]:
        """How each tier stood, or stands, on the UTC day of a time. Raises DatabaseError."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._presence.day(self._programmes, day, time.time_ns() // 1_000)

    def _show(self, standing: ProgrammeDay) -> None:
        programme = standing.programme
        labels = {"symbol": programme.symbol, "programme": programme.name, "tier": standing.tier.name}
        share = standing.present / standing.elapsed if standing.elapsed else float("nan")
        self._metrics.gauge("mm_obligation_presence_ratio", **labels).set(share)
        self._metrics.gauge("mm_obligation_slack_ratio", **labels).set(standing.slack_ratio)
