"""The orderly end of an instance: nothing in the market, everything durable and published, nothing owned."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.bootstrap.deadline import Deadline
from market_maker.ownership.shell import Ownership

CLEAR_S_MAX: Final = 5.0
"""Time for the exchange's proof of zero. With the steps that follow it stays below `deadline.END_S_MAX`."""
FLUSH_S_MAX: Final = 1.0
"""For PostgreSQL, and again for what goes from there to Kafka."""
COUNT_S_MAX: Final = 0.2
RELEASE_S_MAX: Final = 0.8
LEAVE_S_MAX: Final = 1.4
"""For the last commit and the group; a little more than the consumer itself allows a silent broker."""


class Ending:
    """The steps, to be taken in the order in which they stand here."""

    def __init__(
        self, supervisor: Supervisor, journal: Journal, ownership: Ownership, deadline: Deadline
    ) -> None:
        self._supervisor = supervisor
        self._deadline = deadline
        self._journal = journal
        self._ownership = ownership
        self.failures: list[str] = []
        """What could not be done in order."""

    async def clear_market(self) -> None:
        """Take no symbol any more, stop quoting, and return once nothing is in the market, or in 5 s."""
        self._ownership.close()
        await self._deadline.step("the proof of zero open orders", self._ownership.cleared(), CLEAR_S_MAX)

    def note_unclear(self) -> None:
        """No order of ours stays behind; what cannot be proven is a failure."""
        ours = (worker for worker in self._supervisor if worker.tenure.is_held)
        unclear = [worker.name for worker in ours if not worker.engine.is_clear]
        if unclear:
            self.failures.append(f"zero open orders not proven for {', '.join(unclear)}")

    async def flush(self, publish: Callable[[float], Awaitable[int]]) -> bool:
        """Whether everything that was recorded is durable.

        `publish` sends what waits in the outbox, for at most so many seconds, and tells what is left.
        """
        if not await self._deadline.step("writing to PostgreSQL", self._journal.drain(), FLUSH_S_MAX):
            self.failures.append("not everything could be written to PostgreSQL")
            return False

        async def publishing() -> None:
            left = await publish(FLUSH_S_MAX)
            if left:
                self.failures.append(f"{left} events are left in the outbox; the next start sends them")

        # The time to count what is left comes on top of the time to send it.
        if not await self._deadline.step("sending the outbox", publishing(), FLUSH_S_MAX + COUNT_S_MAX):
            self.failures.append("the outbox could not be flushed; the next start sends what is left")
        return True

    async def release(self, leave: Callable[[], Awaitable[None]]) -> None:
        """Nobody has to wait for our lease to end. Only when all is durable: whoever is next reads it.

        `leave` tells the others in Redis.
        """

        async def releasing() -> None:
            await self._ownership.let_go()
            await self._ownership.tenancy.leave()
            await leave()

        await self._deadline.step("releasing the symbols", releasing(), RELEASE_S_MAX)

    async def leave_group(self, end_reading: Coroutine[Any, Any, None]) -> None:
        """The last commit, and then the group: others need not wait until our session is over."""
        what = "the last commit and leaving the consumer group"
        if not await self._deadline.step(what, end_reading, LEAVE_S_MAX):
            self.failures.append(f"{what} took too long")
