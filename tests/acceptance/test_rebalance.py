"""The consumer group gives our partitions to somebody else: nothing of ours stays in their markets."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer
from tests.support.service import Site

BTC = "BTCUSDT"
GROUP = "rebalanced"
TOPICS = ["engine.event.v1", "md.orderbook.delta.v1", "md.orderbook.snap.v1", "md.trades.v1", "md.mark.v1"]

StartSite = Callable[..., Awaitable[Site]]


@contextmanager
def another_member(brokers: str) -> Iterator[None]:
    """A second consumer of the group, which takes half of the partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": GROUP,
            "partition.assignment.strategy": "range",
            "auto.offset.reset": "latest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(TOPICS)
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


async def test_a_symbol_whose_partition_is_revoked_is_paused_and_cleared(start_site: StartSite) -> None:
    site = await start_site(KAFKA_CONSUMER_GROUP=GROUP)
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    with another_member(site.exchange.servers.kafka):
        status = await site.operator.state(BTC, "PAUSED", timeout_s=20)
        await site.empty_at_exchange(BTC)
    assert status["state"]["reason"] == "partition revoked"
    await site.operator.clear(BTC)
