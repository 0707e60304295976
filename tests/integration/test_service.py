"""The whole service on Apache Kafka: it quotes, dies, shares its group, and outlives its broker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from confluent_kafka import TopicPartition
from tests.support.kafka import TopicReader
from tests.support.kafka_exchange import KafkaExchange
from tests.support.operator import Status, until
from tests.support.other_member import another_member
from tests.support.published import published
from tests.support.service import Site

from lab.kafka_topics import Topics
from market_maker.streams import envelope
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA, STATE_CHANGED, dead_letter_topic

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)
SESSION_TIMEOUT_S = 6.0

StartSite = Callable[..., Awaitable[Site]]


async def quote(site: Site) -> None:
    for symbol in SYMBOLS:
        await site.operator.configure(symbol)
    await enable_and_trade(site)


async def enable_and_trade(site: Site, timeout_s: float = 20.0) -> None:
    for symbol in SYMBOLS:
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol, timeout_s)
        await site.trade_against(symbol, fills=2)


def can_be_enabled(status: Status) -> bool:
    return not status["enable_problems"]


async def require_equal_fills(site: Site) -> None:
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        assert len(await site.require_equal_fills(symbol)) >= 2


async def test_the_service_quotes_and_counts_every_fill(start_site: StartSite) -> None:
    site = await start_site()
    await quote(site)
    for symbol in SYMBOLS:
        await site.trade_against(symbol, fills=5)
    assert (await site.operator.emergency("flatten")).status == 200
    await require_equal_fills(site)
    assert await site.orders_at_exchange() == 0
    await site.operator.ready()
    health = await site.operator.get("/health")
    assert {check["name"]: check["status"] for check in health["checks"]}["kafka"] == "ok"


async def test_what_cannot_be_read_is_kept_in_its_dead_letter_topic(start_site: StartSite) -> None:
    site = await start_site()
    await quote(site)
    await site.exchange.feed(BTC, "undecodable")
    reader = TopicReader(site.exchange.servers.kafka, dead_letter_topic(ORDER_BOOK_DELTA))
    [letter] = await asyncio.to_thread(reader.read, 1)
    reader.close()
    assert letter.key() == BTC.encode()
    assert {"error", "original.offset"} <= {name for name, _ in envelope.header_pairs(letter.headers())}
    await site.operator.quoting(BTC)  # on the next snapshot


async def test_a_session_timeout_that_the_broker_refuses_is_told_and_nothing_can_be_enabled(
    start_site: StartSite,
) -> None:
    site = await start_site(KAFKA_SESSION_TIMEOUT="3s")
    await site.operator.configure(BTC)

    async def told() -> bool:
        return "INVALID_SESSION_TIMEOUT" in site.service.log_tail()

    await until("the log names the refusal", told)
    health = await site.operator.ask("GET", "/health")
    assert {check["name"]: check["status"] for check in health.body["checks"]}["kafka"] == "failed"
    refused = await site.operator.control(BTC, "enable")
    assert (refused.status, refused.code) == (503, "NO_OWNER")


async def test_a_killed_service_comes_back_when_its_session_is_over_and_counts_every_fill(
    start_site: StartSite,
) -> None:
    site = await start_site()
    await quote(site)
    site.service.kill()
    for symbol in SYMBOLS:
        await site.trade_against(symbol)
    await site.start()
    began = time.monotonic()
    await site.empty_at_exchange()
    for symbol in SYMBOLS:
        await site.operator.state(symbol, "PAUSED")
        await site.operator.until(symbol, "it can be enabled", can_be_enabled)
    assert time.monotonic() - began < SESSION_TIMEOUT_S + 5.0
    await require_equal_fills(site)
    await enable_and_trade(site)


# --- a second member of the group ----------------------------------------------------------------


async def test_nobody_gets_a_partition_before_its_symbols_orders_are_proven_gone(
    start_site: StartSite,
) -> None:
    site = await start_site()
    await quote(site)
    await site.exchange.fault("cancel_all", "delay", delay_ms=800)
    await site.exchange.fault("cancel", "delay", delay_ms=800)
    loop = asyncio.get_running_loop()
    count = Topics(site.exchange.servers.kafka).partitions(ENGINE_EVENT)
    found: list[int] = []
    gone: list[str] = []

    def look(partitions: list[TopicPartition]) -> None:
        """On the other member's thread, in the moment that it has its partitions."""
        numbers = {partition.partition for partition in partitions}
        gone.extend(symbol for symbol in SYMBOLS if partition_of(symbol, count) in numbers)
        for symbol in gone:
            asking = asyncio.run_coroutine_threadsafe(site.orders_at_exchange(symbol), loop)
            found.append(asking.result(10))

    async def assigned() -> bool:
        return bool(found)

    with another_member(site, look):
        await until("the other member has its share", assigned, 30)
        assert not any(found)
        for symbol in SYMBOLS:
            change = (await site.operator.rows(symbol, "events"))[-1]["data"]
            moved = ("PAUSED", "partition revoked")
            assert ((change["to"], change["reason"]) == moved) == (symbol in gone)
    await site.exchange.clear_faults()
    for symbol in gone:  # all partitions are the service's again
        await site.operator.enable(symbol)
    for symbol in SYMBOLS:
        await site.operator.quoting(symbol)
    assert (await site.operator.emergency("flatten")).status == 200
    await require_equal_fills(site)


# --- the broker goes and comes back --------------------------------------------------------------

OUTAGE_S = 15.0
LAG_THRESHOLD_S = 2.0
BACK_S_MAX = 30.0
"""A broker's start, a new connection, a measured lag, a snapshot."""


@pytest.fixture
def exchange(shared_exchange: KafkaExchange) -> Iterator[KafkaExchange]:
    """The shared exchange, whose broker the test may stop."""
    yield shared_exchange
    shared_exchange.broker.recover()


@pytest.mark.long
@pytest.mark.parametrize("crash", [False, True], ids=["frozen", "killed"])
async def test_a_broker_that_is_away_for_15_s_halts_everything_and_after_a_reset_all_quotes_again(
    crash: bool, exchange: KafkaExchange, start_site: StartSite
) -> None:
    site = await start_site(KILL_SWITCH_KAFKA_LAG_THRESHOLD=f"{LAG_THRESHOLD_S:g}s")
    await quote(site)
    began = time.monotonic()
    exchange.broker.kill() if crash else exchange.broker.freeze()
    for symbol in SYMBOLS:
        await fill_untold(site, symbol)
    for symbol in SYMBOLS:
        await site.operator.halted(symbol, "KAFKA_LAG", LAG_THRESHOLD_S + 3.0)
    await site.empty_at_exchange(timeout_s=1.0)
    await asyncio.sleep(began + OUTAGE_S - time.monotonic())
    exchange.broker.launch() if crash else exchange.broker.thaw()
    for symbol in SYMBOLS:
        await all_told(site, symbol)
        await site.operator.clear(symbol)
    assert (await site.operator.emergency("reset")).status == 200
    for symbol in SYMBOLS:
        await site.operator.until(symbol, "it can be enabled", can_be_enabled, BACK_S_MAX)
    await enable_and_trade(site)
    await require_told_in_order(site, exchange)
    assert (await site.operator.emergency("flatten")).status == 200
    await require_equal_fills(site)


async def fill_untold(site: Site, symbol: str) -> None:
    """Fill orders of ours while nobody tells the service; the crowd may have been quicker."""

    async def filled() -> bool:
        await site.trade_through(symbol, orders=2)
        told = (await site.operator.status(symbol))["fill_count"]
        return bool(await site.executions(symbol) > told)

    await until(f"{symbol}: a fill that nobody tells the service of", filled)


async def all_told(site: Site, symbol: str) -> None:
    """The fills of the outage have come; each takes the proof of zero away until the next look."""
    fills = await site.executions(symbol)
    await site.operator.until(
        symbol, "its fills are told", lambda status: bool(status["fill_count"] == fills), BACK_S_MAX
    )


async def require_told_in_order(site: Site, exchange: KafkaExchange) -> None:
    """Every state change, those of the outage too, is in the topic, per symbol in its order."""

    async def all_sent() -> bool:
        return bool((await site.operator.get("/v1/mm/status"))["outbox_pending"] == 0)

    await until("the outbox is empty", all_sent)
    told = [event["event_id"] for event in await asyncio.to_thread(published, exchange, STATE_CHANGED)]
    for symbol in SYMBOLS:
        rows = await site.operator.rows(symbol, "events")
        changes = [row for row in rows if row["event_type"] == STATE_CHANGED]
        assert "HALTED" in {row["data"]["to"] for row in changes}
        ids = [row["event_id"] for row in changes]
        assert list(dict.fromkeys(found for found in told if found in ids)) == ids
