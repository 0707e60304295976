"""Kafka in, on Apache Kafka: transactions, offsets, retention, rebalances, as its own broker does them."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.support.intake import GROUP, SYMBOLS, Desk, Exchange, Listener
from tests.support.kafka import Wire, delta, levels, snapshot, trade_event, until

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from market_maker.core.events import BookDelta, BookSnapshot, EngineEventUnreadable, Execution
from market_maker.streams.group_member import FencedError
from market_maker.streams.partitioner import partition_of
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT

PARTITIONS = 4
BTC = "BTCUSDT"
PARTITION = partition_of(BTC, PARTITIONS)
BEST = (levels(("100.10", "1")), levels(("100.20", "1")))

MakeDesk = Callable[..., Desk]


@pytest.fixture
def exchange(topics: Topics, wire_format: Wire) -> Iterator[Exchange]:
    made = Exchange(topics.address, wire_format)
    yield made
    made.close()


@pytest.fixture
def make_desk(exchange: Exchange, registry: SchemaRegistry) -> MakeDesk:
    return lambda listener=None, **options: Desk(exchange.broker, registry, listener, **options)


def make_durable(desk: Desk, first: int = 0, end: int | None = None) -> None:
    """The effects of these executions are in the database."""
    for event in desk.boxes[BTC].of(Execution)[first:end]:
        desk.intake.done(event.source)


def lag_ns(desk: Desk) -> int:
    """The last measured lag of BTC's engine events; -1 when it could not be measured."""
    lag = desk.reports[-1].partitions.get((ENGINE_EVENT, PARTITION)) if desk.reports else None
    return -1 if lag is None else lag


# --- transactions --------------------------------------------------------------------------------


@pytest.fixture
def trade_in_transaction(wire_format: Wire) -> Callable[[Producer, str], None]:
    def trade(producer: Producer, trade_id: str) -> None:
        producer.produce(ENGINE_EVENT, wire_format.value(ENGINE_EVENT, trade_event(trade_id)), BTC.encode())

    return trade


@pytest.fixture
def transactional(topics: Topics) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": topics.address,
            "transactional.id": "engine",
            "partitioner": "murmur2_random",
            "log_level": 0,
        }
    )
    producer.init_transactions(20)
    return producer


async def test_what_a_transaction_aborted_is_not_seen_and_is_no_lag(
    make_desk: MakeDesk,
    exchange: Exchange,
    transactional: Producer,
    trade_in_transaction: Callable[[Producer, str], None],
    topics: Topics,
) -> None:
    desk = make_desk()
    async with desk.running():
        transactional.begin_transaction()
        for number in range(3):
            trade_in_transaction(transactional, f"aborted {number}")
        await asyncio.to_thread(transactional.flush, 10)
        await asyncio.to_thread(transactional.abort_transaction, 10)
        transactional.begin_transaction()
        trade_in_transaction(transactional, "committed")
        await asyncio.to_thread(transactional.commit_transaction, 10)
        exchange.trades(BTC, 0, 1)
        await exchange.flush()
        await until(lambda: desk.has(BTC, 2))
        assert desk.boxes[BTC].trade_ids() == ["committed", "t0"]
        make_durable(desk)
        await until(lambda: lag_ns(desk) == 0)
        # Three aborted, their marker, one committed, its marker, one outside of any transaction.
        assert topics.reach(ENGINE_EVENT, PARTITION) == (0, 7)
        await exchange.until_committed(PARTITION, 7)


async def test_a_topic_that_ends_with_a_marker_is_read_to_its_end(
    make_desk: MakeDesk,
    exchange: Exchange,
    transactional: Producer,
    trade_in_transaction: Callable[[Producer, str], None],
) -> None:
    desk = make_desk()
    async with desk.running():
        transactional.begin_transaction()
        trade_in_transaction(transactional, "aborted")
        await asyncio.to_thread(transactional.flush, 10)
        await asyncio.to_thread(transactional.abort_transaction, 10)
        measured = len(desk.reports)
        await until(lambda: len(desk.reports) > measured + 2 and lag_ns(desk) == 0)
        await exchange.until_committed(PARTITION, 2)
    later = make_desk()
    async with later.running():
        assert later.boxes[BTC].events == []


async def test_a_transaction_that_stays_open_hides_what_follows_it_and_that_is_lag(
    make_desk: MakeDesk,
    exchange: Exchange,
    transactional: Producer,
    trade_in_transaction: Callable[[Producer, str], None],
) -> None:
    desk = make_desk()
    async with desk.running():
        transactional.begin_transaction()
        trade_in_transaction(transactional, "open")
        await asyncio.to_thread(transactional.flush, 10)
        exchange.trades(BTC, 0, 1)
        await exchange.flush()
        await until(lambda: lag_ns(desk) > 500_000_000)
        assert desk.boxes[BTC].events == []
        await asyncio.to_thread(transactional.commit_transaction, 10)
        await until(lambda: desk.has(BTC, 2) and lag_ns(desk) == 0)
        assert desk.boxes[BTC].trade_ids() == ["open", "t0"]


# --- offsets, retention, compaction --------------------------------------------------------------


async def test_offsets_follow_what_is_durable_and_a_restart_repeats_the_rest(
    exchange: Exchange, make_desk: MakeDesk
) -> None:
    first = make_desk()
    async with first.running():
        exchange.trades(BTC, 0, 10)
        await exchange.flush()
        await until(lambda: first.has(BTC, 10))
        make_durable(first, 4, 7)
        await exchange.say(ORDER_BOOK_DELTA, delta(1, 2))
        await until(lambda: first.has(BTC, 1, BookDelta))
        assert await exchange.committed(ENGINE_EVENT, PARTITION) == 0
        make_durable(first, 0, 4)
        await exchange.until_committed(PARTITION, 7)
        make_durable(first, 7, 8)
    assert await exchange.committed(ENGINE_EVENT, PARTITION) == 8
    second = make_desk()
    async with second.running():
        assert second.boxes[BTC].trade_ids() == ["t8", "t9"]
        assert second.boxes[BTC].of(BookDelta) == []


async def test_when_the_end_is_told_the_last_commit_is_made_and_the_group_is_left(
    exchange: Exchange, make_desk: MakeDesk
) -> None:
    desk = make_desk()
    admin = AdminClient({"bootstrap.servers": exchange.broker})

    def members() -> int:
        return len(admin.describe_consumer_groups([GROUP])[GROUP].result().members)

    async with desk.running():
        exchange.trades("BTCUSDT", 0, 3)
        await until(lambda: desk.has("BTCUSDT", 3))
        assert await asyncio.to_thread(members) == 1
        make_durable(desk)
        await desk.intake.end()
        assert await asyncio.to_thread(members) == 0
        assert await exchange.committed(ENGINE_EVENT, PARTITION) == 3


async def test_engine_events_that_retention_removed_before_they_were_read_halt_the_partitions_symbols(
    exchange: Exchange, make_desk: MakeDesk, topics: Topics
) -> None:
    first = make_desk()
    async with first.running():
        exchange.trades(BTC, 0, 2)
        await exchange.flush()
        await until(lambda: first.has(BTC, 2))
        make_durable(first)
        await exchange.until_committed(PARTITION, 2)
    exchange.trades(BTC, 2, 3)  # nobody reads these
    await exchange.flush()
    await asyncio.to_thread(topics.retain_nothing, ENGINE_EVENT, PARTITION)
    second = make_desk()
    async with second.running():
        exchange.trades(BTC, 5, 1)
        await exchange.flush()
        await until(lambda: second.boxes[BTC].trade_ids() == ["t5"])
        for symbol, box in second.boxes.items():
            halted = partition_of(symbol, PARTITIONS) == PARTITION
            unreadable = box.of(EngineEventUnreadable)
            assert bool(unreadable) == halted, symbol
            if halted:
                assert "no longer has the events after the committed offset" in unreadable[0].detail
                assert unreadable[0] is box.events[0]
        # Until all those symbols have made their halt durable, nothing of it is committed.
        assert await exchange.committed(ENGINE_EVENT, PARTITION) == 2


async def test_events_that_were_all_read_before_retention_removed_them_halt_nothing(
    exchange: Exchange, make_desk: MakeDesk, topics: Topics
) -> None:
    first = make_desk()
    async with first.running():
        exchange.trades(BTC, 0, 2)
        await exchange.flush()
        await until(lambda: first.has(BTC, 2))
        make_durable(first)
        await exchange.until_committed(PARTITION, 2)
    await asyncio.to_thread(topics.retain_nothing, ENGINE_EVENT, PARTITION)
    second = make_desk()
    async with second.running():
        exchange.trades(BTC, 2, 1)
        await exchange.flush()
        await until(lambda: second.has(BTC, 1))
        assert second.boxes[BTC].trade_ids() == ["t2"]
        assert not any(box.of(EngineEventUnreadable) for box in second.boxes.values())


async def test_holes_that_compaction_left_among_snapshots_are_neither_loss_nor_lag(
    exchange: Exchange, make_desk: MakeDesk, topics: Topics
) -> None:
    topic = ORDER_BOOK_SNAPSHOT
    topics.configure(
        topic, cleanup__policy="compact", segment__ms="100", min__cleanable__dirty__ratio="0.001"
    )
    desk = make_desk()
    async with desk.running():
        for number in range(1, 21):
            await exchange.say(topic, snapshot(number, *BEST))
        await until(lambda: desk.has(BTC, 20, BookSnapshot))
        key = (topic, partition_of(BTC, PARTITIONS))

        async def say_until_compacted() -> None:
            number = 20
            while await asyncio.to_thread(count, topics.address, *key) > 15:
                number += 1
                await exchange.say(topic, snapshot(number, *BEST))  # a new segment lets the old be cleaned
                await asyncio.sleep(0.15)

        async with asyncio.timeout(30):
            await say_until_compacted()
        await until(lambda: desk.reports[-1].partitions[key] == 0)
        assert desk.boxes[BTC].events == desk.boxes[BTC].of(BookSnapshot)
        seen = [event.sequence for event in desk.boxes[BTC].of(BookSnapshot)]
        assert seen == list(range(1, len(seen) + 1))


# --- the group -----------------------------------------------------------------------------------


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
