"""Market data goes wrong: no quote stands on it, and quoting goes on once the book is sound again."""

import asyncio
import time
from functools import partial
from typing import Any

import pytest
from tests.support.kafka import TopicReader
from tests.support.operator import WAIT_S_MAX, until
from tests.support.service import Site

BTC, ETH = "BTCUSDT", "ETHUSDT"


@pytest.fixture
async def quoting(site: Site) -> Site:
    """BTCUSDT and ETHUSDT are quoted."""
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol)
    for symbol in (BTC, ETH):
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
    return site


async def _withdrawn_after(site: Site, fault: str, **details: Any) -> dict[str, Any]:
    """Spoil BTCUSDT's feed and catch the moment without quotes, which the next snapshot ends within a second.

    Tried again when the snapshot came before anybody could look.
    """
    seen: dict[str, Any] = {}
    deadline = time.monotonic() + 20

    async def withdrawn() -> bool:
        nonlocal seen
        seen = await site.operator.status(BTC)
        return not seen["book"]["valid"] and seen["open_orders"] == 0

    while time.monotonic() < deadline:
        await site.operator.quoting(BTC)
        await site.exchange.feed(BTC, fault, **details)
        try:
            await until("the quotes are withdrawn", withdrawn, 1.5)
        except AssertionError:
            continue
        return seen
    raise AssertionError(f"{fault}: quotes were never withdrawn; the last status: {seen}")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("gap", "gap"),
        ("off_grid", "tick"),
        ("crossed", "crossed"),
        ("undecodable", "wire format"),
        ("unknown_schema", "schema"),
    ],
)
async def test_a_broken_book_withdraws_the_quotes_until_the_next_snapshot(
    quoting: Site, fault: str, reason: str
) -> None:
    status = await _withdrawn_after(quoting, fault)
    assert status["state"]["value"] == "ACTIVE"
    assert reason in status["book"]["reason"].lower(), status["book"]
    status = await quoting.operator.quoting(BTC, 5.0)
    assert status["book"]["valid"]
    assert status["kill"] is None
    assert (await quoting.operator.status(ETH))["book"]["valid"]
    await quoting.require_equal_fills(BTC)


async def test_a_gap_is_counted_and_a_duplicate_is_dropped(quoting: Site) -> None:
    before = (await quoting.operator.status(BTC))["counters"]
    await quoting.exchange.feed(BTC, "duplicate", count=20)
    status = await quoting.operator.until(
        BTC, "20 more deltas", partial(_further, "book_deltas", before["book_deltas"] + 20)
    )
    assert status["book"]["valid"]
    assert status["counters"]["book_gaps"] == before["book_gaps"]
    assert await _gap(quoting) == before["book_gaps"] + 1


async def _gap(site: Site) -> int:
    """Lose one delta of BTCUSDT; how many gaps were counted so far.

    Again when a snapshot followed upon the lost delta: nobody misses it then.
    """
    counted: int = (await site.operator.status(BTC))["counters"]["book_gaps"]
    while True:
        before = (await site.operator.status(BTC))["counters"]["book_deltas"]
        await site.exchange.feed(BTC, "gap")
        after = await site.operator.until(
            BTC, "deltas after it", partial(_further, "book_deltas", before + 10)
        )
        if after["counters"]["book_gaps"] != counted:
            return int(after["counters"]["book_gaps"])


def _further(counter: str, than: int, status: dict[str, Any]) -> bool:
    return bool(status["counters"][counter] > than)


@pytest.mark.parametrize("fault", ["undecodable", "unknown_schema"])
async def test_a_poisonous_market_data_message_is_kept_as_a_dead_letter(quoting: Site, fault: str) -> None:
    reader = TopicReader(quoting.exchange.servers.kafka, "md.trades.v1.dlq", from_now=True)
    try:
        await quoting.exchange.feed(BTC, fault, topic="md.trades.v1")
        letters = await asyncio.to_thread(reader.read, 1, WAIT_S_MAX)
        letters += await asyncio.to_thread(reader.read, 1, 0.2)  # it is kept once
    finally:
        reader.close()
    assert [letter.key() for letter in letters] == [b"BTCUSDT"]
    await quoting.operator.quoting(BTC)


async def test_an_unreadable_engine_event_halts_its_symbol_only(quoting: Site) -> None:
    await quoting.trade_against(BTC)
    await quoting.exchange.feed(BTC, "undecodable", topic="engine.event.v1")
    await quoting.operator.halted(BTC, "ENGINE_EVENT_UNREADABLE")
    await quoting.empty_at_exchange(BTC)
    await quoting.operator.clear(BTC)
    await quoting.operator.quoting(ETH)
    await quoting.require_equal_fills(BTC)


async def test_a_silent_feed_is_stale_and_no_kill(quoting: Site) -> None:
    await quoting.operator.change(BTC, check_staleness=True, staleness_threshold_ms="700")
    await quoting.operator.quoting(BTC)
    await quoting.exchange.feed(BTC, "stop")
    status = await quoting.operator.until(
        BTC,
        "the quotes are withdrawn from an aged book",
        lambda status: status["open_orders"] == 0 and status["book"]["age_ms"] >= 700,
        5.0,
    )
    await quoting.empty_at_exchange(BTC, timeout_s=1.0)
    assert (status["state"]["value"], status["kill"]) == ("ACTIVE", None)
    await quoting.operator.quoting(ETH)
    quotes = await quoting.operator.get(f"/v1/mm-configs/{BTC}/quotes")
    assert "stale" in str(quotes)
    await quoting.exchange.feed(BTC, "resume")
    await quoting.operator.quoting(BTC)


async def test_a_halt_of_the_exchange_halts_the_symbol_and_resume_alone_does_not_help(quoting: Site) -> None:
    await quoting.trade_against(BTC)
    await quoting.exchange.halt(BTC)
    status = await quoting.operator.halted(BTC, "MARKET_HALT", 5.0)
    await quoting.empty_at_exchange(BTC)
    status = await quoting.operator.clear(BTC)
    assert (await quoting.operator.emergency("reset", BTC)).status == 200
    refused = await quoting.operator.control(BTC, "enable")
    assert (refused.status, "MARKET_HALT" in refused.reasons) == (409, True)
    await quoting.exchange.resume(BTC)
    await quoting.operator.until(
        BTC, "trading again", lambda status: status["instrument"]["status"] == "TRADING"
    )
    assert status["state"]["value"] == "HALTED"
    await quoting.operator.enable(BTC)
    await quoting.operator.quoting(BTC)
    await quoting.require_equal_fills(BTC)


async def test_a_new_tick_size_leads_to_quotes_on_the_new_grid(quoting: Site) -> None:
    await quoting.exchange.ask("POST", f"/sandbox/instruments/{BTC}", {"tick_size": "0.05"})
    try:
        await quoting.operator.until(
            BTC, "the new grid", lambda status: status["instrument"]["tick_size"] == "0.05"
        )
        status = await quoting.operator.quoting(BTC)
        assert status["kill"] is None
        assert all(float(order["price"]) * 100 % 5 == 0 for order in status["orders"])
        await quoting.require_equal_fills(BTC)
    finally:
        await quoting.exchange.ask("POST", f"/sandbox/instruments/{BTC}", {"tick_size": "0.01"})
        await quoting.operator.until(
            BTC, "the old grid", lambda status: status["instrument"]["tick_size"] == "0.01"
        )
