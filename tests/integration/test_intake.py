"""Kafka in, on Apache Kafka: transactions, offsets, retention, rebalances, as its own broker does them."""

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from tests.integration.test_intake_group import count
from tests.support.apache_intake import (
    BEST,
    BTC,
    PARTITION,
    PARTITIONS,
    MakeDesk,
    lag_ns,
    make_durable,
)
from tests.support.intake import GROUP, Exchange
from tests.support.kafka import Wire, delta, snapshot, trade_event, until

from lab.kafka_topics import Topics
from market_maker.core.events import BookDelta, BookSnapshot, EngineEventUnreadable
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT

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
