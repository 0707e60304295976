import asyncio
import time
from contextlib import suppress

import pytest
from confluent_kafka import Producer
from tests.support.kafka import StoppableBroker, partitions_of, until

from market_maker.streams.assignment import Assignment
from market_maker.streams.batch import Position, TopicPartitionKey
from market_maker.streams.lag import REQUEST_TIMEOUT_S, LagGauge, LagMonitor, LagReport
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, MARK

S = 1_000_000_000
WALL_MS = 1_700_000_000_000
MARK_0, MARK_1 = (MARK, 0), (MARK, 1)


class Desk:
    """A gauge and the positions that it looks at."""

    def __init__(self) -> None:
        self.positions: dict[TopicPartitionKey, Position] = {}
        self.gauge = LagGauge(self.positions.get)
        self.assignment = Assignment({MARK_0: 1})

    def read_to(
        self, offset: int, *, at_s: float = 0, age_s: float | None = None, key: TopicPartitionKey = MARK_0
    ) -> None:
        """The router dispatched up to `offset`; the last message was `age_s` old at time 0."""
        stamp = None if age_s is None else int(WALL_MS - age_s * 1000)
        self.positions[key] = Position(offset, 1, stamp, int(at_s * S))

    def lag_s(self, ends: dict[TopicPartitionKey, int], at_s: float) -> float | None:
        now_ns = int(at_s * S)
        report = self.gauge.measure(ends, self.assignment, now_ns, WALL_MS + int(at_s * 1000))
        lag_ns = report.topics[MARK]
        return None if lag_ns is None else lag_ns / S


def test_no_lag_when_everything_was_dispatched() -> None:
    desk = Desk()
    desk.read_to(5, age_s=3600)
    assert desk.lag_s({MARK_0: 5}, 0) == 0


def test_lag_counts_from_when_the_end_that_is_not_reached_was_first_seen() -> None:
    desk = Desk()
    desk.read_to(5)
    assert desk.lag_s({MARK_0: 6}, 1) == 0
    assert desk.lag_s({MARK_0: 9}, 2) == 1
    assert desk.lag_s({MARK_0: 9}, 4.5) == 3.5
    desk.read_to(6)
    assert desk.lag_s({MARK_0: 12}, 5) == 3  # the end seen at 2 s is not reached yet
    desk.read_to(12)
    assert desk.lag_s({MARK_0: 12}, 6) == 0
    assert desk.lag_s({MARK_0: 13}, 7) == 0


def test_a_quiet_topic_with_one_message_just_arrived_has_no_lag() -> None:
    desk = Desk()
    desk.read_to(5, age_s=86_400)  # the last halt was yesterday
    assert desk.lag_s({MARK_0: 5}, 0) == 0
    assert desk.lag_s({MARK_0: 6}, 1) == 0


def test_a_backlog_is_as_old_as_the_messages_that_are_read_from_it() -> None:
    desk = Desk()
    desk.read_to(0)
    assert desk.lag_s({MARK_0: 1000}, 1) == 0
    desk.read_to(500, at_s=1.5, age_s=3600)
    assert desk.lag_s({MARK_0: 1000}, 2) == 3602
    desk.read_to(1000, at_s=2.5, age_s=10)
    assert desk.lag_s({MARK_0: 1000}, 3) == 0


def test_the_backlog_of_a_start_has_its_age_from_the_first_measurement_on() -> None:
    desk = Desk()
    desk.read_to(10, age_s=30)
    assert desk.lag_s({MARK_0: 1000}, 1) == 31
    desk.read_to(1000, at_s=1.5, age_s=0)
    assert desk.lag_s({MARK_0: 1000}, 2) == 0
    assert desk.lag_s({MARK_0: 1001}, 60) == 0  # the last message is a minute old, this one has just come


def test_what_cannot_be_measured_is_none_and_never_zero() -> None:
    desk = Desk()
    assert desk.lag_s({MARK_0: 0}, 0) is None  # nothing read yet, not even an end
    desk.read_to(5)
    assert desk.lag_s({}, 1) is None  # the broker did not tell
    desk.assignment = Assignment({MARK_0: 2})
    assert desk.lag_s({MARK_0: 5}, 2) is None  # a position of an earlier assignment
    desk.assignment = Assignment()
    assert desk.lag_s({}, 3) is None  # nothing is assigned


def test_a_topic_is_as_late_as_its_worst_partition_and_unknown_when_one_is() -> None:
    desk = Desk()
    desk.assignment = Assignment({MARK_0: 1, MARK_1: 1})
    desk.read_to(5)
    desk.read_to(5, key=MARK_1)
    assert desk.lag_s({MARK_0: 5, MARK_1: 6}, 0) == 0
    assert desk.lag_s({MARK_0: 5, MARK_1: 6}, 2) == 2
    assert desk.lag_s({MARK_0: 5}, 3) is None


def test_every_consumed_topic_is_reported() -> None:
    desk = Desk()
    desk.read_to(5)
    report = desk.gauge.measure({MARK_0: 5}, desk.assignment, 0, WALL_MS)
    assert set(report.topics) == set(CONSUMED)
    assert report.topics[ENGINE_EVENT] is None
    assert report.partitions == {MARK_0: 0}


def test_time_behind_under_an_earlier_assignment_does_not_count() -> None:
    desk = Desk()
    desk.read_to(5)
    desk.lag_s({MARK_0: 6}, 0)
    desk.assignment = Assignment({MARK_0: 2})
    desk.positions[MARK_0] = Position(5, 2, None, 0)
    assert desk.lag_s({MARK_0: 6}, 60) == 0


def test_what_is_read_again_is_of_unknown_lag_until_it_is_read_up_to_where_it_was() -> None:
    desk = Desk()
    desk.read_to(9, age_s=60)
    assert desk.lag_s({MARK_0: 9}, 0) == 0
    desk.assignment = Assignment({MARK_0: 2})
    for second in (1, 2, 3):  # fills of a minute ago, for a symbol that did not have them yet
        desk.positions[MARK_0] = Position(4 + second, 2, WALL_MS - 60_000, second * S)
        assert desk.lag_s({MARK_0: 10}, second) is None
    desk.positions[MARK_0] = Position(9, 2, WALL_MS - 60_000, 4 * S)
    assert desk.lag_s({MARK_0: 10}, 4.5) == 0
    desk.positions[MARK_0] = Position(10, 2, WALL_MS + 4000, 5 * S)
    assert desk.lag_s({MARK_0: 10}, 5) == 0


def test_a_log_that_was_cut_and_begun_anew_has_a_lag_again() -> None:
    desk = Desk()
    desk.read_to(90)
    assert desk.lag_s({MARK_0: 90}, 0) == 0
    desk.assignment = Assignment({MARK_0: 2})
    desk.positions[MARK_0] = Position(3, 2, None, S)
    assert desk.lag_s({MARK_0: 3}, 1) == 0
    assert desk.lag_s({MARK_0: 4}, 2) == 0
    assert desk.lag_s({MARK_0: 4}, 3) == 1


async def test_the_monitor_measures_with_a_broker_and_says_so_when_it_cannot(
    stoppable_broker: StoppableBroker,
) -> None:
    address = stoppable_broker.address
    count = partitions_of(address, MARK)
    producer = Producer({"bootstrap.servers": address, "log_level": 0})
    producer.produce(MARK, b"x", partition=0)
    assert producer.flush(5) == 0
    keys = [(MARK, number) for number in range(count)]
    positions = {key: Position(0, 1, None, 0) for key in keys}
    reports: list[LagReport] = []
    monitor = LagMonitor(
        address,
        lambda: Assignment(dict.fromkeys(keys, 1)),
        positions.get,
        reports.append,
        asyncio.get_running_loop(),
        interval_s=0.02,
    )

    def latest(key: TopicPartitionKey) -> int | None:
        return reports[-1].partitions[key] if reports else None

    running = asyncio.ensure_future(monitor.run())
    await until(lambda: (latest(MARK_0) or 0) > 0)
    assert latest(MARK_1) == 0
    positions[MARK_0] = Position(1, 1, None, 0)
    await until(lambda: latest(MARK_0) == 0)
    stoppable_broker.freeze()
    await until(lambda: latest(MARK_0) is None)
    asked_ago_ns = time.monotonic_ns() - reports[-1].at_ns
    assert (
        asked_ago_ns >= REQUEST_TIMEOUT_S * S
    )  # of when the broker was asked, not of when it had not answered
    stoppable_broker.thaw()
    await until(lambda: latest(MARK_0) == 0)
    stoppable_broker.close()
    await until(lambda: latest(MARK_0) is None)
    monitor.stop()
    await running


async def test_what_has_just_come_is_measured_at_once_and_not_when_the_interval_is_over(
    kafka_broker: str,
) -> None:
    count = partitions_of(kafka_broker, MARK)
    assignment = Assignment()
    reports: list[LagReport] = []
    monitor = LagMonitor(
        kafka_broker,
        lambda: assignment,
        lambda _: Position(0, 1, None, 0),
        reports.append,
        asyncio.get_running_loop(),
        interval_s=60.0,
    )
    running = asyncio.ensure_future(monitor.run())
    await until(lambda: bool(reports))
    assignment = assignment.begun((MARK, number) for number in range(count))
    await until(lambda: reports[-1].partitions.keys() == assignment.partitions)
    monitor.stop()
    await running


async def test_a_monitor_that_is_cancelled_stops_its_thread(kafka_broker: str) -> None:
    reports: list[LagReport] = []
    monitor = LagMonitor(
        kafka_broker,
        Assignment,
        lambda _: None,
        reports.append,
        asyncio.get_running_loop(),
        interval_s=0.01,
    )
    running = asyncio.ensure_future(monitor.run())
    await until(lambda: bool(reports))
    assert set(reports[0].topics.values()) == {None}
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    last = len(reports) + 2
    with pytest.raises(TimeoutError):
        await until(lambda: len(reports) > last, timeout_s=0.1)
