"""The orderly end of an instance: nothing in the market, everything durable and published, nothing owned."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.bootstrap.owning import Owning
from market_maker.core.states import Cause
from market_maker.repositories.errors import DatabaseError

CLEAR_S_MAX: Final = 6.0
"""Time for the exchange's proof of zero; the rest of ten seconds is for flushing."""
FLUSH_S_MAX: Final = 1.5
RELEASE_S_MAX: Final = 1.0

_log = structlog.get_logger()


class Ending:
    """The steps, to be taken in the order in which they stand here."""

    def __init__(self, supervisor: Supervisor, journal: Journal, owning: Owning) -> None:
        self._supervisor = supervisor
        self._journal = journal
        self._owning = owning
        self.failures: list[str] = []
        """What could not be done in order."""

    async def clear_market(self) -> None:
        """Take no symbol any more, stop quoting, and return once nothing is in the market, or in 6 s."""
        symbols = self._ours()
        hand_over = self._owning.hand_over
        self._owning.ownership.close()
        hand_over.begin(symbols, Cause.FLATTEN, "the service is shutting down", resume=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLEAR_S_MAX):
                await hand_over.until(symbols, lambda worker: worker.engine.is_clear)

    def look(self) -> None:
        """No order of ours stays behind; what cannot be proven is a failure."""
        unclear = [
            worker.name for worker in self._supervisor if worker.tenure.is_held and not worker.engine.is_clear
        ]
        if unclear:
            self.failures.append(f"zero open orders not proven for {', '.join(unclear)}")

    async def flush(self, publish: Callable[[float], Awaitable[int]]) -> bool:
        """Whether everything that was recorded is durable.

        `publish` sends what waits in the outbox, for at most so many seconds, and tells what is left.
        """
        try:
            async with asyncio.timeout(FLUSH_S_MAX):
                await self._journal.drain()
        except TimeoutError:
            self.failures.append("not everything could be written to PostgreSQL")
            return False
        try:
            left = await publish(FLUSH_S_MAX)
        except DatabaseError as error:
            self.failures.append(f"the outbox could not be flushed: {error}")
        else:
            if left:
                self.failures.append(f"{left} events are left in the outbox; the next start sends them")
        return True

    async def release(self, leave: Callable[[], Awaitable[None]]) -> None:
        """Nobody has to wait for our lease to end. Only when all is durable: whoever is next reads it.

        `leave` tells the others in Redis.
        """
        try:
            async with asyncio.timeout(RELEASE_S_MAX):
                await self._owning.hand_over.release(self._ours())
                await self._owning.tenancy.leave()
                await leave()
        except (TimeoutError, DatabaseError) as error:
            _log.warning("not_released", reason=str(error) or "no answer in time")

    def _ours(self) -> list[str]:
        return [worker.name for worker in self._supervisor if worker.tenure.is_held]
