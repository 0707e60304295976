"""The fleet's bus over Redis: heartbeats, live status, and questions from instance to instance.

Nothing here is on the way of an order, and nothing that Redis does is raised: a call says "not reached"
within a second, and everything goes on by itself when Redis is back. One connection per instance waits for
messages; the others are shared. Redis' own clock decides whether a request is still wanted, because the
machines' clocks may differ.
"""

from collections.abc import Mapping
from secrets import token_bytes
from typing import Any

from market_maker.api.signed_out import SignedOut
from market_maker.fleet.board import (
    GUARD,
    GUARD_S,
    GUARDS,
    HEARTBEAT,
    HEARTBEAT_S,
    INSTANCES,
    STATUS,
    STATUS_S,
    FleetBoard,
)
from market_maker.fleet.heartbeat import ID, Heartbeat
from market_maker.fleet.link import FleetLink
from market_maker.fleet.questions import AnswerTo, FleetQuestions
from market_maker.fleet.seal import Seal
from market_maker.fleet.signed_out import share


class FleetBus:
    """One instance's (or guard's) end of the bus. Make it on its event loop; `close` it in the end."""

    def __init__(
        self, url: str, instance_id: str, secret: bytes | None, tls: Mapping[str, Any] | None = None
    ) -> None:
        """`secret` is the fleet's; without one this end is a fleet by itself, which hears nobody else.

        `tls` are redis-py's options for rediss:// addresses. Raises ValueError for an id that is none.
        """
        if not ID.fullmatch(instance_id):
            raise ValueError(f"{instance_id!r} is not an id: visible ASCII without a colon is")
        self._id = instance_id
        self._link = FleetLink(url, tls)
        seal = Seal(secret or token_bytes())
        self._board = FleetBoard(self._link, seal)
        self._requests = FleetQuestions(self._link, instance_id, seal)
        self._has_left = False

    async def run(self, answer: AnswerTo) -> None:
        """Serve requests until cancelled. Answers to our own questions arrive here too."""
        await self._requests.run(answer)

    async def ask(self, instance_id: str, body: bytes, timeout_s: float) -> bytes | None:
        """The other instance's answer; None when none came in time, or when it cannot be reached.

        The other one may have done what it was asked although its answer is missing.
        """
        return await self._requests.ask(instance_id, body, timeout_s)

    async def beat(self, heartbeat: Heartbeat) -> bool:
        """Leave a sign of life, which lasts 10 s; false: Redis does not answer, or this instance has left."""
        return not self._has_left and await self._board.write(
            INSTANCES, self._id, {f"{HEARTBEAT}{self._id}": (heartbeat.encode(), HEARTBEAT_S)}
        )

    async def publish_status(self, payload: bytes) -> bool:
        """Leave the live status, which lasts 5 s; false as for `beat`."""
        return not self._has_left and await self._board.write(
            INSTANCES, self._id, {f"{STATUS}{self._id}": (payload, STATUS_S)}
        )

    async def guard_beat(self, payload: bytes) -> bool:
        """Leave the sign of life of a guard, which lasts 5 s; false as for `beat`."""
        return not self._has_left and await self._board.write(
            GUARDS, self._id, {f"{GUARD}{self._id}": (payload, GUARD_S)}
        )

    async def instances(self) -> tuple[Heartbeat, ...] | None:
        """The last heartbeat of every instance, in the order of their ids; None: Redis does not answer."""
        return await self._board.heartbeats()

    async def statuses(self) -> Mapping[str, bytes] | None:
        """The last status of every instance, by its id; None: Redis does not answer."""
        return await self._board.statuses()

    async def guards(self) -> int | None:
        """How many guards live; None: Redis does not answer."""
        return await self._board.guards()

    async def share_signed_out(self, signed_out: SignedOut) -> None:
        """Tell who has signed out here, and learn who has elsewhere."""
        await share(self._link, signed_out)

    async def health(self) -> str | None:
        """Why Redis does not answer within a second; None when it does."""
        return await self._link.health()

    async def leave(self) -> None:
        """An orderly end: take back what this instance has left; a late beat does not bring it again."""
        self._has_left = True
        await self._board.remove(INSTANCES, self._id, f"{HEARTBEAT}{self._id}", f"{STATUS}{self._id}")
        await self._board.remove(GUARDS, self._id, f"{GUARD}{self._id}")

    async def close(self) -> None:
        """Close every connection, after `run` was cancelled."""
        await self._link.close()
