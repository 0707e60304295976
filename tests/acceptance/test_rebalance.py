"""The consumer group gives our partitions to somebody else: nothing of ours stays in their markets."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site

BTC = "BTCUSDT"
TOPICS = ["engine.event.v1", "md.orderbook.delta.v1", "md.orderbook.snap.v1", "md.trades.v1", "md.mark.v1"]

StartSite = Callable[..., Awaitable[Site]]


@contextmanager
def another_member(site: Site, topics: list[str]) -> Iterator[None]:
    """A second consumer of the service's group, which takes half of the partitions of the topics."""
    consumer = Consumer(
        {
            "bootstrap.servers": site.exchange.servers.kafka,
            "group.id": site.service.environment["KAFKA_CONSUMER_GROUP"],
            "partition.assignment.strategy": "range",
            "auto.offset.reset": "latest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(topics)
    ended = threading.Event()

    def poll() -> None:
        while not ended.is_set():
            consumer.poll(0.1)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        consumer.close()


async def test_a_symbol_whose_partition_is_revoked_is_paused_and_cleared(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    with another_member(site, TOPICS):
        await _given_up(site)
        assert await site.orders_at_exchange(BTC) == 0
    assert (await site.operator.state(BTC, "PAUSED"))["state"]["reason"] == "partition revoked"
    await site.operator.clear(BTC)


async def test_a_halt_that_was_announced_while_the_partition_was_away_is_found_by_asking_metadata(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    with another_member(site, [*TOPICS, "md.instrument.halt.v1"]):
        await _given_up(site)
        await site.exchange.halt(BTC, "maintenance")
    try:
        await site.operator.until(BTC, "the halt is known", _refused_for_a_halt)
    finally:
        await site.exchange.resume(BTC)


async def _given_up(site: Site) -> None:
    """Wait until the symbol is nobody's; its history tells why it is paused."""

    async def is_nobodys() -> bool:
        answer = await site.operator.ask("GET", f"/v1/mm-configs/{BTC}/status")
        return answer.status == 503 and answer.code == "NO_OWNER"

    await until("nobody owns the symbol", is_nobodys)
    change = (await site.operator.rows(BTC, "events"))[-1]["data"]
    assert (change["from"], change["to"], change["reason"]) == ("ACTIVE", "PAUSED", "partition revoked")


def _refused_for_a_halt(status: dict[str, Any]) -> bool:
    return any(problem["code"] == "MARKET_HALT" for problem in status["enable_problems"])
