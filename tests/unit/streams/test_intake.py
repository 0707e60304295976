"""Kafka in, whole: a broker, a group, the poll thread and the event loop."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from tests.support.intake import SYMBOLS, Broken, Desk, Exchange, Listener
from tests.support.kafka import (
    OURS,
    THEIRS,
    RegistryServer,
    StoppableBroker,
    Wire,
    delta,
    levels,
    partitions_of,
    snapshot,
    trade_event,
    until,
)

from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    EngineEventUnreadable,
    Execution,
    Source,
)
from market_maker.streams import consumer
from market_maker.streams.partitioner import partition_of
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT

PARTITIONS = 4
OF_TWO_MS = 3_500
"""Session of members that meet: the built-in broker lets a new one in a second before the others' sessions
could end, twice. A machine that stands still for a moment must not end one."""
BEST = (levels(("100.10", "1")), levels(("100.20", "1")))


@pytest.fixture
def exchange(stoppable_broker: StoppableBroker, wire_format: Wire) -> Iterator[Exchange]:
    made = Exchange(stoppable_broker.address, wire_format)
    for topic in CONSUMED:
        assert partitions_of(made.broker, topic) == PARTITIONS
    yield made
    made.close()


@pytest.fixture
def make_desk(exchange: Exchange, registry: SchemaRegistry) -> Callable[..., Desk]:
    return partial(Desk, exchange.broker, registry)


async def test_events_reach_their_symbols_and_bad_messages_stop_nothing(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(1, *BEST))  # before our time
    await exchange.say(ENGINE_EVENT, trade_event("history"))
    desk = make_desk()
    async with desk.running():
        box = desk.boxes["BTCUSDT"]
        assert box.trade_ids() == ["history"]
        assert box.of(BookSnapshot) == []

        await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
        await until(lambda: desk.has("BTCUSDT", 1, BookSnapshot))
        await exchange.say(ORDER_BOOK_DELTA, delta(10, 11))
        await exchange.say(ORDER_BOOK_DELTA, delta(10, 11))  # a duplicate is the book's to drop
        exchange.post(ORDER_BOOK_DELTA, b"BTCUSDT", b"poison")
        exchange.post(ORDER_BOOK_DELTA, b"BTCUSDT", b"\x00\x00\x00\x27\x0fnobody registered this")
        await exchange.say(ORDER_BOOK_DELTA, delta(11, 12, levels(("100.105", "1"))))
        await exchange.say(ORDER_BOOK_DELTA, delta(12, 13))
        await until(lambda: desk.has("BTCUSDT", 3, BookDelta))
        sequence = [event.sequence if isinstance(event, BookDelta) else "bad" for event in box.events[2:]]
        assert sequence == [11, 11, "bad", "bad", "bad", 13]
        assert all(isinstance(event, BookInvalid) for event in box.events[4:7])
        assert [letter.value for letter in desk.letters.kept[:1]] == [b"poison"]
        assert len(desk.letters.kept) == 3

        await exchange.say(ENGINE_EVENT, trade_event("both", OURS, OURS))
        await exchange.say(ENGINE_EVENT, trade_event("others", THEIRS, THEIRS))
        await until(lambda: desk.has("BTCUSDT", 3))
        assert box.trade_ids() == ["history", "both", "both"]
        assert not any(desk.boxes[symbol].events for symbol in SYMBOLS[1:])


async def test_an_unreadable_engine_event_halts_every_symbol_of_its_partition(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    desk = make_desk()
    partition = partition_of("BTCUSDT", PARTITIONS)
    concerned = {symbol for symbol in SYMBOLS if partition_of(symbol, PARTITIONS) == partition}
    assert {"BTCUSDT"} < concerned < set(SYMBOLS)
    async with desk.running():
        exchange.post(ENGINE_EVENT, None, b"poison", partition)
        await until(lambda: desk.has("BTCUSDT", 1, EngineEventUnreadable))
        assert {symbol for symbol in SYMBOLS if desk.boxes[symbol].events} == concerned
        for _ in concerned:
            assert await exchange.committed(ENGINE_EVENT, partition) == 0
            generation = desk.intake.consumer.assignment.generations[ENGINE_EVENT, partition]
            desk.offsets.done(Source(partition, 0, generation))
        await exchange.until_committed(partition, 1)


async def test_fills_wait_for_a_registry_that_is_away_and_nothing_overtakes_them(
    exchange: Exchange, make_desk: Callable[..., Desk], registry_server: RegistryServer
) -> None:
    exchange.trades("BTCUSDT", 0, 3)
    await exchange.flush()
    registry_server.down = True
    desk = make_desk()
    running = asyncio.ensure_future(desk.intake.run())
    try:
        await until(lambda: registry_server.requests > 2, timeout_s=20)  # it was asked for more than once
        exchange.trades("BTCUSDT", 3, 2)
        await exchange.flush()
        asked = registry_server.requests
        await until(lambda: registry_server.requests > asked, timeout_s=20)
        assert not any(desk.boxes[symbol].events for symbol in SYMBOLS)
        assert desk.letters.kept == []
        assert desk.reports[-1].topics[ENGINE_EVENT] != 0
        registry_server.down = False
        await until(lambda: desk.has("BTCUSDT", 5))
        assert desk.boxes["BTCUSDT"].trade_ids() == ["t0", "t1", "t2", "t3", "t4"]
        await until(desk.is_reading)
    finally:
        desk.intake.stop()
        await running


async def test_offsets_follow_what_is_durable_and_a_restart_repeats_the_rest(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    partition = partition_of("BTCUSDT", PARTITIONS)
    first = make_desk(session_timeout_ms=OF_TWO_MS)
    async with first.running():
        exchange.trades("BTCUSDT", 0, 10)
        await until(lambda: first.has("BTCUSDT", 10))
        for event in first.boxes["BTCUSDT"].events[4:7]:
            assert isinstance(event, Execution)
            assert event.source is not None
            first.offsets.done(event.source)
        await exchange.say(ORDER_BOOK_DELTA, delta(1, 2))
        await until(lambda: first.has("BTCUSDT", 1, BookDelta))
        assert await exchange.committed(ENGINE_EVENT, partition) == 0
        for event in first.boxes["BTCUSDT"].events[:4]:
            assert isinstance(event, Execution)
            assert event.source is not None
            first.offsets.done(event.source)
        await exchange.until_committed(partition, 7)
        assert first.offsets.in_flight() == 3
        first.intake.consumer.quiesce()
        for event in first.boxes["BTCUSDT"].events[7:8]:
            assert isinstance(event, Execution)
            assert event.source is not None
            first.offsets.done(event.source)  # becomes durable while shutting down
    assert await exchange.committed(ENGINE_EVENT, partition) == 8

    second = make_desk(session_timeout_ms=OF_TWO_MS)
    async with second.running():
        assert second.boxes["BTCUSDT"].trade_ids() == ["t8", "t9"]
        assert second.boxes["BTCUSDT"].of(BookDelta) == []


async def test_what_is_not_durable_is_read_again_when_somebody_asks_for_it(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    partition = partition_of("BTCUSDT", PARTITIONS)
    desk = make_desk()
    async with desk.running():
        box = desk.boxes["BTCUSDT"]
        exchange.trades("BTCUSDT", 0, 4)
        await until(lambda: desk.has("BTCUSDT", 4))
        for event in box.of(Execution)[:2]:
            desk.offsets.done(event.source)
        await exchange.until_committed(partition, 2)
        desk.offsets.hold(box.of(Execution)[2].source)
        desk.intake.consumer.read_again(partition)
        await until(lambda: desk.has("BTCUSDT", 6))
        assert box.trade_ids() == ["t0", "t1", "t2", "t3", "t2", "t3"]
        for event in box.of(Execution)[4:]:
            desk.offsets.done(event.source)
        await exchange.until_committed(partition, 4)


async def test_reading_one_partition_again_leaves_a_hole_in_nobodys_book(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    partition = partition_of("BTCUSDT", PARTITIONS)
    desk = make_desk()
    async with desk.running():
        exchange.trades("BTCUSDT", 0, 3)
        await until(lambda: desk.has("BTCUSDT", 3))
        for sequence in range(1, 301):
            exchange.post(ORDER_BOOK_DELTA, b"ETHUSDT", exchange.delta("ETHUSDT", sequence))
            if sequence == 150:
                desk.intake.consumer.read_again(partition)
                await exchange.flush()
        await until(lambda: desk.boxes["ETHUSDT"].sequences()[-1:] == [300])
        assert desk.boxes["ETHUSDT"].sequences() == list(range(1, 301))
        await until(lambda: desk.has("BTCUSDT", 6))
        read = desk.boxes["BTCUSDT"].of(Execution)
        for event in read[:-3]:
            desk.offsets.done(event.source)  # of earlier readings: says nothing about the last one
        assert await exchange.committed(ENGINE_EVENT, partition) == 0
        for event in read[-3:]:
            desk.offsets.done(event.source)
        await exchange.until_committed(partition, 3)


async def test_a_pause_does_not_outlive_a_new_assignment(
    exchange: Exchange, make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "PAUSE_AFTER_S", 0.05)
    first, second = make_desk(session_timeout_ms=OF_TWO_MS), make_desk(session_timeout_ms=OF_TWO_MS)
    box = first.boxes["BTCUSDT"]
    async with first.running():
        box.room = 10
        await asyncio.to_thread(exchange.trades, "BTCUSDT", 0, 5000)
        await exchange.flush()
        await until(lambda: first.intake.consumer._paused)
        async with second.running():
            await until(lambda: len(first.intake.consumer.assignment.partitions) < len(CONSUMED) * PARTITIONS)
        box.room = 1_000_000
        await until(lambda: "t4999" in box.trade_ids()[-1:], timeout_s=30)
        assert set(box.trade_ids()) == {f"t{number}" for number in range(5000)}


async def test_reading_waits_for_room_before_it_throws_away_what_was_fetched_ahead(
    exchange: Exchange, make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "PAUSE_AFTER_S", 1e9)
    desk = make_desk()
    box = desk.boxes["BTCUSDT"]
    async with desk.running():
        box.room = 10
        await asyncio.to_thread(exchange.trades, "BTCUSDT", 0, 5000)
        await exchange.flush()
        await until(lambda: desk.intake.router.is_held)
        await until(lambda: not desk.intake.consumer._hand_over.wait_for_room(0))
        assert not desk.intake.consumer._paused
        box.room = 5000
        await until(lambda: len(box.events) == 5000, timeout_s=30)
        assert not desk.intake.consumer._paused


async def test_engine_events_that_the_broker_dropped_before_they_were_read_halt_their_symbols(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    partition = partition_of("BTCUSDT", PARTITIONS)
    first = make_desk(session_timeout_ms=OF_TWO_MS)
    async with first.running():
        exchange.trades("BTCUSDT", 0, 2)
        await until(lambda: first.has("BTCUSDT", 2))
        for event in first.boxes["BTCUSDT"].of(Execution):
            first.offsets.done(event.source)
        await exchange.until_committed(partition, 2)
    for number in range(2, 12):  # twice what the built-in broker keeps
        exchange.post(ENGINE_EVENT, b"BTCUSDT", b"x" * 900_000)
        await exchange.say(ENGINE_EVENT, trade_event(f"t{number}"))
    second = make_desk(session_timeout_ms=OF_TWO_MS)
    async with second.running():
        await until(lambda: second.boxes["BTCUSDT"].trade_ids()[-1:] == ["t11"])
        events = second.boxes["BTCUSDT"].events
        assert isinstance(events[0], EngineEventUnreadable)
        assert "no longer has the events after the committed offset" in events[0].detail
        assert isinstance(second.boxes["DOTUSDT"].events[0], EngineEventUnreadable)
        assert second.boxes["ETHUSDT"].events == []
        assert "t2" not in second.boxes["BTCUSDT"].trade_ids()


async def test_a_full_mailbox_holds_the_consumer_back_and_nothing_is_lost(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    desk = make_desk()
    box = desk.boxes["BTCUSDT"]
    total = 8000  # the built-in broker keeps no more
    async with desk.running():
        box.room = 10
        await asyncio.to_thread(exchange.trades, "BTCUSDT", 0, total)
        await exchange.flush()
        await until(lambda: desk.intake.router.is_held)
        assignment = desk.intake.consumer.assignment
        lag = [report.topics[ENGINE_EVENT] for report in desk.reports]
        await until(
            lambda: (desk.reports[-1].topics[ENGINE_EVENT] or 0) > 0 and len(desk.reports) > len(lag) + 3
        )
        assert len(box.events) == 10
        assert desk.offsets.in_flight() < total
        box.room = total
        await until(lambda: len(box.events) == total, timeout_s=30)
        assert box.trade_ids() == [f"t{number}" for number in range(total)]
        assert desk.intake.consumer.assignment == assignment
        await until(lambda: desk.reports[-1].topics[ENGINE_EVENT] == 0)


async def test_only_the_partitions_that_move_are_given_up_and_what_became_durable_is_committed(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    listener, others = Listener(make_durable=6), Listener()
    first, second = (make_desk(one, session_timeout_ms=OF_TWO_MS) for one in (listener, others))
    listener.desk, others.desk = first, second
    async with first.running():
        kept = first.intake.consumer.assignment
        exchange.trades("BTCUSDT", 0, 10)
        exchange.trades("ETHUSDT", 0, 10)
        await until(lambda: first.has("BTCUSDT", 10) and first.has("ETHUSDT", 10))
        async with second.running():
            await until(lambda: first.is_reading() and second.is_reading())
            parts = [desk.intake.consumer.assignment.partitions for desk in (first, second)]
            assert parts[0] | parts[1] == {(topic, n) for topic in CONSUMED for n in range(PARTITIONS)}
            assert not parts[0] & parts[1]
            assert len(parts[0]) == len(parts[1])
            assert {n for topic, n in parts[0] if topic == ENGINE_EVENT} == {n for _, n in parts[0]}
            [gone] = listener.revoked
            assert [gone] == others.added_
            assert listener.added_ == [frozenset(range(PARTITIONS))]
            # What stays is neither read anew nor counted as if it were.
            left = first.intake.consumer.assignment.generations
            assert left == {key: g for key, g in kept.generations.items() if key[1] not in gone}
            for symbol in ("BTCUSDT", "ETHUSDT"):
                partition = partition_of(symbol, PARTITIONS)
                if partition not in gone:
                    assert len(first.boxes[symbol].of(Execution)) == 10
                    continue
                # The built-in broker, unlike Apache Kafka, may refuse commits while a group rebalances: the
                # whole partition is read again then. Reading goes on where the commit stands.
                committed = await exchange.committed(ENGINE_EVENT, partition)
                assert committed in (0, 6 if symbol == "BTCUSDT" else 0)
                await until(partial(second.has, symbol, 10 - committed))
                again = second.boxes[symbol].of(Execution)
                assert [event.trade_id for event in again] == [f"t{n}" for n in range(committed, 10)]
                for event in first.boxes[symbol].of(Execution):  # durable too late
                    first.offsets.done(event.source)
                assert await exchange.committed(ENGINE_EVENT, partition) == committed
                for event in again:
                    second.offsets.done(event.source)
                await exchange.until_committed(partition, 10)


async def test_while_symbols_of_a_partition_are_being_cleared_everything_is_read_on(
    exchange: Exchange, make_desk: Callable[..., Desk]
) -> None:
    listener = Listener(hold=asyncio.Event())
    first = listener.desk = make_desk(listener, session_timeout_ms=OF_TWO_MS)
    async with first.running():
        second = make_desk(Listener(), session_timeout_ms=OF_TWO_MS)
        joining = asyncio.ensure_future(second.intake.run())
        await until(lambda: listener.asked)
        exchange.trades("BTCUSDT", 0, 3)
        exchange.trades("ETHUSDT", 0, 3)
        await until(lambda: first.has("BTCUSDT", 3) and first.has("ETHUSDT", 3))
        assert not listener.revoked
        assert listener.hold is not None
        listener.hold.set()
        await until(second.is_reading, timeout_s=20)
        second.intake.stop()
        await joining


async def test_a_stop_while_the_broker_is_silent_ends_in_time(
    exchange: Exchange, make_desk: Callable[..., Desk], stoppable_broker: StoppableBroker
) -> None:
    desk = make_desk()
    async with desk.running():
        exchange.trades("BTCUSDT", 0, 3)
        await until(lambda: desk.has("BTCUSDT", 3))
        stoppable_broker.freeze()
        for event in desk.boxes["BTCUSDT"].of(Execution):
            desk.offsets.done(event.source)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 8


async def test_a_failure_of_a_mailbox_ends_the_intake_instead_of_losing_events(
    exchange: Exchange, make_desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk()

    desk.boxes["BTCUSDT"] = Broken()
    running = asyncio.ensure_future(desk.intake.run())
    await until(desk.is_reading, timeout_s=20)
    with caplog.at_level("CRITICAL", logger="asyncio"), pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the failure is found with a later message
        await exchange.say(ENGINE_EVENT, trade_event("t1"))
        async with asyncio.timeout(30):
            while not running.done():
                await exchange.say(ENGINE_EVENT, trade_event("t2"))
                await asyncio.wait([running], timeout=0.2)
            await running
    assert caught.group_contains(RuntimeError, match="could not be dispatched")
