"""The other instances as the admin API sees them: asked through Redis, killed through PostgreSQL too."""

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

from market_maker.api.ports import Desk
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.view import Note, picture_of
from market_maker.repositories.kill_orders import KillOrderRepository


class RedisPeers:
    """Implements the API's Peers port."""

    def __init__(
        self,
        bus: FleetBus,
        instance_id: str,
        owners: Callable[[], Mapping[str, str]],
        kill_orders: KillOrderRepository,
    ) -> None:
        """`owners` tells from memory which instance owns each symbol; symbols of nobody are left out."""
        self._bus = bus
        self._instance_id = instance_id
        self._owners = owners
        self._kill_orders = kill_orders

    @property
    def instance(self) -> str:
        """The id of this instance."""
        return self._instance_id

    def owner(self, symbol: str) -> str | None:
        """The instance that owns a symbol; None: nobody does, or it is not known."""
        return self._owners().get(symbol)

    def others(self) -> Sequence[str]:
        """The other instances that own symbols."""
        return sorted(set(self._owners().values()) - {self._instance_id})

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:
        """Another instance's answer; None when none came in time."""
        return await self._bus.ask(instance_id, request, timeout_s)

    async def pictures(self) -> Mapping[str, bytes] | None:
        """What each instance last published of itself; None while Redis is away."""
        return await self._bus.statuses()

    async def publish(self, desk: Desk, note: Note) -> bool:
        """Show the others what runs here, which they read for 5 s; false when Redis does not take it."""
        return await self._bus.publish_status(await picture_of(desk, self, note))

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:
        """Order kills through PostgreSQL. Raises DatabaseError."""
        orders = await self._kill_orders.order(symbols, actor, reason)
        return {str(order_id): symbol for order_id, symbol in orders.items()}

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:
        """Which of these are carried out. Raises DatabaseError."""
        done = await self._kill_orders.done([UUID(order_id) for order_id in order_ids])
        return frozenset(str(order_id) for order_id in done)
