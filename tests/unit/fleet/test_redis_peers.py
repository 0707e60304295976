"""The instances joined by a real Valkey and a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import pytest
from tests.support.valkey import Valkey

from lab.api import Alone, Api, in_process
from lab.desk import FakeDesk
from lab.desk_records import view_of
from lab.fleet_secret import FLEET_SECRET
from market_maker.api.answers import SymbolSummary
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.forward import InProcess
from market_maker.fleet.pictures import PictureReader
from market_maker.fleet.redis_peers import RedisPeers
from market_maker.fleet.view import picture_of
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository

BTC, ETH, SOL = "BTC-USDT", "ETH-USDT", "SOL-USDT"
NORTH, SOUTH = "north-1", "south-2"


@dataclass
class Joined:
    """An instance in the north and one in the south; each runs a symbol, SOL nobody."""

    north: Api
    desks: dict[str, FakeDesk]
    peers: dict[str, RedisPeers]
    pool: asyncpg.Pool


@pytest.fixture
async def joined(valkey: Valkey, pool: asyncpg.Pool) -> AsyncIterator[Joined]:
    owners = {BTC: NORTH, ETH: SOUTH}
    ownerless = {SOL: SymbolConfig(SOL)}
    north, south = (
        FakeDesk(views={one: view_of(SymbolConfig(one))}, ownerless=ownerless) for one in (BTC, ETH)
    )
    north.others, south.others = [south], [north]
    orders = KillOrderRepository(Database(pool))
    buses = {instance: FleetBus(valkey.url, instance, FLEET_SECRET.encode()) for instance in (NORTH, SOUTH)}
    peers = {one: RedisPeers(bus, one, lambda: owners, orders) for one, bus in buses.items()}
    async with in_process(north, peers=peers[NORTH]) as one, in_process(south, peers=peers[SOUTH]) as other:
        serving = [
            asyncio.create_task(buses[NORTH].run(InProcess(one.app).answer)),
            asyncio.create_task(buses[SOUTH].run(InProcess(other.app).answer)),
        ]
        async with asyncio.timeout(10):
            while (await one.get(f"/v1/mm-configs/{ETH}/status")).status != 200:  # noqa: ASYNC110 -- two tasks of the bus and a server bring it about
                await asyncio.sleep(0.01)
        yield Joined(one, {NORTH: north, SOUTH: south}, peers, pool)
        for task in serving:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    for bus in buses.values():
        await bus.close()


async def test_control_of_another_instances_symbol_arrives_there(joined: Joined) -> None:
    answer = await joined.north.post(f"/v1/mm-configs/{ETH}/enable", {"reason": "morning"})
    assert (answer.status, answer.body["state"]) == (200, "ACTIVE")
    assert joined.desks[SOUTH].views[ETH].state is State.ACTIVE


async def test_a_kill_arrives_everywhere_and_is_on_record(joined: Joined) -> None:
    answer = await joined.north.post("/v1/mm/emergency/kill", {"reason": "drill"})
    results = {one["symbol"]: (one["state"], one["pending"]) for one in answer.body["results"]}
    assert results == {BTC: ("HALTED", False), ETH: ("HALTED", False), SOL: ("PAUSED", True)}
    rows = await joined.pool.fetch("SELECT symbol, actor, reason FROM mm_kill_orders ORDER BY symbol")
    assert [tuple(row) for row in rows] == [(ETH, "anonymous", "drill"), (SOL, "anonymous", "drill")]


async def test_a_kill_arrives_by_the_database_alone(joined: Joined, valkey: Valkey) -> None:
    valkey.stop()
    killing = asyncio.create_task(joined.north.post("/v1/mm/emergency/kill", {"reason": "drill"}))
    ids: list[str] = []
    async with asyncio.timeout(5):
        while not ids:
            rows = await joined.pool.fetch("SELECT id FROM mm_kill_orders WHERE symbol = $1", ETH)
            ids = [str(row["id"]) for row in rows]
    assert await joined.peers[NORTH].kills_done(ids) == frozenset()
    await joined.pool.execute("UPDATE mm_kill_orders SET done_at = now() WHERE symbol = $1", ETH)
    results = {one["symbol"]: (one["state"], one["pending"]) for one in (await killing).body["results"]}
    assert results[ETH] == ("HALTED", False)
    assert await joined.peers[NORTH].kills_done(ids) == frozenset(ids)


async def test_what_an_instance_publishes_is_in_the_others_status(joined: Joined, valkey: Valkey) -> None:
    for instance in (NORTH, SOUTH):
        assert await joined.peers[instance].publish(joined.desks[instance], lambda _: None)
    body = (await joined.north.get("/v1/mm/status")).body
    assert [(one["symbol"], one["owner"]) for one in body["symbols"]] == [(BTC, NORTH), (ETH, SOUTH)]
    assert [(one["instance"], one["self"]) for one in body["instances"]] == [(NORTH, True), (SOUTH, False)]
    valkey.stop()
    assert not await joined.peers[NORTH].publish(joined.desks[NORTH], lambda _: None)
    assert await joined.peers[NORTH].pictures() is None


async def test_a_database_that_is_away_is_the_ports_error(joined: Joined) -> None:
    await joined.pool.close()
    with pytest.raises(DatabaseError):
        await joined.peers[NORTH].order_kill([ETH], "alice", "drill")
    with pytest.raises(DatabaseError):
        await joined.peers[NORTH].kills_done(["019a0000-0000-7000-8000-000000000000"])


async def test_others_are_those_that_own_something(joined: Joined) -> None:
    assert joined.peers[NORTH].others() == [SOUTH]
    assert joined.peers[SOUTH].owner(BTC) == NORTH
    assert joined.peers[SOUTH].owner(SOL) is None


async def test_everything_else_has_its_turn_while_a_picture_is_made() -> None:
    names = [f"S{number}" for number in range(20)]
    desk = FakeDesk(views={name: view_of(SymbolConfig(name)) for name in names})
    noted: list[SymbolSummary] = []
    making = asyncio.create_task(picture_of(desk, Alone(), noted.append))
    turns = 0
    while not making.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= len(names)
    picture = PictureReader().read({"alone": making.result()}, 0.0)["alone"].picture
    assert [summary.symbol for summary in picture.summaries] == sorted(names)
    assert json.loads(making.result())["outbox_pending"] == 3
    assert noted == picture.summaries


async def test_an_instance_without_symbols_shows_an_empty_picture() -> None:
    published = await picture_of(FakeDesk(), Alone(), lambda _: None)
    picture = PictureReader().read({"alone": published}, 0.0)["alone"].picture
    assert picture.summaries == []
