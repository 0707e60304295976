"""The guard beside a real service that quotes: dies, stands still, ends in order."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.support.guard_process import GuardProcess
from tests.support.operator import Status, until
from tests.support.service import SOON_FORGOTTEN, Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)
GUARD_S_MAX = 3.0 + 3.0
"""From the death of an instance to an empty market: the silence, and a busy machine's little."""

StartSite = Callable[..., Awaitable[Site]]


class Guarded:
    """A service that quotes two symbols, and the guard that watches it."""

    def __init__(self, site: Site, guard: GuardProcess) -> None:
        self.site = site
        self.guard = guard

    async def interventions(self) -> float:
        return (await self.guard.metrics())["mm_guard_interventions_total"]

    async def sees_the_instance(self) -> bool:
        return (await self.guard.metrics()).get("mm_guard_instances{state=alive}", 0) >= 1

    async def has_cleared_all(self) -> bool:
        return self.guard.log_tail().count('"how": "cleared"') == len(SYMBOLS)


@pytest.fixture
async def guarded(start_site: StartSite, tmp_path: Path) -> AsyncIterator[Guarded]:
    site = await start_site(**SOON_FORGOTTEN)
    for symbol in SYMBOLS:
        await site.operator.configure(symbol, num_levels=2)
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
    guard = GuardProcess(site.service.environment, tmp_path / "guard.log")
    guard.start()
    guarded = Guarded(site, guard)
    await until("the guard sees the instance", guarded.sees_the_instance)
    yield guarded
    guard.close()


async def test_kill_9_leaves_no_order_behind_and_the_symbols_halted(guarded: Guarded) -> None:
    site = guarded.site
    for symbol in SYMBOLS:
        await site.trade_against(symbol, fills=2)
    assert await site.orders_at_exchange() >= 4
    site.service.kill()
    killed = time.monotonic()
    await site.empty_at_exchange(timeout_s=GUARD_S_MAX)
    assert time.monotonic() - killed < GUARD_S_MAX
    await until("the guard has proven zero", guarded.has_cleared_all)
    assert await guarded.interventions() == len(SYMBOLS)
    await site.start()
    for symbol in SYMBOLS:
        await site.operator.halted(symbol, "OWNER_LOST")
        await site.require_equal_fills(symbol)
        await site.operator.clear(symbol)
        assert (await site.operator.emergency("reset", symbol)).status == 200
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    assert await guarded.interventions() == len(SYMBOLS)


async def test_an_instance_that_stood_still_sends_nothing_afterwards_and_finds_its_symbols_halted(
    guarded: Guarded,
) -> None:
    site = guarded.site
    site.service.freeze()
    await site.empty_at_exchange(timeout_s=GUARD_S_MAX)
    await until("the guard has proven zero", guarded.has_cleared_all)
    before = await placements(site)
    site.service.thaw()
    for symbol in SYMBOLS:
        # It may have halted by itself first: what counts is what the guard made durable.
        await site.operator.until(symbol, "halted by the guard", halted_by_the_guard)
    assert await placements(site) == before
    assert await site.orders_at_exchange() == 0


def halted_by_the_guard(status: Status) -> bool:
    """Whether the status shows the guard's kill."""
    return (status["state"]["value"], (status["kill"] or {}).get("reason")) == ("HALTED", "OWNER_LOST")


async def placements(site: Site) -> set[str]:
    """Every order of ours that the exchange ever accepted, which are few."""
    orders: set[str] = set()
    for symbol in SYMBOLS:
        page = await site.exchange.ask("GET", "/v1/orders", account_id=site.account, symbol=symbol, limit=500)
        orders |= {order["order_id"] for order in page["orders"]}
    return orders


async def test_instances_show_how_many_guards_they_see(guarded: Guarded) -> None:
    """The server that is shared by many tests may hold the sign of an earlier guard for a few seconds."""
    url = f"http://127.0.0.1:{guarded.site.service.environment['METRICS_PORT']}/metrics"

    async def seen() -> float:
        async with guarded.site.operator.session.get(url) as response:
            lines = (await response.text()).splitlines()
        [value] = [line.split()[1] for line in lines if line.startswith("mm_guards_seen ")]
        return float(value)

    async def is_seen() -> bool:
        return await seen() >= 1

    async def is_missed() -> bool:
        return await seen() == 0

    await until("the guard is seen", is_seen)
    guarded.guard.kill()
    await until("the guard is missed", is_missed)


async def test_an_orderly_end_is_none_of_the_guards_business(guarded: Guarded) -> None:
    site = guarded.site
    assert await asyncio.to_thread(site.service.terminate) == 0, site.service.log_tail()
    ended = time.time()

    async def has_looked_for_long() -> bool:
        return (await guarded.guard.metrics())["mm_guard_last_look_timestamp_seconds"] > ended + 4

    await until("the guard has looked for longer than the silence", has_looked_for_long)
    assert await guarded.interventions() == 0
    await site.start()
    for symbol in SYMBOLS:
        await site.operator.state(symbol, "PAUSED")
