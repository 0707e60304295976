"""Lag on Apache Kafka: its partitions have leaders, which change."""

import asyncio

from tests.support.kafka import until

from lab.apache_kafka import BROKER_SESSION_S, ApacheKafka
from lab.kafka_topics import Topics
from market_maker.streams.assignment import Assignment
from market_maker.streams.batch import Position
from market_maker.streams.lag import LagMonitor, LagReport
from market_maker.streams.topics import CONSUMED

KEYS = frozenset((topic, number) for topic in CONSUMED for number in range(4))


async def test_after_a_change_of_leaders_lag_can_be_measured_again_at_once(
    topics: Topics, kafka: ApacheKafka
) -> None:
    reports: list[LagReport] = []
    assignment = Assignment(dict.fromkeys(KEYS, 1))
    monitor = LagMonitor(
        topics.address,
        lambda: assignment,
        lambda _: Position(0, 1, None, 0),
        reports.append,
        asyncio.get_running_loop(),
        interval_s=0.05,
    )

    def measured() -> bool:
        return bool(reports) and reports[-1].partitions == dict.fromkeys(KEYS, 0)

    running = asyncio.ensure_future(monitor.run())
    await until(measured)
    assignment = Assignment()  # nothing to ask for, so the client hears nothing of what happens
    await until(lambda: reports[-1].partitions == {})
    kafka.freeze()
    await asyncio.sleep(BROKER_SESSION_S + 1.0)
    kafka.thaw()  # held for dead meanwhile, the broker leads under a new epoch
    await asyncio.to_thread(kafka.await_ready)
    assignment = Assignment(dict.fromkeys(KEYS, 1))
    await until(measured, timeout_s=5)
    monitor.stop()
    await running
