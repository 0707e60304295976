"""Whose symbol it is: the instance's lease, by the clock, and each symbol's epoch under it.

Another instance can only become the owner of a symbol by counting its epoch up in PostgreSQL, and waits for
as long as a lease runs before it lets an order out. So an instance whose epoch PostgreSQL confirmed less than
a lease ago is the only one that sends. Time is the monotonic clock: it goes on while a process is stopped.
"""

import asyncio
from collections.abc import Callable
from typing import Final

LEASE_NS_MAX: Final = 3_000_000_000


def lease_ns(session_timeout_ns: int) -> int:
    """How long a lease runs: well below the time after which the group gives a member's partitions away.

    The last heartbeat left at most a quarter of the session timeout before the last renewal did.
    """
    return min(LEASE_NS_MAX, session_timeout_ns // 2)


class Lease:
    """How long PostgreSQL's last word on our epochs can be relied on. One for all symbols of an instance."""

    def __init__(self, clock_ns: Callable[[], int], duration_ns: int) -> None:
        self.duration_ns = duration_ns
        self._clock_ns = clock_ns
        self._until_ns = clock_ns()
        self._asked_in_vain_ns = -1
        self._settled = asyncio.Event()

    @property
    def is_current(self) -> bool:
        """Whether new orders may leave. It takes effect at the very moment the lease ends."""
        return self._clock_ns() < self._until_ns

    @property
    def left_ns(self) -> int:
        """What is left of it, nanoseconds; negative since it ended."""
        return self._until_ns - self._clock_ns()

    @property
    def is_unanswered(self) -> bool:
        """Whether it has ended and PostgreSQL, asked since then, did not answer."""
        return not self.is_current and self._asked_in_vain_ns >= self._until_ns

    def renewed(self, asked_ns: int) -> None:
        """PostgreSQL has answered a question that was sent at `asked_ns`."""
        self._until_ns = max(self._until_ns, asked_ns + self.duration_ns)
        self._settled.set()

    def failed(self, asked_ns: int) -> None:
        """PostgreSQL has not answered a question that was sent at `asked_ns`."""
        self._asked_in_vain_ns = asked_ns
        if self.is_unanswered:
            self._settled.set()

    @property
    def is_settled(self) -> bool:
        """Whether it runs, or PostgreSQL was asked since it ended and did not answer."""
        return self.is_current or self.is_unanswered

    async def settled(self) -> None:
        """Return once `is_settled`."""
        while not self.is_settled:
            self._settled.clear()
            await self._settled.wait()


class Tenure:
    """One symbol's time with this instance.

    Requests go out beyond the lease when PostgreSQL cannot be asked: our orders must go. They stay here while
    the symbol is somebody else's: what they would hit or name could be his.
    """

    def __init__(self, lease: Lease | None, epoch: int | None) -> None:
        """Without a lease there is no other instance, as in a test: every record and order is taken."""
        self._lease = lease
        self.epoch = epoch
        """What every record of the symbol is written under."""
        self.is_held = True
        self._is_over = False
        self._asking = 0
        self._moved = asyncio.Event()

    def renew(self, epoch: int) -> None:
        """The symbol is this instance's again."""
        self.epoch = epoch
        self.is_held = True
        self._moved.set()

    def end(self) -> None:
        """The symbol is not ours any more: nothing leaves for it, unless it comes back."""
        self.is_held = False
        self._moved.clear()

    def close(self) -> None:
        """Its actor has ended: nothing of it leaves any more."""
        self.is_held = False
        self._is_over = True
        self._moved.set()

    @property
    def is_current(self) -> bool:
        """Whether the symbol is certainly ours, now."""
        return self.is_held and (self._lease is None or self._lease.is_current)

    def lets_go(self, *, hits_only_our_own: bool) -> bool:
        """Whether a cancel or a question may leave at once.

        The cancel of an order whose id this actor made cannot concern another instance, however long ago our
        lease has ended. No other request overtakes one that waits: a new owner's first is the cancel of all.
        """
        return (self.is_current and not self._asking) or (self.is_held and hits_only_our_own)

    async def may_ask(self) -> bool:
        """Whether a cancel-all or a question may leave; False once the actor has ended.

        Waits while PostgreSQL is being asked whose the symbol is, and while it is somebody else's: an actor
        that was told no would only ask again.
        """
        self._asking += 1
        try:
            while not self._is_over:
                if not self.is_held:
                    await self._moved.wait()
                elif self._lease is None or self._lease.is_settled:
                    return True
                else:
                    await self._lease.settled()
            return False
        finally:
            self._asking -= 1
