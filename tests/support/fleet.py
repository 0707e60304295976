"""Two instances of the admin API on one database, joined in memory: no server stands between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from lab.api import Api, in_process
from lab.desk import FakeDesk
from lab.desk_records import view_of
from market_maker.api.security import Authenticator
from market_maker.core.config import SymbolConfig
from market_maker.core.states import Cause
from market_maker.fleet.forward import InProcess
from market_maker.fleet.view import picture_of
from market_maker.repositories.errors import DatabaseError

NORTH, SOUTH = "north-1", "south-2"
BTC, ETH, SOL = "BTC-USDT", "ETH-USDT", "SOL-USDT"


@dataclass
class Hub:
    """What joins the instances: a bus, and kill orders in a database."""

    owners: dict[str, str] = field(default_factory=dict)
    apps: dict[str, InProcess] = field(default_factory=dict)
    desks: dict[str, FakeDesk] = field(default_factory=dict)
    published: dict[str, bytes] = field(default_factory=dict)
    looks: int = 0
    """How often somebody has read what is published."""
    redis_up: bool = True
    database_up: bool = True
    silent: set[str] = field(default_factory=set)
    """Instances that take requests and never answer."""
    reads_orders: bool = True
    """Whether owners carry out kills that they find in the database."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(instance asked, path) of every request on the bus."""
    sent: list[bytes] = field(default_factory=list)
    """The same, whole."""
    answered: int = 0
    """How many of them were answered in time."""
    orders: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Order id -> symbol, actor, reason."""
    done: set[str] = field(default_factory=set)

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:
        if not self.redis_up or instance_id not in self.apps:
            return None
        self.asked.append((instance_id, json.loads(request)["path"]))
        self.sent.append(request)
        try:
            async with asyncio.timeout(timeout_s):
                if instance_id in self.silent:
                    await asyncio.Event().wait()
                answer = await self.apps[instance_id].answer(request)
                self.answered += 1
                return answer
        except TimeoutError:
            return None

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:
        self._need_database()
        made = {f"order-{len(self.orders) + number}": symbol for number, symbol in enumerate(symbols)}
        self.orders.update({one: (symbol, actor, reason) for one, symbol in made.items()})
        return made

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:
        self._need_database()
        for order_id in order_ids if self.reads_orders else ():
            await self.carry_out(order_id)
        return frozenset(self.done & set(order_ids))

    async def carry_out(self, order_id: str) -> None:
        """As the owner of its symbol does, who reads open orders once a second."""
        symbol, actor, reason = self.orders[order_id]
        desk = self.desks.get(self.owners.get(symbol, ""))
        if desk is not None and desk.runs(symbol):
            await desk.control([symbol], Cause.KILL, actor, reason)
            self.done.add(order_id)

    async def publish(self) -> None:
        """Every instance shows itself, as it does once a second."""
        for instance, desk in self.desks.items():
            self.published[instance] = await picture_of(desk, HubPeers(self, instance), lambda _: None)

    def _need_database(self) -> None:
        if not self.database_up:
            raise DatabaseError("PostgreSQL does not answer: try again later")


@dataclass
class HubPeers:
    """One instance among those of a hub."""

    hub: Hub
    instance: str

    def owner(self, symbol: str) -> str | None:
        return self.hub.owners.get(symbol)

    def others(self) -> Sequence[str]:
        return sorted(set(self.hub.owners.values()) - {self.instance})

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:
        return await self.hub.ask(instance_id, request, timeout_s)

    async def pictures(self) -> Mapping[str, bytes] | None:
        self.hub.looks += 1
        return dict(self.hub.published) if self.hub.redis_up else None

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:
        return await self.hub.order_kill(symbols, actor, reason)

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:
        return await self.hub.kills_done(order_ids)


@dataclass
class Fleet:
    """BTC runs in the north, ETH in the south, SOL nowhere."""

    hub: Hub
    north: Api
    south: Api

    @property
    def north_desk(self) -> FakeDesk:
        return self.hub.desks[NORTH]

    @property
    def south_desk(self) -> FakeDesk:
        return self.hub.desks[SOUTH]

    def stop_database(self) -> None:
        self.hub.database_up = self.north_desk.database_up = self.south_desk.database_up = False

    def move(self, symbol: str, to: str) -> None:
        """The symbol's new instance runs it as the old one left it."""
        old = self.hub.desks[self.hub.owners[symbol]]
        self.hub.desks[to].views[symbol] = old.views.pop(symbol)
        self.hub.owners[symbol] = to


@asynccontextmanager
async def running_fleet(
    north: Authenticator | None = None, south: Authenticator | None = None
) -> AsyncIterator[Fleet]:
    """Two instances; their authenticators may differ, as those with different keys do."""
    hub = Hub(owners={BTC: NORTH, ETH: SOUTH})
    ownerless = {SOL: SymbolConfig(SOL)}
    desks = [FakeDesk(views={one: view_of(SymbolConfig(one))}, ownerless=ownerless) for one in (BTC, ETH)]
    desks[0].others, desks[1].others = [desks[1]], [desks[0]]
    hub.desks = dict(zip((NORTH, SOUTH), desks, strict=True))
    async with AsyncExitStack() as stack:
        apis = {}
        for instance, authenticator in ((NORTH, north), (SOUTH, south)):
            peers = HubPeers(hub, instance)
            apis[instance] = await stack.enter_async_context(
                in_process(hub.desks[instance], authenticator, peers)
            )
            hub.apps[instance] = InProcess(apis[instance].app)
        yield Fleet(hub, apis[NORTH], apis[SOUTH])
