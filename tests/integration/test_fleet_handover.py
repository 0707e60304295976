"""Symbols change their instance in order: a rolling restart under load, and what goes on by itself."""

import asyncio
import time
from functools import partial
from typing import Any

from tests.support.instances import NORTH, SESSION_TIMEOUT_S, SOUTH, StartFleet, trade_all_the_time
from tests.support.operator import Operator, until
from tests.support.published import require_no_gap
from tests.support.sandbox import SandboxServers
from tests.support.service import Site

BTC, ETH, SOL, BNB = SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
"""Of both halves of the partitions."""
WENT_ON = "went on after a clean hand-over"


async def test_a_rolling_restart_under_load_leaves_no_orphan_and_loses_nothing(
    start_fleet: StartFleet, shared_exchange: SandboxServers
) -> None:
    fleet = await start_fleet()
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True, quote_interval_ms="100")
    load = [asyncio.ensure_future(trade_all_the_time(fleet.north, symbol)) for symbol in SYMBOLS]
    for name in (NORTH, SOUTH):
        site, moved = fleet.sites[name], await fleet.owned_by(name)
        assert await asyncio.to_thread(site.service.terminate) == 0, site.service.log_tail()
        await site.start()
        await fleet.all_owned(SYMBOLS, NORTH, SOUTH)
        for symbol in SYMBOLS:
            status = await site.operator.quoting(symbol)
            assert status["state"]["reason"] == WENT_ON or symbol not in moved
            await site.trade_against(symbol)
    for task in load:
        task.cancel()
    await asyncio.gather(*load, return_exceptions=True)
    for symbol in SYMBOLS:
        await require_no_orphan(fleet.north, symbol)
    assert await fleet.interventions() == 0
    assert (await fleet.north.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await fleet.north.operator.clear(symbol)
        assert len(await fleet.north.require_equal_fills(symbol)) >= 2
    await require_no_gap(fleet.north, shared_exchange, SYMBOLS)


async def require_no_orphan(site: Site, symbol: str) -> None:
    """Every order at the exchange is one that the symbol's owner knows."""

    async def same() -> bool:
        listed = await site.exchange.ask("GET", "/v1/orders", account_id=site.account, symbol=symbol)
        here = {order["client_order_id"] for order in (await site.operator.status(symbol))["orders"]}
        there = {order["client_order_id"] for order in listed["orders"]}
        return bool(there) and there <= here

    await until(f"{symbol}: all orders at the exchange are known", same)


async def test_only_what_was_active_and_may_go_on_does_so_after_a_clean_hand_over(
    start_fleet: StartFleet,
) -> None:
    fleet = await start_fleet()
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True)
    operator = fleet.south.operator
    assert (await operator.change(ETH, resume_on_clean_handover=False)).status == 200
    assert (await operator.emergency("kill", SOL)).status == 200
    await until(f"{BNB} is paused", partial(is_paused, operator))  # who owns it is known within a second
    for symbol in (SOL, BNB):
        await operator.clear(symbol)
    moved = set[str]()
    for giving, taking in ((NORTH, SOUTH), (SOUTH, NORTH)):
        moved |= set(await fleet.owned_by(giving))
        assert await asyncio.to_thread(fleet.sites[giving].service.terminate) == 0
        operator = fleet.sites[taking].operator
        await fleet.all_owned(SYMBOLS, taking)
        status = await operator.quoting(BTC)
        assert (status["state"]["reason"] == WENT_ON) == (BTC in moved)
        assert (await operator.halted(SOL, "MANUAL"))["state"]["value"] == "HALTED"
        await operator.state(ETH, "PAUSED" if ETH in moved else "ACTIVE")
        await operator.until(BNB, "could be enabled", can_be_enabled)
        assert await fleet.sites[taking].orders_at_exchange(SOL, BNB) == 0
        await fleet.sites[giving].start()
        await fleet.all_owned(SYMBOLS, NORTH, SOUTH)
        moved |= set(await fleet.owned_by(giving))
    assert moved == set(SYMBOLS)
    await fleet.south.operator.until(ETH, "could be enabled", can_be_enabled)
    assert await fleet.south.orders_at_exchange(ETH, SOL, BNB) == 0
    assert await fleet.interventions() == 0


async def told_that_it_quotes(operator: Operator, symbol: str) -> list[str]:
    """A symbol's events by their ids, once the last says ACTIVE: the journal stores them after the step."""
    events: list[Any] = []

    async def last_says_active() -> bool:
        nonlocal events
        events = await operator.rows(symbol, "events")
        return bool(events) and events[-1]["data"]["to"] == "ACTIVE"

    await until(f"{symbol}: its last event says ACTIVE", last_says_active)
    return [event["event_id"] for event in events]


async def is_paused(operator: Operator) -> bool:
    """Whether the request was taken."""
    return (await operator.control(BNB, "pause")).status == 200


def can_be_enabled(status: dict[str, Any]) -> bool:
    return not status["enable_problems"]


async def test_an_instance_with_a_place_of_its_own_gets_its_symbols_back_and_no_other_symbol_notices(
    start_fleet: StartFleet,
) -> None:
    fleet = await start_fleet(of_north={"KAFKA_INSTANCE_ID": "north"}, KAFKA_SESSION_TIMEOUT="30s")
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True)
    north, south = fleet.north.service, fleet.south.operator
    before = await fleet.owners()
    own, others = await fleet.owned_by(NORTH), await fleet.owned_by(SOUTH)
    events = {symbol: await told_that_it_quotes(south, symbol) for symbol in others}

    async def are_back() -> bool:
        now = await fleet.owners()
        return all(
            now[symbol].name == NORTH and now[symbol].instance_id != before[symbol].instance_id
            for symbol in own
        )

    for end in (north.terminate, north.kill):
        await asyncio.to_thread(end)
        await fleet.north.start()
        await until("its symbols are its own again", are_back)
        assert await fleet.owned_by(SOUTH) == others
        before = await fleet.owners()
    for symbol in others:
        await south.quoting(symbol)
        assert [event["event_id"] for event in await south.rows(symbol, "events")] == events[symbol]
    began = time.monotonic()
    await asyncio.to_thread(north.leave_for_good)
    await fleet.all_owned(SYMBOLS, SOUTH)
    assert time.monotonic() - began < 15.0  # not after the session


async def test_without_a_guard_the_survivor_clears_a_dead_instances_market_and_leaves_its_symbols_paused(
    start_fleet: StartFleet,
) -> None:
    fleet = await start_fleet()
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True)
    lost, kept = await fleet.owned_by(NORTH), await fleet.owned_by(SOUTH)
    for symbol in SYMBOLS:
        await fleet.north.trade_against(symbol)
    fleet.guard.kill()
    fleet.north.service.kill()
    killed = time.monotonic()
    await fleet.all_owned(SYMBOLS, SOUTH, timeout_s=SESSION_TIMEOUT_S + 5.0)
    await fleet.south.empty_at_exchange(*lost, timeout_s=killed + SESSION_TIMEOUT_S + 5.0 - time.monotonic())
    for symbol in kept:
        await fleet.south.operator.quoting(symbol)
    for symbol in lost:  # its owner did not release it
        status = await fleet.south.operator.until(symbol, "could be enabled", can_be_enabled)
        assert status["state"]["value"] == "PAUSED"
    await fleet.enable(lost, SOUTH)
    assert (await fleet.south.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await fleet.south.operator.clear(symbol)
        await fleet.south.require_equal_fills(symbol)
    assert await fleet.south.orders_at_exchange() == 0
