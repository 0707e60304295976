"""The guard's loop: look, begin what must begin, show that it looks."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from market_maker.actors.tasks import TaskGroup
from market_maker.fleet.bus import FleetBus
from market_maker.guard.gauges import GuardGauges
from market_maker.guard.intervention import End, Intervention
from market_maker.guard.records import GuardRecords
from market_maker.guard.sight import Sight
from market_maker.guard.signs import Case, Verdict
from market_maker.repositories.errors import DatabaseError

LOOK_EVERY_S: Final = 0.5


class Watch:
    """Looks twice a second; one intervention a symbol at a time, all of them at once."""

    def __init__(
        self,
        sight: Sight,
        bus: FleetBus,
        records: GuardRecords,
        intervene: Callable[[Case], Intervention],
        gauges: GuardGauges,
    ) -> None:
        self._sight = sight
        self._bus = bus
        self._records = records
        self._intervene = intervene
        self._gauges = gauges
        self._tasks = TaskGroup(self._failed)
        self._running: set[str] = set()
        self._cleared: dict[str, int] = {}
        """The epochs under which symbols of nobody are known to hold no order."""
        self._lost: set[str] = set()
        self._was_blind = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Look until cancelled; what is under way then is told, and given up."""
        try:
            while True:
                began = time.monotonic()
                await self.judge()
                await asyncio.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - began)))
        finally:
            if self._running:
                self._log.warning("guard_interventions_given_up", symbols=sorted(self._running))
            await self._tasks.cancel()

    async def judge(self) -> Verdict:
        """Judge once who is lost, and begin to clear what they have left."""
        verdict, _ = await asyncio.gather(self._sight.look(), self._bus.guard_beat(b"{}"))
        self._tell(verdict)
        for case in verdict.cases:
            self._begin(case)
        if self._sight.reads_records:
            await self._forget(verdict)
        self._gauges.show(verdict)
        return verdict

    @property
    def running(self) -> frozenset[str]:
        """Symbols whose orders are being cancelled."""
        return frozenset(self._running)

    def _tell(self, verdict: Verdict) -> None:
        if verdict.is_blind != self._was_blind:
            self._was_blind = verdict.is_blind
            if verdict.is_blind:
                self._log.error("guard_blind", detail="neither Redis nor PostgreSQL can be read")
            else:
                self._log.warning("guard_sees_again")
        for instance in verdict.lost - self._lost:
            symbols = [case.symbol for case in verdict.cases if case.instance_id == instance]
            self._log.error("instance_lost", instance=instance, symbols=symbols)
        self._lost |= verdict.lost

    def _begin(self, case: Case) -> None:
        known_clear = case.instance_id is None and self._cleared.get(case.symbol) == case.epoch
        if case.symbol in self._running or known_clear:
            return
        self._running.add(case.symbol)
        if case.instance_id is not None:
            self._gauges.count_intervention()
        self._tasks.start(case.symbol, self._carry_out(case))

    async def _carry_out(self, case: Case) -> None:
        try:
            intervention = self._intervene(case)
            if await intervention.run() is End.CLEARED and intervention.epoch is not None:
                self._cleared[case.symbol] = intervention.epoch
        finally:
            self._running.discard(case.symbol)

    def _failed(self, symbol: str, error: BaseException) -> None:
        """A defect of ours: the next look begins again, and other symbols do not notice."""
        self._log.error("guard_intervention_failed", symbol=symbol, exc_info=error)

    async def _forget(self, verdict: Verdict) -> None:
        """Take the rows of instances away that were lost and own nothing any more."""
        for instance in self._lost - verdict.lost:
            if instance not in verdict.alive:
                try:
                    await self._records.forget_instance(instance)
                except DatabaseError:
                    return  # at the next look
            self._lost.discard(instance)
