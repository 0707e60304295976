"""Each check before an order, on the running service; the loss limit by a script: a kill comes before it."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.support.operator import until
from tests.support.playbook import active, proven
from tests.support.service import Site

from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.states import Cause, State

BTC = "BTCUSDT"

StartSite = Callable[..., Awaitable[Site]]


async def outcomes(site: Site) -> dict[tuple[str, int], str]:
    """What became of each level of the latest quote set."""
    quotes = await site.operator.get(f"/v1/mm-configs/{BTC}/quotes")
    levels = quotes["quote"]["levels"] if quotes["quote"] else []
    return {(level["side"], level["level"]): level["outcome"] or level["verdict"] for level in levels}


async def until_every_level(site: Site, outcome: str, levels: int = 1) -> None:
    """Wait until all levels of both sides came to this."""
    wanted = {(side, level): outcome for side in ("BUY", "SELL") for level in range(levels)}

    async def so() -> bool:
        return await outcomes(site) == wanted

    await until(f"every level is {outcome}", so)


async def orders_ever(site: Site) -> list[Any]:
    """Every order of ours that was ever sent."""
    return await site.operator.rows(BTC, "orders")


async def test_no_order_may_lead_beyond_the_position_limit(start_site: StartSite) -> None:
    site = await start_site()
    await site.operator.configure(BTC, num_levels=3, max_position_usdt="150")
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)

    await site.exchange.trade(BTC, "sell", "1")  # the bid fills: the inventory is some 100 USDT
    seen: set[str] = set()
    until_s = time.monotonic() + 5.0

    async def looked_long_enough() -> bool:
        require_within(await site.operator.status(BTC), 150)
        seen.update((await outcomes(site)).values())
        return time.monotonic() > until_s

    await until("5 s are over", looked_long_enough)
    assert "position_limit" in seen
    status = await site.operator.status(BTC)
    assert (status["state"]["value"], status["kill"]) == ("ACTIVE", None)


def require_within(status: dict[str, Any], limit_usdt: int) -> None:
    """If all that rests on a side filled, the inventory would not pass the limit; 1 USDT for a moving mid."""
    for side, sign in (("BUY", 1), ("SELL", -1)):
        rests = [order for order in status["orders"] if order["side"] == side]
        left = sum(Decimal(order["quantity"]) - Decimal(order["filled_quantity"]) for order in rests)
        if left:
            worst = sign * Decimal(status["position"]) + left
            assert worst * Decimal(status["mid"]) <= limit_usdt + 1, status


def test_no_order_is_sent_while_the_loss_is_beyond_its_limit() -> None:
    """A script: on the running service the same condition halts before it comes to an order."""
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(1000), Decimal(5), Decimal(0))
    play = active(inventory=inventory)
    play.mid(8990)
    said = play.evaluate()
    assert said.placed == []
    assert play.view().state is State.HALTED
    for name in play.names:
        play.cancel_answer(name)
        play.stream_cancelled(name)
    proven(play)
    play.control(Cause.RESET)
    play.mid(8990)
    assert play.view().state is State.PAUSED
    play.control(Cause.ENABLE)
    assert play.view().state is State.PAUSED
    assert "LOSS_BREACH" in {problem.code for problem in play.view().enable_problems}
    assert play.evaluate().placed == []


async def test_no_order_is_sent_unless_the_symbol_is_active(site: Site) -> None:
    await site.operator.configure(BTC)
    await require_nothing_placed(site)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.operator.control(BTC, "pause")
    await site.operator.clear(BTC)
    await require_nothing_placed(site)
    assert (await site.operator.control(BTC, "resume")).status == 200
    await site.operator.quoting(BTC)
    await site.operator.emergency("kill", BTC)
    await site.operator.clear(BTC)
    await require_nothing_placed(site)


async def require_nothing_placed(site: Site) -> None:
    """For a second of moving market."""
    placed = (await site.operator.status(BTC))["counters"]["orders_placed"]
    until_s = time.monotonic() + 1.0

    async def looked_long_enough() -> bool:
        assert await site.orders_at_exchange(BTC) == 0
        return time.monotonic() > until_s

    await until("a second is over", looked_long_enough)
    assert (await site.operator.status(BTC))["counters"]["orders_placed"] == placed


async def test_no_order_is_sent_for_an_instrument_that_the_exchange_halted(site: Site) -> None:
    await site.operator.configure(BTC)
    await site.operator.until(BTC, "it can be enabled", lambda status: not status["enable_problems"])
    await site.exchange.halt(BTC)
    await site.operator.until(
        BTC, "the halt is known", lambda status: status["instrument"]["status"] == "HALTED"
    )
    refused = await site.operator.control(BTC, "enable")
    assert (refused.status, "MARKET_HALT" in refused.reasons) == (409, True)
    await require_nothing_placed(site)
    await site.exchange.resume(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


async def test_every_order_is_on_the_grid_of_the_exchange(site: Site) -> None:
    await site.operator.configure(BTC, num_levels=5, order_size_usdt="123.45")
    await site.operator.enable(BTC)
    await until_every_level(site, "resting", 5)
    instrument = (await site.operator.status(BTC))["instrument"]
    orders = await orders_ever(site)  # one of the ten may be over already, and replaced
    assert len(orders) >= 10
    for order in orders:
        assert Decimal(order["price"]) % Decimal(instrument["tick_size"]) == 0
        assert Decimal(order["quantity"]) % Decimal(instrument["lot_size"]) == 0
        assert Decimal(order["price"]) * Decimal(order["quantity"]) >= Decimal(instrument["min_notional"])


async def test_an_order_below_the_least_notional_is_not_sent_and_says_so(site: Site) -> None:
    await site.operator.configure(BTC, order_size_usdt="3")
    await site.operator.enable(BTC)
    await until_every_level(site, "below_min_notional")
    await require_nothing_placed(site)


async def test_an_order_beyond_the_notional_limit_is_not_sent_and_says_so(start_site: StartSite) -> None:
    site = await start_site(MAX_ORDER_NOTIONAL_USDT="99")
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await until_every_level(site, "notional_limit")
    await require_nothing_placed(site)
    await site.operator.change(BTC, order_size_usdt="90")
    await site.operator.quoting(BTC)


async def test_an_order_beyond_the_price_collar_is_not_sent_and_says_so(start_site: StartSite) -> None:
    site = await start_site(PRICE_COLLAR_BPS="50")
    await site.operator.configure(BTC, base_spread_bps="120")
    await site.operator.enable(BTC)
    await until_every_level(site, "price_collar")
    await require_nothing_placed(site)
    await site.operator.change(BTC, base_spread_bps="80")
    await site.operator.quoting(BTC)


async def test_new_orders_keep_to_the_rate_limit(start_site: StartSite) -> None:
    site = await start_site(MAX_ORDERS_PER_SECOND="3")
    # What rests may stand far from its target: else a quick market needs more orders than three a second.
    await site.operator.configure(BTC, num_levels=5, base_spread_bps="400", price_threshold_bps="1000")
    await site.operator.enable(BTC)
    await until_every_level(site, "resting", 5)
    sent = sorted(order["created_at"] for order in await orders_ever(site))
    assert len(sent) >= 10
    for earlier, later in zip(sent, sent[3:], strict=False):
        apart = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
        assert apart.total_seconds() > 0.9, (earlier, later)
