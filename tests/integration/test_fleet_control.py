"""Any instance serves every symbol, and a kill reaches its owner without Redis."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from tests.support.instances import GUARD_SILENCE_S, NORTH, SOUTH, Fleet, StartFleet
from tests.support.operator import Operator, until
from tests.support.valkey import Valkey

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
OTHER: Mapping[str, str] = MappingProxyType({NORTH: SOUTH, SOUTH: NORTH})
KILL_S_MAX = 2.0 + 1.0
"""An owner reads what is ordered once a second; the rest is a busy machine's."""


async def of_each(fleet: Fleet) -> list[tuple[str, str, str]]:
    """One symbol of each instance, its owner's name, and that of the other instance."""
    return [((await fleet.owned_by(name))[0], name, OTHER[name]) for name in (NORTH, SOUTH)]


async def test_any_instance_serves_the_others_symbols(start_fleet: StartFleet) -> None:
    fleet = await start_fleet()
    await fleet.quote(SYMBOLS)
    for symbol, owners_name, others_name in await of_each(fleet):
        owner, other = fleet.sites[owners_name].operator, fleet.sites[others_name].operator
        status = await other.quoting(symbol)
        assert status["state"]["actor"] == "anonymous"
        assert (await other.control(symbol, "pause")).status == 200
        assert (await owner.status(symbol))["state"]["value"] == "PAUSED"
        await other.clear(symbol)
        await fleet.enable([symbol], through=others_name)
        await owner.quoting(symbol)
        killed = await other.emergency("kill", symbol)
        assert (killed.status, killed.body["results"][0]["state"]) == (200, "HALTED")
        await owner.halted(symbol, "MANUAL")
        await owner.clear(symbol)
        assert (await other.emergency("reset", symbol)).status == 200
        await owner.state(symbol, "PAUSED")
        await fleet.enable([symbol], through=others_name)
    for site in (fleet.north, fleet.south):
        await until("it shows the whole fleet", partial(shows_all, site.operator))
    killed = await fleet.south.operator.emergency("kill")
    assert {result["symbol"]: result["state"] for result in killed.body["results"]} == dict.fromkeys(
        SYMBOLS, "HALTED"
    )
    await fleet.south.empty_at_exchange(timeout_s=3.0)


async def shows_all(operator: Operator) -> bool:
    """Whether both instances and all symbols are in the status, each ACTIVE."""
    status = await operator.get("/v1/mm/status")
    states = {summary["symbol"]: summary["state"]["value"] for summary in status["symbols"]}
    shown = {instance["instance"].rpartition("-")[0] for instance in status["instances"]}
    return shown == {NORTH, SOUTH} and states == dict.fromkeys(SYMBOLS, "ACTIVE")


async def test_without_redis_all_quote_on_and_a_kill_arrives_by_postgresql(
    start_fleet: StartFleet, valkey: Valkey
) -> None:
    fleet = await start_fleet(REDIS_URL=valkey.url)
    await fleet.quote(SYMBOLS)
    since = {symbol: (await fleet.north.operator.status(symbol))["state"]["since"] for symbol in SYMBOLS}
    chosen = await of_each(fleet)
    valkey.stop()
    stopped = time.monotonic()
    for symbol in SYMBOLS:
        await fleet.north.trade_against(symbol)
    await asyncio.sleep(stopped + 2 * GUARD_SILENCE_S - time.monotonic())  # the guard sees PostgreSQL
    for name in (NORTH, SOUTH):
        operator = fleet.sites[name].operator
        for symbol in await fleet.owned_by(name):
            assert (await operator.quoting(symbol))["state"]["since"] == since[symbol]
            await fleet.sites[name].require_equal_fills(symbol)
    assert await fleet.interventions() == 0

    for symbol, owners_name, others_name in chosen:
        owner, other = fleet.sites[owners_name].operator, fleet.sites[others_name].operator
        asked = time.monotonic()
        killing = asyncio.ensure_future(other.emergency("kill", symbol))
        await owner.halted(symbol, "MANUAL", KILL_S_MAX)
        assert time.monotonic() - asked < KILL_S_MAX
        answer = await killing
        assert (answer.status, answer.body["results"][0]["accepted"]) == (200, True), answer.body
        await fleet.north.empty_at_exchange(symbol, timeout_s=3.0)

    valkey.start()
    for symbol, _, others_name in chosen:
        await fleet.sites[others_name].operator.halted(symbol, "MANUAL")
