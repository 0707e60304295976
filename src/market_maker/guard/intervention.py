"""One symbol of a lost instance: taken away from it, HALTED, and its orders cancelled until none is left.

Orders come first: cancelling begins at once and waits for nothing, writing goes on beside it and is tried for
as long as PostgreSQL is away. The end is the exchange's word that nothing is open, asked for when the lost
instance's lease must have run out: until then a process that was only stopped might still have sent.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Protocol

import structlog

from market_maker.clients.put_off import PutOff
from market_maker.core.events import OpenOrdersAnswer, RequestOutcome
from market_maker.guard.exchange import Exchange
from market_maker.guard.signs import Case
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.interventions import Holder, Loss

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 1.0
SETTLE_NS: Final = 500_000_000
"""Beyond the lease: for what had left just before its end and was still on its way."""


class End(Enum):
    """How an intervention ends."""

    CLEARED = "cleared"
    """The exchange reports no open order, and the lost instance can send none any more."""
    TAKEN_OVER = "taken_over"
    """Another instance owns the symbol and clears it by itself, or it was given up in an orderly way."""
    RETURNED = "returned"
    """The instance has given a sign of life before its symbol was taken away: it acts for itself."""


class Ledger(Protocol):
    """Where symbols are taken away."""

    async def take_away(self, symbol: str, loss: Loss, epoch: int | None, at: datetime) -> Holder | None:
        """As InterventionRepository says."""
        ...


class NewestSight(Protocol):
    """What the newest look says."""

    def lives(self, instance_id: str) -> bool:
        """Whether the instance has given a sign of life lately."""
        ...

    def taken_over(self, symbol: str, epoch: int) -> bool:
        """Whether a later epoch than this is known for the symbol, or that it was given up in order."""
        ...

    def claimant(self, symbol: str) -> str | None:
        """The living instance that says it owns the symbol, while PostgreSQL cannot be asked."""
        ...


class Intervention:
    """One case, from the first cancel to its end."""

    def __init__(
        self,
        case: Case,
        silence: str,
        exchange: Exchange,
        ledger: Ledger,
        sight: NewestSight,
        lease_ns: int,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`silence` is the threshold as the operator set it."""
        self._case = case
        self._silence = silence
        self._exchange = exchange
        self._ledger = ledger
        self._sight = sight
        self._lease_ns = lease_ns
        self._clock_ns = clock_ns
        self._put_off = PutOff(clock_ns)
        self._taken_ns: int | None = None
        """Since when the lost instance can renew its lease no more."""
        self._epoch = case.epoch
        """Under which the symbol is nobody's, once it is taken."""
        self._is_somebodys = False
        self._complaints: dict[str, str] = {}
        self._log = structlog.get_logger().bind(symbol=case.symbol, instance=case.instance_id)

    async def run(self) -> End:
        """Go on until the end, however long the Order Service or PostgreSQL are away."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take())
            clearing = tasks.create_task(self._clear())
        end = clearing.result()
        self._log.info("guard_intervention_ended", how=end.value, epoch=self._epoch)
        return end

    @property
    def epoch(self) -> int | None:
        """The symbol's epoch as far as it is known; once cleared, the one under which it is nobody's."""
        return self._epoch

    # --- PostgreSQL -----------------------------------------------------------------------------

    async def _take(self) -> None:
        case = self._case
        if case.instance_id is None:
            self._taken_ns = self._clock_ns()
            return
        silent = f"{case.instance_id} silent for {case.silent_ns / 1e9:.1f} s"
        loss = Loss(case.instance_id, silent, self._silence)
        backoff_s = BACKOFF_FIRST_S
        while self._over() is None:
            try:
                holder = await self._ledger.take_away(case.symbol, loss, case.epoch, datetime.now(UTC))
            except DatabaseError as error:
                self._complain("guard_cannot_write", str(error))
            else:
                self._taken(holder)
                return
            await asyncio.sleep(backoff_s)
            backoff_s = min(BACKOFF_MAX_S, 2 * backoff_s)

    def _taken(self, holder: Holder | None) -> None:
        if holder is None or holder.instance_id is not None:
            self._is_somebodys = True
            return
        self._taken_ns = self._clock_ns()
        self._epoch = holder.epoch
        self._log.warning("guard_symbol_taken", epoch=holder.epoch)

    # --- the exchange ---------------------------------------------------------------------------

    async def _clear(self) -> End:
        backoff_s, was_empty = BACKOFF_FIRST_S, False
        while (end := self._over()) is None:
            if not was_empty and self._put_off.may_cancel():
                await self._cancel()
            if self._put_off.may_ask():
                answer = await self._ask()
                is_empty = answer.outcome is RequestOutcome.OK and not answer.orders
                if is_empty and self._is_proof(answer.asked_at_ns):
                    return End.CLEARED
                if was_empty and not is_empty:
                    backoff_s = BACKOFF_FIRST_S  # something has come: be quick again
                was_empty = is_empty
            await asyncio.sleep(backoff_s)
            backoff_s = min(BACKOFF_MAX_S, 2 * backoff_s)
        return end

    async def _cancel(self) -> None:
        answer = await self._exchange.cancel_all(self._case.symbol)
        self._put_off.note(answer)
        if answer.outcome is not RequestOutcome.OK:
            self._complain("guard_cannot_cancel", answer.detail)

    async def _ask(self) -> OpenOrdersAnswer:
        answer = await self._exchange.open_orders(self._case.symbol)
        self._put_off.note(answer)
        if answer.outcome is not RequestOutcome.OK:
            self._complain("guard_cannot_ask", answer.detail)
        return answer

    def _is_proof(self, asked_at_ns: int) -> bool:
        return self._taken_ns is not None and asked_at_ns >= self._taken_ns + self._lease_ns + SETTLE_NS

    # --- both -----------------------------------------------------------------------------------

    def _over(self) -> End | None:
        """Why the symbol is not the guard's business any more; None while it is."""
        case = self._case
        if self._is_somebodys:
            return End.TAKEN_OVER
        if self._epoch is not None and self._sight.taken_over(case.symbol, self._epoch):
            return End.TAKEN_OVER
        if self._sight.claimant(case.symbol) not in (None, case.instance_id):
            return End.TAKEN_OVER
        if self._taken_ns is None and case.instance_id is not None and self._sight.lives(case.instance_id):
            return End.RETURNED
        return None

    def _complain(self, code: str, detail: str) -> None:
        """Say what does not work, once for as long as it stays the same."""
        if self._complaints.get(code) != detail:
            self._complaints[code] = detail
            self._log.warning(code, detail=detail)
