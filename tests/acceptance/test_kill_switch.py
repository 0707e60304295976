"""Limits of a symbol on the running service: what breaks them halts it, what follows is what was promised."""

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.support.events import events_since, publish
from tests.support.operator import until
from tests.support.service import Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
OFTEN, SELDOM = "100", "10000"


StartSite = Callable[..., Awaitable[Site]]


async def quote(site: Site, symbol: str = BTC, **fields: Any) -> None:
    await site.operator.configure(symbol, **fields)
    await site.operator.enable(symbol)
    await site.operator.quoting(symbol)


async def breach_exposure(site: Site) -> Decimal:
    """Quote 400 USDT a side and let one fill before the next evaluation; returns the limit that it breaks."""
    await quote(site, num_levels=4, quote_interval_ms=SELDOM)
    return await site.breach_exposure(BTC)


async def test_exposure_beyond_its_limit_halts(start_site: StartSite) -> None:
    site = await start_site()
    await quote(site, ETH)
    limit = await breach_exposure(site)
    status = await site.operator.halted(BTC, "EXPOSURE_BREACH")
    measured, threshold = status["kill"]["measured"], status["kill"]["threshold"]
    assert threshold == f"{limit} USDT"
    assert abs(Decimal(measured.removesuffix(" USDT"))) > limit
    await site.empty_at_exchange(BTC)
    await site.operator.clear(BTC)
    await site.operator.quoting(ETH)
    await site.require_equal_fills(BTC)


async def test_a_limit_over_all_symbols_halts_every_symbol_that_quotes(start_site: StartSite) -> None:
    site = await start_site(HOUSE_MAX_GROSS_USDT="350")
    await quote(site, ETH, order_size_usdt="10")
    await quote(site, num_levels=4, quote_interval_ms=OFTEN)

    async def halted() -> bool:
        # Four levels hold 400; more than once, because the crowd may have bought from us before.
        await site.exchange.trade(BTC, "sell", "3")
        return bool((await site.operator.status(BTC))["state"]["value"] == "HALTED")

    await until("the limit halts", halted)
    status = await site.operator.halted(BTC, "HOUSE_LIMIT_BREACH")
    await site.operator.halted(ETH, "HOUSE_LIMIT_BREACH")
    assert status["kill"]["threshold"] == "350 USDT"
    assert status["kill"]["measured"].startswith("gross inventory ")
    await site.empty_at_exchange(BTC)
    await site.empty_at_exchange(ETH)
    [limit] = (await site.operator.ask("GET", "/v1/mm/status")).body["totals"]["house_limits"]
    assert Decimal(limit["left_usdt"]) < 0


async def test_a_drill_is_a_kill_that_is_measured_and_recorded_as_what_it_is(site: Site) -> None:
    await quote(site)
    done = await site.operator.ask("POST", f"/v1/mm-configs/{BTC}/drill", {"reason": "monthly"})
    assert done.status == 200, done
    assert (done.body["state_before"], done.body["open_orders"] > 0) == ("ACTIVE", True)
    assert 0 < done.body["halted_us"] < done.body["proven_zero_us"]
    await site.operator.halted(BTC, "DRILL")
    await site.empty_at_exchange(BTC)
    [listed] = (await site.operator.ask("GET", f"/v1/mm/drills?symbol={BTC}")).body["items"]
    assert done.body == {**listed, "durable": True}
    again = await site.operator.ask("POST", f"/v1/mm-configs/{BTC}/drill", {"reason": "again"})
    assert again.status == 409
    assert (await site.operator.ask("POST", f"/v1/mm-configs/{BTC}/enable")).status == 409
    assert (await site.operator.emergency("reset", BTC)).status == 200


async def test_a_loss_beyond_its_limit_halts(site: Site) -> None:
    await quote(site, quote_interval_ms=OFTEN, max_loss_usdt="1")
    await site.exchange.trade(BTC, "sell", "0.0016")
    await site.operator.until(BTC, "a position", lambda status: Decimal(status["position"]) != 0)

    async def mark(price: str) -> None:
        told = {"symbol": BTC, "mark_price": price, "index_price": None, "timestamp": time.time_ns() // 1000}
        await publish(site, "md.mark.v1", told)

    async def halted() -> bool:
        # Half or twice the price: the position of some 100 USDT loses 50 or more, by the exchange's own
        # valuation. The crowd may have bought more from us than was sold to us here.
        status = await site.operator.status(BTC)
        await mark("30000" if Decimal(status["position"]) > 0 else "120000")
        return bool((await site.operator.status(BTC))["state"]["value"] == "HALTED")

    await until("the loss halts", halted)
    status = await site.operator.halted(BTC, "LOSS_BREACH")
    assert status["kill"]["threshold"] == "-1 USDT"
    assert Decimal(status["kill"]["measured"].removesuffix(" USDT")) < -1
    await site.empty_at_exchange(BTC)
    await site.operator.clear(BTC)
    # A baseline at the mark of this test would be a loss of its own as soon as the market's counts again.
    market = status["mid"]
    await mark(market)
    await site.operator.until(BTC, "the market's price", lambda status: status["pnl"]["price"] == market)
    # The loss stays on the books; only moved out of the way by a person can it end.
    assert (await site.operator.emergency("reset", BTC, rebase_pnl=True)).status == 200

    async def rebased() -> bool:
        return not (await site.operator.status(BTC))["pnl"]["rebase_pending"]

    await until("the new baseline has its price", rebased)
    assert Decimal((await site.operator.status(BTC))["pnl"]["baseline"]) != 0
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


async def test_a_kill_is_published_with_what_was_measured(start_site: StartSite) -> None:
    site = await start_site()
    began = time.time()
    limit = await breach_exposure(site)
    status = await site.operator.halted(BTC, "EXPOSURE_BREACH")
    await site.operator.clear(BTC)

    async def published() -> bool:
        return bool(await events_since(site, "mm.risk.triggered.v1", began, BTC))

    await until("the risk event is published", published)
    [risk] = await events_since(site, "mm.risk.triggered.v1", began, BTC)
    assert risk["reason"] == "EXPOSURE_BREACH"
    assert (risk["measured"], risk["threshold"]) == (status["kill"]["measured"], f"{limit} USDT")
    assert Decimal(risk["position"]) != 0  # of either sign: the crowd has traded with us before
    assert risk["action"] == "cancel all, HALTED"
    changes = await events_since(site, "mm.state.changed.v1", began, BTC)
    assert [(change["from"], change["to"]) for change in changes][-2:] == [
        ("PAUSED", "ACTIVE"),
        ("ACTIVE", "HALTED"),
    ]


async def test_a_halted_symbol_follows_the_market_no_more_but_still_counts_fills(site: Site) -> None:
    await quote(site)
    for operation in ("cancel", "cancel_all"):
        await site.exchange.fault(operation, "error", symbol=BTC)
    await site.operator.emergency("kill", BTC)
    before = (await site.operator.status(BTC))["counters"]["book_deltas"]
    # The orders cannot be cancelled now, so they go on to fill.
    await site.trade_against(BTC)
    await site.require_equal_fills(BTC)
    await site.exchange.clear_faults()
    status = await site.operator.clear(BTC)
    assert status["state"]["value"] == "HALTED"
    assert status["counters"]["book_deltas"] == before
    assert (status["book"]["valid"], status["fill_count"]) == (False, await site.executions(BTC))


async def test_only_a_reset_by_a_person_leads_out_of_halted(site: Site) -> None:
    await quote(site)
    await site.operator.emergency("kill", BTC)
    await site.operator.clear(BTC)
    for action in ("enable", "resume", "pause"):
        assert (await site.operator.control(BTC, action)).status == 409
    await site.operator.change(BTC, enabled=True, max_position_usdt="20000")
    await site.operator.emergency("flatten", BTC)
    await site.operator.emergency("kill", BTC)
    assert (await site.operator.status(BTC))["state"]["value"] == "HALTED"
    await site.operator.clear(BTC)
    assert (await site.operator.emergency("reset", BTC)).status == 200
    status = await site.operator.status(BTC)
    assert (status["state"]["value"], status["kill"], status["open_orders"]) == ("PAUSED", None, 0)


pytestmark = pytest.mark.timeout(120)
