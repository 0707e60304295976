"""Kafka in, on Apache Kafka: the group gives partitions, takes them, and fences."""

import asyncio
import signal
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.support.apache_intake import (
    BTC,
    PARTITION,
    PARTITIONS,
    MakeDesk,
    make_durable,
)
from tests.support.intake import GROUP, SYMBOLS, Exchange, Listener
from tests.support.kafka import delta, until

from lab.apache_kafka import ApacheKafka
from market_maker.core.events import BookDelta
from market_maker.streams.group_member import FencedError
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, ORDER_BOOK_DELTA


async def test_only_the_partitions_that_move_are_given_up_and_what_became_durable_is_not_read_again(
    exchange: Exchange, make_desk: MakeDesk
) -> None:
    listener, others = Listener(make_durable=6), Listener()
    first, second = make_desk(listener), make_desk(others)
    listener.desk, others.desk = first, second
    async with first.running():
        before = first.intake.consumer.assignment.generations
        exchange.trades(BTC, 0, 10)
        await exchange.flush()
        await until(lambda: first.has(BTC, 10))
        assert await exchange.committed(ENGINE_EVENT, PARTITION) == 0
        async with second.running():
            parts = [desk.intake.consumer.assignment.partitions for desk in (first, second)]
            assert parts[0] | parts[1] == {(topic, n) for topic in CONSUMED for n in range(PARTITIONS)}
            assert not parts[0] & parts[1]
            assert {n for topic, n in parts[0] if topic == ENGINE_EVENT} == {n for _, n in parts[0]}
            [gone] = listener.revoked
            assert [gone] == others.added_
            assert len(gone) == PARTITIONS // 2
            left = first.intake.consumer.assignment.generations
            assert left == {key: made for key, made in before.items() if key[1] not in gone}
            if PARTITION in gone:
                # Apache Kafka, unlike the built-in broker, takes a commit while the group rebalances.
                assert await exchange.committed(ENGINE_EVENT, PARTITION) == 6
                await until(lambda: second.has(BTC, 4))
                assert second.boxes[BTC].trade_ids() == ["t6", "t7", "t8", "t9"]
                make_durable(first, 6, 10)  # too late: under an assignment that is over
                await exchange.say(ORDER_BOOK_DELTA, delta(1, 2))
                await until(lambda: second.has(BTC, 1, BookDelta))
                assert await exchange.committed(ENGINE_EVENT, PARTITION) == 6
                make_durable(second)
            else:
                make_durable(first, 6, 10)
            await exchange.until_committed(PARTITION, 10)
    assert listener.revoked == [gone]


async def test_who_comes_back_to_its_place_within_the_session_moves_nothing_of_the_others(
    make_desk: MakeDesk,
) -> None:
    listener = Listener()
    first = listener.desk = make_desk(listener, instance_id="first")
    async with first.running(for_good=True):
        async with make_desk(instance_id="second").running() as second:
            theirs = second.intake.consumer.assignment.partitions
        ours = first.intake.consumer.assignment
        async with make_desk(instance_id="second").running(for_good=True) as second:
            assert second.intake.consumer.assignment.partitions == theirs
        assert first.intake.consumer.assignment == ours
        assert len(listener.revoked) == 1


async def test_who_leaves_for_good_has_its_partitions_taken_before_its_session_is_over(
    make_desk: MakeDesk,
) -> None:
    first, second = make_desk(instance_id="first"), make_desk(instance_id="second")
    async with first.running(for_good=True):
        whole = first.intake.consumer.assignment.partitions
        running = asyncio.ensure_future(second.intake.run())
        await until(second.is_reading, timeout_s=20)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await second.intake.end(for_good=True)
        await running
        await until(lambda: first.intake.consumer.assignment.partitions == whole, timeout_s=20)
        assert loop.time() - began < SESSION_TIMEOUT_S / 2


async def test_a_second_process_with_the_same_place_takes_it_and_the_first_ends(make_desk: MakeDesk) -> None:
    listener = Listener()
    first = listener.desk = make_desk(listener, instance_id="same")
    running = asyncio.ensure_future(first.intake.run())
    await until(first.is_reading, timeout_s=20)
    async with make_desk(instance_id="same").running(for_good=True) as second:
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(running, 10)
        assert caught.group_contains(FencedError, match="KAFKA_INSTANCE_ID: a second process uses 'same'")
        assert listener.lost_ == listener.added_
        assert not listener.revoked
        assert len(second.intake.consumer.assignment.partitions) == PARTITIONS * len(CONSUMED)


async def test_who_meets_an_earlier_version_in_the_group_says_so_and_waits_until_that_has_left(
    make_desk: MakeDesk, kafka: ApacheKafka, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = Consumer(
        {
            "bootstrap.servers": kafka.address,
            "group.id": GROUP,
            "partition.assignment.strategy": "range",
            "log_level": 0,
        }
    )
    earlier.subscribe(list(CONSUMED))
    while not earlier.assignment():
        await asyncio.to_thread(earlier.poll, 0.1)
    desk = make_desk()
    running = asyncio.ensure_future(desk.intake.run())
    while "end them all, then this one gets its partitions" not in caplog.text:
        await asyncio.to_thread(earlier.poll, 0.1)
    assert not desk.intake.consumer.assignment.partitions
    await asyncio.to_thread(earlier.close)
    await until(desk.is_reading, timeout_s=20)
    desk.intake.stop()
    await running


SESSION_TIMEOUT_S = 6.0
MEMBER = """
import sys
from confluent_kafka import Consumer
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2], "session.timeout.ms": 6000,
    "partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": 500,
    "enable.auto.commit": False, "auto.offset.reset": "latest"})
def assigned(_, partitions):
    if partitions:
        print(len(partitions), flush=True)
consumer.subscribe([sys.argv[3]], on_assign=assigned)
while True:
    consumer.poll(0.1)
"""


def join_and_die(address: str, share: int) -> None:
    """Another member takes its share of the partitions and is killed."""
    command = [sys.executable, "-c", MEMBER, address, GROUP, ENGINE_EVENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as member:
        assert member.stdout is not None
        taken = member.stdout.readline()
        member.send_signal(signal.SIGKILL)
    assert taken == f"{share}\n"


async def test_partitions_of_a_member_that_was_killed_go_to_the_others_within_the_session_timeout(
    exchange: Exchange, make_desk: MakeDesk, kafka: ApacheKafka
) -> None:
    desk = make_desk()
    async with desk.running():
        whole = len(desk.intake.consumer.assignment.partitions)
        assert whole == PARTITIONS * len(CONSUMED)
        await asyncio.to_thread(join_and_die, kafka.address, PARTITIONS // 2)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for symbol in SYMBOLS:
            exchange.trades(symbol, 0, 1)  # no owner yet, for half of them
        await exchange.flush()
        await until(lambda: len(desk.intake.consumer.assignment.partitions) == whole, timeout_s=30)
        await until(lambda: all(desk.has(symbol, 1) for symbol in SYMBOLS))
        took_s = loop.time() - began
    assert 1.0 < took_s < SESSION_TIMEOUT_S + 3.0, took_s


def count(address: str, topic: str, partition: int) -> int:
    """How many messages a partition holds, whatever its offsets say."""
    reader = Consumer(
        {"bootstrap.servers": address, "group.id": "count", "enable.partition.eof": True, "log_level": 0}
    )
    reader.assign([TopicPartition(topic, partition, 0)])
    found = 0
    try:
        while (message := reader.poll(5)) is not None and message.error() is None:
            found += 1
    finally:
        reader.close()
    return found
