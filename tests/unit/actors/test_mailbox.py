"""The mailbox: bounded, in order, and nothing that counts is ever dropped."""

import asyncio
from decimal import Decimal

from market_maker.actors.conflation import CONFLATED_EVENTS_MAX
from market_maker.actors.mailbox import CAPACITY, CONFLATE_FROM, RESERVED, Mailbox
from market_maker.core.events import (
    BookDelta,
    BookSnapshot,
    Control,
    Event,
    Execution,
    Fault,
    LeaseMeasured,
    OrderEvent,
    OrderEventKind,
    PlaceAnswer,
    PublicTrade,
    RequestOutcome,
)
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason


def fill(number: int) -> Execution:
    return Execution(
        at_ns=number,
        trade_id=f"t{number}",
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal(1),
        fee=Decimal(0),
        order_id="x1",
        client_order_id=None,
        is_maker=True,
        sequence=number,
        executed_at_us=number,
    )


def delta(sequence: int) -> BookDelta:
    return BookDelta(sequence, sequence, sequence - 1, sequence, ((sequence, 1),), ())


def kill(number: int) -> Control:
    return Control(number, number, Cause.KILL, "desk", "test")


def drain(mailbox: Mailbox) -> list[Event]:
    taken = []
    while (event := mailbox.take()) is not None:
        taken.append(event)
    return taken


async def test_events_come_out_in_the_order_in_which_they_went_in() -> None:
    mailbox = Mailbox()
    events: list[Event] = [delta(2), fill(1), delta(3), kill(1)]
    for event in events:
        assert mailbox.deliver(event)
    assert drain(mailbox) == [kill(1), *events[:3]], "what stops quoting comes first"


async def test_a_flood_of_market_data_never_exceeds_the_capacity_and_keeps_the_newest_book() -> None:
    mailbox = Mailbox()
    for sequence in range(2, 50_002):
        assert mailbox.deliver(delta(sequence))
    assert len(mailbox) <= CAPACITY
    sequences = [event.sequence for event in drain(mailbox) if isinstance(event, BookDelta)]
    assert sequences[-1] == 50_001
    assert mailbox.coalesced > 49_000


async def test_fills_find_room_by_coalescing_the_market_data_before_them() -> None:
    mailbox = Mailbox()
    for sequence in range(2, CONFLATE_FROM + 2):
        mailbox.deliver(delta(sequence))
    fills = [fill(number) for number in range(CAPACITY - RESERVED - 10)]
    for event in fills:
        assert mailbox.deliver(event)
    assert len(mailbox) <= CAPACITY
    taken = drain(mailbox)
    assert [event for event in taken if isinstance(event, Execution)] == fills
    assert [event for event in taken if isinstance(event, BookDelta)][-1].sequence == CONFLATE_FROM + 1


async def test_fills_beyond_the_room_are_refused_not_dropped_while_control_still_fits() -> None:
    mailbox = Mailbox()
    taken = 0
    while mailbox.deliver(fill(taken)):
        taken += 1
    assert taken >= CAPACITY - RESERVED - 10
    assert not mailbox.deliver(OrderEvent(0, OrderEventKind.FILLED, "x1", None, None, 1))
    assert mailbox.deliver(kill(1))
    assert mailbox.deliver(PlaceAnswer(0, "c1", RequestOutcome.OK, "x1"))
    assert len(mailbox) <= CAPACITY
    out = drain(mailbox)
    assert sum(isinstance(event, Execution) for event in out) == taken
    assert kill(1) in out


async def test_control_messages_that_overflow_are_refused_not_lost() -> None:
    mailbox = Mailbox()
    while len(mailbox) < CAPACITY - CONFLATED_EVENTS_MAX:
        assert mailbox.deliver(kill(len(mailbox)))
    assert not mailbox.deliver(kill(CAPACITY))
    assert drain(mailbox) == [kill(number) for number in range(CAPACITY - CONFLATED_EVENTS_MAX)]


async def test_a_kill_does_not_stand_behind_market_data_but_behind_what_was_asked_before_it() -> None:
    mailbox = Mailbox()
    for sequence in range(2, 300):
        mailbox.deliver(delta(sequence))
    fault = Fault(0, KillReason.MARKET_HALT, "halted")
    mailbox.deliver(fill(1))
    mailbox.deliver(kill(1))
    mailbox.deliver(kill(2))
    mailbox.deliver(fault)
    assert [mailbox.take() for _ in range(3)] == [kill(1), kill(2), fault]
    enable = Control(0, 3, Cause.ENABLE, "desk", "")
    mailbox.deliver(enable)
    mailbox.deliver(delta(300))
    mailbox.deliver(kill(4))
    assert drain(mailbox)[-3:] == [enable, kill(4), delta(300)], "an enable that came first comes first"


async def test_news_of_the_lease_overtakes_market_data_but_no_earlier_news_of_it() -> None:
    mailbox = Mailbox()
    for sequence in range(2, 300):
        mailbox.deliver(delta(sequence))
    runs, ended = LeaseMeasured(1, is_current=True), LeaseMeasured(2, is_current=False)
    for event in (runs, ended, kill(1)):
        mailbox.deliver(event)
    assert [mailbox.take() for _ in range(3)] == [runs, ended, kill(1)]


async def test_market_data_stays_in_order_once_it_coalesces() -> None:
    mailbox = Mailbox()
    for number in range(CONFLATE_FROM):
        mailbox.deliver(fill(number))
    mailbox.deliver(BookSnapshot(1, 1, 10, ((5, 1),), ()))
    mailbox.take()
    mailbox.deliver(delta(11))
    mailbox.deliver(PublicTrade(1, 1, Decimal(1), "t"))
    kinds = [type(event) for event in drain(mailbox) if not isinstance(event, Execution)]
    assert kinds == [BookSnapshot, BookDelta, PublicTrade]


async def test_a_waiting_reader_wakes_for_an_event_and_for_the_end_of_its_patience() -> None:
    mailbox = Mailbox()
    reader = asyncio.create_task(mailbox.wait(60))
    await asyncio.sleep(0)
    mailbox.deliver(fill(1))
    await reader
    await mailbox.wait(60)
    mailbox.take()
    await mailbox.wait(0.001)
    assert mailbox.take() is None
