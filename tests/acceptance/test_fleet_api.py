"""Two instances: each one's API serves the whole fleet, with Redis and without."""

import asyncio
import json

import pytest
from tests.support.instances import NORTH, SOUTH, Fleet, StartFleet
from tests.support.operator import Operator, until
from tests.support.service import Site
from tests.support.valkey import Valkey

BTC, ETH, SOL = "BTCUSDT", "ETHUSDT", "SOLUSDT"
SYMBOLS = (BTC, ETH, SOL)


@pytest.fixture
async def fleet(start_fleet: StartFleet, valkey: Valkey) -> Fleet:
    """Each instance owns some of three symbols; all of them quote."""
    fleet = await start_fleet(REDIS_URL=valkey.url)
    await fleet.quote(SYMBOLS)
    return fleet


async def other_than_owner(fleet: Fleet, symbol: str) -> Site:
    """The instance that does not own the symbol."""
    return fleet.south if symbol in await fleet.owned_by(NORTH) else fleet.north


async def test_each_instance_shows_controls_and_kills_every_symbol(fleet: Fleet) -> None:
    for site in fleet.sites.values():
        await require_whole_status(fleet, site.operator)
    for symbol in SYMBOLS:
        await require_control(symbol, (await other_than_owner(fleet, symbol)).operator)
    await require_kill_and_reset(fleet, asked=fleet.south.operator, other=fleet.north.operator)


async def require_whole_status(fleet: Fleet, operator: Operator) -> None:
    async def all_active() -> bool:
        status = await operator.get("/v1/mm/status")
        owned = all(one["owner"] is not None for one in status["symbols"])
        return bool(owned and status["totals"]["active"] == len(SYMBOLS))

    await until("all are shown ACTIVE, with their owners", all_active)
    status = await operator.get("/v1/mm/status")
    owners = {symbol: owner.instance_id for symbol, owner in (await fleet.owners()).items()}
    assert {one["symbol"]: one["owner"] for one in status["symbols"]} == owners
    assert {one["instance"] for one in status["instances"]} == set(owners.values())
    assert [one["self"] for one in status["instances"]].count(True) == 1
    assert status["without_owner"] == []


async def require_control(symbol: str, operator: Operator) -> None:
    """Through an instance that does not own the symbol, which its stream tells of too."""
    async with asyncio.timeout(30), operator.session.get(f"{operator.url}/v1/mm/stream") as stream:
        assert (await operator.control(symbol, "pause")).status == 200
        async for line in stream.content:
            if line.startswith(b"data: {"):
                told = json.loads(line.removeprefix(b"data: "))
                if told.get("symbol") == symbol and told["state"]["value"] == "PAUSED":
                    break
    assert (await operator.change(symbol, num_levels=2)).body["num_levels"] == 2
    assert (await operator.get(f"/v1/mm-configs/{symbol}/quotes"))["symbol"] == symbol
    await operator.enable(symbol)
    status = await operator.until(symbol, "quotes two levels", lambda status: len(status["orders"]) == 4)
    assert status["config"]["num_levels"] == 2


async def require_kill_and_reset(fleet: Fleet, asked: Operator, other: Operator) -> None:
    killed = await asked.emergency("kill")
    assert killed.status == 200
    results = {one["symbol"]: (one["state"], one["pending"]) for one in killed.body["results"]}
    assert results == dict.fromkeys(SYMBOLS, ("HALTED", False))
    await fleet.north.empty_at_exchange()
    for symbol in SYMBOLS:
        await other.halted(symbol, "MANUAL")
        await other.clear(symbol)

    async def is_reset() -> bool:  # a second may pass until the owner has read that it is killed already
        await other.emergency("reset")
        states = [(await other.status(symbol))["state"]["value"] for symbol in SYMBOLS]
        return states == ["PAUSED"] * len(SYMBOLS)

    await until("all are reset", is_reset)


async def test_without_redis_a_kill_arrives_by_the_database_and_quoting_goes_on(
    fleet: Fleet, valkey: Valkey
) -> None:
    valkey.stop()
    symbol = (await fleet.owned_by(SOUTH))[0]
    silent = await fleet.north.operator.control(symbol, "pause")
    assert (silent.status, silent.code) == (503, "OWNER_SILENT")
    await fleet.south.operator.quoting(symbol)
    listed = (await fleet.north.operator.get("/v1/mm/status"))["without_owner"]
    assert symbol in {one["symbol"] for one in listed}
    killed = await fleet.north.operator.emergency("kill", symbol)
    assert killed.status == 200, killed.body
    assert killed.body["results"][0]["accepted"] is True
    await fleet.south.operator.halted(symbol, "MANUAL")
    await fleet.south.empty_at_exchange(symbol)
    for other in set(SYMBOLS) - {symbol}:
        site = fleet.north if other in await fleet.owned_by(NORTH) else fleet.south
        await site.operator.quoting(other)
    valkey.start()

    async def is_reached() -> bool:
        return (await fleet.north.operator.control(symbol, "pause")).code != "OWNER_SILENT"

    await until("the owner is reached again", is_reached)
