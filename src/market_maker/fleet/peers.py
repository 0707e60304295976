"""How instances reach each other: a port, which `redis_peers` implements and tests join in memory."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


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

        Gives the orders' ids with their symbols. Raises DatabaseError.
        """

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:
        """Which of these orders are carried out: HALTED is durable. Raises DatabaseError."""
