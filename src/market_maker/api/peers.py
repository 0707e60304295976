"""What the admin API needs of the other instances, so that any instance serves the whole fleet.

The composition root joins real instances by Redis and PostgreSQL; tests join apps in memory. Nothing
here knows of either.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from market_maker.api.ports import DatabaseDownError


class Peers(Protocol):
    """This instance among the others. Methods that are not async answer from memory at once."""

    @property
    def instance(self) -> str:
        """The id of this instance."""

    def owner(self, symbol: str) -> str | None:
        """The id of the instance that owns a symbol; None: nobody does, or it is not known."""

    def others(self) -> Sequence[str]:
        """The ids of the other instances that own symbols."""

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:
        """Another instance's answer to a request; None when none came in time. Asks once, never again."""

    async def pictures(self) -> Mapping[str, bytes] | None:
        """What each other instance last published of itself, by its id; None while Redis is away."""

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:
        """Order the kill of symbols through PostgreSQL: whoever owns them carries it out, or will.

        Gives the orders' ids with their symbols. Raises DatabaseDownError.
        """

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:
        """Which of these orders are carried out: HALTED is durable. Raises DatabaseDownError."""


class Alone:
    """One process that shares its symbols with nobody."""

    def __init__(self, instance: str = "alone") -> None:
        self._instance = instance

    @property
    def instance(self) -> str:
        """The id of this instance."""
        return self._instance

    def owner(self, symbol: str) -> str | None:  # noqa: ARG002 - the port's signature
        """Always this instance."""
        return self._instance

    def others(self) -> Sequence[str]:
        """Nobody."""
        return ()

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:  # noqa: ARG002 - as above
        """Never an answer: there is nobody to ask."""
        return None

    async def pictures(self) -> Mapping[str, bytes] | None:
        """Of nobody."""
        return {}

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """DatabaseDownError: one process needs no orders to itself."""
        raise DatabaseDownError("this process is alone: nobody reads kill orders")

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:  # noqa: ARG002 - as above
        """None."""
        return frozenset()
