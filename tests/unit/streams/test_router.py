from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from tests.support.kafka import instrument, until

from market_maker.actors.mailbox import Mailbox as ServiceMailbox
from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    Control,
    EngineEventUnreadable,
    Event,
    Execution,
    Fault,
    InstrumentUpdated,
    Source,
)
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason
from market_maker.streams.batch import Batch, Position, Undecodable
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.partitioner import partition_of
from market_maker.streams.router import Destinations, KafkaRouter
from market_maker.streams.topics import ENGINE_EVENT, INSTRUMENT_HALT, ORDER_BOOK_DELTA

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
PARTITIONS = 2


@dataclass
class Mailbox:
    """Takes market data always, other events while there is room."""

    room: int = 1000
    events: list[Event] = field(default_factory=list)

    def deliver(self, event: Event) -> bool:
        if not isinstance(event, BookDelta | BookInvalid):
            if self.room <= 0:
                return False
            self.room -= 1
        self.events.append(event)
        return True


@dataclass
class Letters:
    """Keeps the dead letters."""

    kept: list[Undecodable] = field(default_factory=list)

    def send(self, message: Undecodable) -> None:
        self.kept.append(message)


class Desk:
    """A router between four mailboxes."""

    def __init__(self, waiting_max: int = 1000, partitions: int | None = PARTITIONS) -> None:
        self.boxes = {symbol: Mailbox() for symbol in SYMBOLS}
        self.offsets = OffsetTracker()
        self.offsets.assign([(ENGINE_EVENT, number) for number in range(PARTITIONS)], 1)
        self.letters = Letters()
        self.expected: set[str] = set()
        self.strays: list[tuple[str, Event]] = []
        self.router = KafkaRouter(
            Destinations(
                self.boxes,
                self.letters,
                lambda symbol, event: self.strays.append((symbol, event)),
                self.expected,
            ),
            self.offsets,
            lambda _: partitions,
            waiting_max=waiting_max,
        )

    def committable(self, partition: int) -> int | None:
        return self.offsets.committable().get((ENGINE_EVENT, partition))


def fill(number: int, partition: int = 0) -> Execution:
    one = Decimal(1)
    source = Source(partition, number, 1)
    return Execution(
        0,
        f"t{number}",
        Side.BUY,
        one,
        one,
        one,
        "o",
        None,
        is_maker=True,
        sequence=number,
        executed_at_us=0,
        source=source,
    )


def book_delta(sequence: int) -> BookDelta:
    return BookDelta(0, 0, sequence - 1, sequence, (), ())


def poison(
    topic: str, key: bytes | None, partition: int = 0, offset: int = 3, symbol: str | None = None
) -> Undecodable:
    return Undecodable(topic, partition, offset, 1, key, b"?", (), symbol, "what is wrong", 77)


def of_partition(number: int) -> list[str]:
    return [symbol for symbol in SYMBOLS if partition_of(symbol, PARTITIONS) == number]


def test_every_event_goes_to_its_symbol_in_order() -> None:
    desk = Desk()
    events: list[Event] = [book_delta(1), fill(1), book_delta(2)]
    desk.router.dispatch(Batch(items=[*(("BTCUSDT", event) for event in events), ("ETHUSDT", fill(9))]))
    assert desk.boxes["BTCUSDT"].events == events
    assert desk.boxes["ETHUSDT"].events == [fill(9)]


def test_positions_are_known_once_their_messages_were_dispatched() -> None:
    desk = Desk()
    key = (ORDER_BOOK_DELTA, 0)
    assert desk.router.position(key) is None
    desk.router.dispatch(Batch(positions={key: Position(4, 1, None, 0)}))
    assert desk.router.position(key) == Position(4, 1, None, 0)


async def test_events_that_find_no_room_wait_in_order_and_none_is_lost() -> None:
    desk = Desk()
    box = desk.boxes["BTCUSDT"]
    box.room = 1
    events: list[Event] = [fill(n) for n in range(20)]
    desk.router.dispatch(Batch(items=[("BTCUSDT", event) for event in events]))
    assert (box.events, desk.router.waiting) == (events[:1], 19)
    box.room = 5
    await until(lambda: desk.router.waiting == 14)
    desk.router.dispatch(Batch(items=[("BTCUSDT", fill(20))]))  # not past those that wait
    box.room = 100
    await until(lambda: desk.router.waiting == 0)
    assert box.events == [*events, fill(20)]


async def test_a_full_mailbox_never_ends_the_intake_whatever_is_to_be_delivered() -> None:
    """The service's own mailbox, with a worker that has stopped reading."""
    desk = Desk()
    box = ServiceMailbox()
    desk.router._sinks = {"BTCUSDT": box}
    while box.deliver(Control(0, 1, Cause.KILL, "desk", "")):
        pass
    grid = InstrumentUpdated(0, instrument(), "created")
    halt = Fault(0, KillReason.MARKET_HALT, "halted")
    desk.router.dispatch(Batch(items=[("BTCUSDT", event) for event in (grid, halt, book_delta(1), fill(1))]))
    assert desk.router.waiting == 3
    waiting = {type(event) for event in iter(box.take, None)}
    await until(lambda: desk.router.waiting == 0)
    assert waiting == {Control, BookDelta}
    assert [type(event) for event in iter(box.take, None)] == [Fault, InstrumentUpdated, Execution]


async def test_a_full_mailbox_holds_up_neither_market_data_nor_other_symbols() -> None:
    desk = Desk()
    desk.boxes["BTCUSDT"].room = 0
    desk.router.dispatch(
        Batch(items=[("BTCUSDT", fill(1)), ("BTCUSDT", book_delta(1)), ("ETHUSDT", fill(2))])
    )
    assert desk.boxes["BTCUSDT"].events == [book_delta(1)]
    assert desk.boxes["ETHUSDT"].events == [fill(2)]
    desk.boxes["BTCUSDT"].room = 1
    await until(lambda: desk.router.waiting == 0)


async def test_too_many_waiting_events_hold_the_consumer_back_until_there_is_room() -> None:
    desk = Desk(waiting_max=3)
    desk.boxes["BTCUSDT"].room = 0
    held = []
    for number in range(3):
        desk.router.dispatch(Batch(items=[("BTCUSDT", fill(number))]))
        held.append(desk.router.is_held)
    assert held == [False, False, True]
    desk.boxes["BTCUSDT"].room = 1
    await until(lambda: not desk.router.is_held)
    desk.boxes["BTCUSDT"].room = 9
    await until(lambda: desk.router.waiting == 0)


def test_a_fill_of_ours_in_a_symbol_that_we_do_not_have_is_committed_once_it_was_kept() -> None:
    desk = Desk()
    event = fill(3)
    assert event.source is not None
    desk.offsets.consumed({(ENGINE_EVENT, 0): Position(9, 1, None, 0)}, [event.source])
    desk.router.dispatch(Batch(items=[("GONEUSDT", event)]))
    assert desk.router.counters.strays == {"GONEUSDT": 1}
    assert desk.strays == [("GONEUSDT", event)]
    assert desk.committable(0) == 3
    desk.offsets.done(event.source)
    assert desk.committable(0) == 9


def test_a_fill_that_was_read_before_the_partition_went_is_left_to_its_new_owner() -> None:
    desk = Desk()
    desk.offsets.drop([(ENGINE_EVENT, 0)])
    desk.router.dispatch(Batch(items=[("GONEUSDT", fill(3))]))
    assert desk.strays == []


async def test_what_must_be_kept_for_a_symbol_that_is_being_taken_waits_for_it_in_order() -> None:
    desk = Desk()
    desk.expected.add("NEWUSDT")
    events = [fill(1), fill(2)]
    desk.router.dispatch(Batch(items=[("NEWUSDT", event) for event in (events[0], book_delta(1), events[1])]))
    assert desk.router.waiting == 2
    desk.boxes["NEWUSDT"] = Mailbox()
    desk.expected.clear()
    await until(lambda: desk.router.waiting == 0)
    assert desk.boxes["NEWUSDT"].events == events


async def test_what_must_be_kept_does_not_reach_the_actor_of_earlier_while_its_symbol_is_being_taken() -> (
    None
):
    desk = Desk()
    earlier = desk.boxes["NEWUSDT"] = Mailbox()
    desk.expected.add("NEWUSDT")
    desk.router.dispatch(Batch(items=[("NEWUSDT", book_delta(1)), ("NEWUSDT", fill(1))]))
    assert (earlier.events, desk.router.waiting) == ([book_delta(1)], 1)
    desk.boxes["NEWUSDT"] = Mailbox()
    desk.expected.clear()
    await until(lambda: desk.router.waiting == 0)
    assert (earlier.events, desk.boxes["NEWUSDT"].events) == ([book_delta(1)], [fill(1)])


async def test_what_waits_for_a_symbol_that_is_not_taken_after_all_is_a_stray() -> None:
    desk = Desk()
    desk.expected.add("NEWUSDT")
    desk.router.dispatch(Batch(items=[("NEWUSDT", fill(1))]))
    desk.expected.clear()
    await until(lambda: desk.router.waiting == 0)
    assert desk.strays == [("NEWUSDT", fill(1))]


async def test_an_unusable_engine_event_reaches_a_symbol_that_is_being_taken_too() -> None:
    desk = Desk()
    number = partition_of("NEWUSDT", PARTITIONS)
    desk.expected.add("NEWUSDT")
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, None, number)]))
    desk.boxes["NEWUSDT"] = Mailbox()
    desk.expected.clear()
    await until(lambda: desk.router.waiting == 0)
    [event] = desk.boxes["NEWUSDT"].events
    assert isinstance(event, EngineEventUnreadable)


def test_other_events_of_a_symbol_that_we_do_not_have_are_no_strays() -> None:
    desk = Desk()
    desk.router.dispatch(Batch(items=[("GONEUSDT", InstrumentUpdated(0, instrument("GONEUSDT")))]))
    assert desk.strays == []


def test_a_symbol_is_routed_to_from_the_moment_it_has_a_mailbox() -> None:
    desk = Desk()
    desk.boxes["NEWUSDT"] = Mailbox()
    desk.router.dispatch(Batch(items=[("NEWUSDT", fill(1))]))
    assert desk.boxes["NEWUSDT"].events == [fill(1)]


# --- messages that cannot be used -------------------------------------------------------------------


def test_unusable_market_data_invalidates_its_book_and_is_kept_as_a_dead_letter() -> None:
    desk = Desk()
    partition = partition_of("BTCUSDT", PARTITIONS)
    message = poison(ORDER_BOOK_DELTA, b"BTCUSDT", partition)
    desk.router.dispatch(Batch(items=[message]))
    assert desk.boxes["BTCUSDT"].events == [BookInvalid(77, "what is wrong")]
    assert desk.letters.kept == [message]
    assert desk.router.counters.undecodable == {ORDER_BOOK_DELTA: 1}
    assert all(not desk.boxes[symbol].events for symbol in SYMBOLS[1:])


def test_the_symbol_in_the_message_wins_over_its_key() -> None:
    desk = Desk()
    desk.router.dispatch(Batch(items=[poison(ORDER_BOOK_DELTA, b"BTCUSDT", symbol="ETHUSDT")]))
    assert desk.boxes["ETHUSDT"].events
    assert not desk.boxes["BTCUSDT"].events


def test_an_unreadable_halt_halts() -> None:
    desk = Desk()
    partition = partition_of("BTCUSDT", PARTITIONS)
    desk.router.dispatch(Batch(items=[poison(INSTRUMENT_HALT, b"BTCUSDT", partition)]))
    assert desk.boxes["BTCUSDT"].events == [
        Fault(77, KillReason.MARKET_HALT, "unreadable halt: what is wrong")
    ]


def test_an_unusable_engine_event_halts_its_symbol_and_waits_for_that_to_be_durable() -> None:
    desk = Desk()
    partition = partition_of("BTCUSDT", PARTITIONS)
    source = Source(partition, 3, 1)
    desk.offsets.consumed({(ENGINE_EVENT, partition): Position(4, 1, None, 0)}, [source])
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, b"BTCUSDT", partition)]))
    assert desk.boxes["BTCUSDT"].events == [EngineEventUnreadable(77, "what is wrong", source)]
    assert desk.committable(partition) == 3
    desk.offsets.done(source)
    assert desk.committable(partition) == 4


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe"])
@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_an_unusable_engine_event_without_a_symbol_halts_its_whole_partition(
    key: bytes | None, partition: int
) -> None:
    desk = Desk()
    source = Source(partition, 3, 1)
    desk.offsets.consumed({(ENGINE_EVENT, partition): Position(4, 1, None, 0)}, [source])
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, key, partition)]))
    concerned = of_partition(partition)
    assert concerned
    assert [symbol for symbol in SYMBOLS if desk.boxes[symbol].events] == concerned
    for _ in concerned:
        assert desk.committable(partition) == 3
        desk.offsets.done(source)
    assert desk.committable(partition) == 4


def test_a_key_that_would_have_led_elsewhere_is_not_believed() -> None:
    desk = Desk()
    elsewhere = 1 - partition_of("BTCUSDT", PARTITIONS)
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, b"BTCUSDT", elsewhere)]))
    assert [symbol for symbol in SYMBOLS if desk.boxes[symbol].events] == of_partition(elsewhere)


def test_while_the_partitions_are_unknown_an_event_without_symbol_concerns_everybody() -> None:
    desk = Desk(partitions=None)
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, None)]))
    assert all(desk.boxes[symbol].events for symbol in SYMBOLS)


def test_an_unusable_engine_event_of_a_symbol_that_we_do_not_have_holds_nothing_up() -> None:
    desk = Desk(partitions=None)
    desk.offsets.consumed({(ENGINE_EVENT, 0): Position(4, 1, None, 0)}, [Source(0, 3, 1)])
    desk.router.dispatch(Batch(items=[poison(ENGINE_EVENT, b"GONEUSDT")]))
    assert not any(desk.boxes[symbol].events for symbol in SYMBOLS)
    assert desk.letters.kept
    assert desk.committable(0) == 4
