"""The limits over all symbols, as this instance sees them: what runs here, and what the others show.

Every instance measures for itself and stops its own symbols, so nobody waits for anybody: all see the same
sums, a second and a half apart at most. Who sees less counts more: what cannot be known counts with all
that the symbol's own limits allow. With Redis away an instance knows nothing of the others.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.api.answers import SymbolSummary
from market_maker.api.fleet_answers import HouseLimit
from market_maker.api.fleet_port import FleetPort
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.symbol import Symbol
from market_maker.core.events import HouseMeasured
from market_maker.core.instrument import EXACT
from market_maker.core.risk.house_limits import Held, House, HouseLimits, broken, measure
from market_maker.core.states import State
from market_maker.repositories.day_marks import DayMarkRepository
from market_maker.repositories.errors import DatabaseError

INTERVAL_S: Final = 1.0
GRACE_S: Final = 5.0
"""A symbol that moves from one instance to another is shown by nobody for some moments: what breaks a limit
only because it is not known has so long to become known."""

_log = structlog.get_logger()


class HouseWatch:
    """Measures each second and tells every symbol that runs here."""

    def __init__(
        self,
        limits: HouseLimits,
        day_starts_minute: int,
        supervisor: Supervisor,
        fleet: FleetPort,
        configs: Callable[[], Mapping[str, SymbolConfig]],
        marks: DayMarkRepository,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limits = limits
        self._day_starts = timedelta(minutes=day_starts_minute)
        self._supervisor = supervisor
        self._fleet = fleet
        self._configs = configs
        self._marks = marks
        self._now = now
        self._day: datetime | None = None
        self._began: dict[str, Decimal] = {}
        self._doubtful_since_s: float | None = None
        self._house: House | None = None

    async def run(self) -> None:
        """Look until cancelled; without limits there is nothing to look at."""
        while self._limits.any:
            await self.measure_and_tell(time.monotonic())
            await asyncio.sleep(INTERVAL_S)

    async def measure_and_tell(self, now_s: float) -> None:
        """Measure once, and tell."""
        elsewhere = await self._fleet.elsewhere()
        results = {**_results_of(elsewhere.shown), **self._own_results()}
        await self._mark_day(results)
        self._house = measure(self._limits, list(self._held(elsewhere.shown, results)))
        doubtful = broken(self._house, unknown_counts=True) is not None
        if not doubtful:
            self._doubtful_since_s = None
        elif self._doubtful_since_s is None:
            self._doubtful_since_s = now_s
        since_s = self._doubtful_since_s
        breach = broken(self._house, unknown_counts=since_s is not None and now_s - since_s >= GRACE_S)
        if breach is not None:
            _log.error("house_limit_broken", measured=breach[0], allowed=breach[1])
        told = HouseMeasured(time.monotonic_ns(), *(breach or ()))
        for worker in self._supervisor:
            if worker.tenure.is_held:
                self._supervisor.tell(worker.name, told)

    def shown(self) -> list[HouseLimit]:
        """How the limits stand, for the status."""
        if self._house is None:
            return []
        return [
            HouseLimit.of(
                use,
                left_usdt=EXACT.subtract(use.limit_usdt, use.worst_usdt),
                unknown=list(self._house.unknown),
            )
            for use in self._house.uses
        ]

    def _own(self) -> Iterator[Symbol]:
        return (worker.engine.symbol for worker in self._supervisor if worker.tenure.is_held)

    def _own_results(self) -> dict[str, Decimal | None]:
        """Realized and unrealized of what runs here; None where no price values the position."""
        return {one.name: None if one.exposure_is_unknown else one.gross_pnl for one in self._own()}

    def _held(
        self, shown: Mapping[str, SymbolSummary], results: Mapping[str, Decimal | None]
    ) -> Iterator[Held]:
        """Every configured symbol, and every one that runs or is shown."""
        own = {one.name: None if one.exposure_is_unknown else one.inventory_value for one in self._own()}
        configs = {**{one.name: one.config for one in self._own()}, **self._configs()}
        for symbol, config in configs.items():
            inventory = own[symbol] if symbol in own else _inventory_of(shown.get(symbol))
            result, began = results.get(symbol), self._began.get(symbol)
            loss = None if result is None or began is None else EXACT.subtract(began, result)
            yield Held(symbol, inventory, loss, config.max_position_usdt, config.max_loss_usdt)

    async def _mark_day(self, results: Mapping[str, Decimal | None]) -> None:
        """Note what symbols have come to since the day began; the first to see one notes it for all."""
        day = self._day_of(self._now())
        if day != self._day:
            self._day, self._began = day, {}
        known = {symbol: result for symbol, result in results.items() if result is not None}
        if known.keys() <= self._began.keys():
            return
        try:
            await self._marks.note(day, known)
            self._began = await self._marks.of(day)
        except DatabaseError as error:
            _log.warning("day_marks_not_read", reason=str(error))

    def _day_of(self, at: datetime) -> datetime:
        shifted = at - self._day_starts
        return shifted.replace(hour=0, minute=0, second=0, microsecond=0) + self._day_starts


def _inventory_of(summary: SymbolSummary | None) -> Decimal | None:
    """What another instance shows of a symbol; None when it does not, or no longer."""
    if summary is None or _may_have_moved(summary):
        return None
    return summary.inventory_usdt if summary.position else Decimal(0)


def _results_of(shown: Mapping[str, SymbolSummary]) -> dict[str, Decimal | None]:
    return {symbol: _result_of(one) for symbol, one in shown.items()}


def _result_of(summary: SymbolSummary) -> Decimal | None:
    if _may_have_moved(summary) or (summary.position and summary.pnl.unrealized is None):
        return None
    return EXACT.add(summary.pnl.total, summary.pnl.baseline)


def _may_have_moved(summary: SymbolSummary) -> bool:
    """Whether what its silent owner showed last may be true no more."""
    return summary.owner_silent_ms is not None and summary.state.value is State.ACTIVE
