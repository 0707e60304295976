"""The service dies or is told to end, and starts again: no order stays, no fill is lost or counted twice."""

import asyncio
import contextlib
import itertools
import os
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import asyncpg
import pytest
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site, small

from lab import forked
from lab.postgres_server import free_port

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)
ORPHANS_S_MAX = 5.0
"""From the API's first answer to an empty market."""

StartSite = Callable[..., Awaitable[Site]]


async def _quote(site: Site, **fields: object) -> None:
    for symbol in SYMBOLS:
        await site.operator.configure(symbol, **fields)
    for symbol in SYMBOLS:
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)


async def test_after_kill_9_all_is_paused_nothing_rests_and_every_fill_counts_once(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await _quote(site, num_levels=3)
    for symbol in SYMBOLS:
        await site.trade_against(symbol, fills=5)
    site.service.kill()
    assert await site.orders_at_exchange() >= 4
    for symbol in SYMBOLS:  # the orders of the dead process go on to fill
        await site.trade_through(symbol, orders=2)
    await site.start()
    began = time.monotonic()
    for symbol in SYMBOLS:
        assert (await site.operator.status(symbol))["state"]["value"] == "PAUSED"
    await site.empty_at_exchange(timeout_s=ORPHANS_S_MAX)
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        await site.require_equal_fills(symbol)
    assert time.monotonic() - began < 15
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.trade_against(BTC, fills=2)
    await site.require_equal_fills(BTC)


async def test_halted_stays_halted_across_kill_9_until_a_reset(start_site: StartSite) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await _quote(site)

    async def durable() -> bool:
        """Its answer says whether a crash would lose it: the database may take longer than it waits."""
        answer = await site.operator.emergency("kill", BTC)
        [result] = answer.body["results"]
        assert (answer.status, result["state"]) == (200, "HALTED")
        return bool(result["durable"])

    await until("the kill is durable", durable)
    site.service.kill()
    await site.start()
    await site.operator.halted(BTC, "MANUAL")
    assert (await site.operator.status(ETH))["state"]["value"] == "PAUSED"
    refused = await site.operator.control(BTC, "enable")
    assert (refused.status, "HALTED" in refused.reasons) == (409, True)
    await site.operator.clear(BTC)
    assert (await site.operator.emergency("reset", BTC)).status == 200
    assert (await site.operator.status(BTC))["state"]["value"] == "PAUSED"


@pytest.mark.long
async def test_ten_random_kills_leave_no_orphan_and_no_lost_or_doubled_fill(start_site: StartSite) -> None:
    chance = random.Random(20261120)  # noqa: S311 - moments of a test
    site = await start_site(**SOON_FORGOTTEN)
    await _quote(site, num_levels=3)
    company = [asyncio.ensure_future(_crowd(site, symbol)) for symbol in SYMBOLS]
    company.append(asyncio.ensure_future(_keep_enabled(site)))
    for number in range(10):
        if number % 2 == 0:  # in the middle of trading
            await site.operator.state(BTC, "ACTIVE", 30.0)
        await asyncio.sleep(chance.uniform(0, 2.5))  # or anywhere between start and trading
        site.service.kill()
        site.service.start()
    company.pop().cancel()
    await site.operator.live()

    async def flattened() -> bool:
        return (await site.operator.emergency("flatten")).status == 200

    await until("the symbols have an owner again, who flattens them", flattened, 30.0)
    await site.empty_at_exchange(timeout_s=ORPHANS_S_MAX)
    for task in company:
        assert not task.done(), task
        task.cancel()
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        rows = await site.require_equal_fills(symbol)
        assert len(rows) >= 12


async def _crowd(site: Site, symbol: str) -> None:
    """Somebody trades against us all the time."""
    for side in itertools.cycle(("sell", "buy")):
        await site.exchange.trade(symbol, side, small(symbol))
        await asyncio.sleep(0.05)


async def _keep_enabled(site: Site) -> None:
    """An operator who enables whatever can be, whenever the service answers."""
    while True:
        for symbol in SYMBOLS:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                status = await site.operator.status(symbol)
                if status["state"]["value"] == "PAUSED" and not status["enable_problems"]:
                    await site.operator.control(symbol, "enable")
        await asyncio.sleep(0.05)


async def test_sigterm_ends_in_order_within_ten_seconds(start_site: StartSite) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await _quote(site, num_levels=3)
    for symbol in SYMBOLS:
        await site.trade_against(symbol, fills=3)
    began = time.monotonic()
    code = site.service.terminate()
    assert (code, time.monotonic() - began < 10) == (0, True), site.service.log_tail()
    assert await site.orders_at_exchange() == 0
    assert await _value(site, "SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0
    assert await _value(site, "SELECT count(*) FROM mm_states WHERE state <> 'PAUSED'") == 0
    for symbol in SYMBOLS:
        trades = len(await site.exchange.trades(symbol, site.account))
        assert await _value(site, "SELECT count(*) FROM mm_fills WHERE symbol = $1", symbol) == trades
    await site.start()
    for symbol in SYMBOLS:
        assert (await site.operator.status(symbol))["state"]["value"] == "PAUSED"
        await site.require_equal_fills(symbol)


async def test_sigterm_while_the_exchange_refuses_cancels_says_so_with_its_exit_code(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await _quote(site)
    await site.exchange.fault("any_order", "error", symbol=BTC)
    began = time.monotonic()
    code = site.service.terminate()
    assert (code, time.monotonic() - began < 10) == (1, True)
    assert "zero open orders not proven for BTCUSDT" in site.service.log_tail()
    await site.exchange.clear_faults()
    await site.start()
    await site.empty_at_exchange(timeout_s=ORPHANS_S_MAX)
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        await site.require_equal_fills(symbol)


async def _value(site: Site, sql: str, *args: object) -> object:
    connection = await asyncpg.connect(site.service.environment["POSTGRES_URL"])
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


pytestmark = pytest.mark.timeout(180)


async def test_nobody_can_enable_a_symbol_while_the_service_ends(start_site: StartSite) -> None:
    site = await start_site()
    await _quote(site)
    await site.exchange.fault("list", "delay", phase="before", delay_ms=1500)  # zero is proven late
    ending = asyncio.ensure_future(asyncio.to_thread(site.service.terminate))
    await site.operator.state(BTC, "PAUSED")
    refused = await site.operator.control(BTC, "enable")
    assert "RETIRED" in refused.reasons
    assert await ending == 0
    assert await site.orders_at_exchange() == 0


async def test_a_symbol_that_is_being_deleted_cannot_be_enabled_meanwhile(start_site: StartSite) -> None:
    site = await start_site()
    for _ in range(5):
        await site.operator.configure(ETH)
        await site.operator.enable(ETH)
        await site.operator.quoting(ETH)
        await site.operator.control(ETH, "pause")
        await site.operator.clear(ETH)
        deleted, *_ = await asyncio.gather(
            site.operator.ask("DELETE", f"/v1/mm-configs/{ETH}?confirm=true"),
            *(site.operator.control(ETH, "enable") for _ in range(6)),
        )
        if deleted.status == 204:
            await site.empty_at_exchange(ETH, timeout_s=1.0)
        else:
            assert deleted.status == 409
            await site.operator.control(ETH, "pause")
            await until("it can be deleted", lambda: _deleted(site, ETH))


async def _deleted(site: Site, symbol: str) -> bool:
    return (await site.operator.ask("DELETE", f"/v1/mm-configs/{symbol}?confirm=true")).status == 204


async def test_a_second_service_on_the_same_port_leaves_the_first_ones_orders_alone(
    start_site: StartSite,
) -> None:
    site = await start_site()
    # So far from the market that neither a fill nor a move of the mid replaces an order.
    await _quote(site, base_spread_bps="400", price_threshold_bps="1000")
    before = await _client_order_ids(site)
    environment = {**site.service.environment, "METRICS_PORT": str(free_port())}
    second = await asyncio.to_thread(
        partial(forked.run, "market_maker", "serve", environ={**os.environ, **environment}, timeout_s=60)
    )
    assert (second.returncode, "HTTP_PORT" in second.stderr) == (1, True)
    assert before & await _client_order_ids(site)


async def _client_order_ids(site: Site) -> set[str]:
    page = await site.exchange.ask("GET", "/v1/orders", account_id=site.account, status="open")
    return {order["client_order_id"] for order in page["orders"]}
