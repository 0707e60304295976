"""What a worker makes of an engine's commands."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG
from tests.support.playbook import Playbook, quoting

from market_maker.actors.journal import Journal
from market_maker.actors.mailbox import Later, Mailbox
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.core.commands import CancelAll, CancelOrder, Command, PlaceOrder, Request
from market_maker.core.events import BookSnapshot, Event, Execution, Fault, PublicTrade, Source, Tick
from market_maker.core.side import Side
from market_maker.core.states import KillReason
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Observer:
    """Looks on."""

    def stepped(self, worker: Worker, event: Event, commands: Sequence[Command], took_ns: int) -> None:
        """Nothing to see."""


class Store:
    """Keeps what became durable."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        self.entries += entries
        return WriteResult(len(entries), 0)


async def test_the_events_that_a_message_causes_belong_to_its_trace() -> None:
    """The outbox keeps a trace id, not a whole `traceparent`: that is what the envelope carries."""
    play, store = quoting(), Store()
    journal = Journal(
        store, time.monotonic_ns, lambda _: None, lambda: None, lambda *_: None, lambda *_: None
    )
    worker = Worker(
        play.engine, Mailbox(), lambda *_: None, Tenure(None, 7), journal, Observer(), time.monotonic_ns
    )
    breach = Execution(
        play.now_ns,
        "t1",
        Side.BUY,
        Decimal(1000),
        Decimal(11),
        Decimal(0),
        "x1",
        None,
        is_maker=True,
        sequence=1,
        executed_at_us=1,
        source=Source(0, 1),
        trace=f"00-{TRACE_ID}-00f067aa0ba902b7-01",
    )
    worker.step(breach)
    writing = asyncio.ensure_future(journal.run())
    await journal.drain()
    writing.cancel()
    assert [entry.trace_id for entry in store.entries] == [TRACE_ID]
    assert len(store.entries[0].event_ids) == 2


async def test_a_kill_in_the_middle_of_a_burst_gives_the_loop_its_turn_at_once() -> None:
    """The cancel of everything leaves in the loop's next turn: no event of the burst may delay it."""
    play = quoting()
    requests: list[Request] = []
    journal = Journal(
        Store(), time.monotonic_ns, lambda _: None, lambda: None, lambda *_: None, lambda *_: None
    )
    mailbox = Mailbox()
    worker = Worker(
        play.engine,
        mailbox,
        lambda request, *_: requests.append(request),
        Tenure(None, 7),
        journal,
        Observer(),
        time.monotonic_ns,
    )
    mailbox.deliver(Fault(play.now_ns, KillReason.WORKER_FAILURE, "test"))
    for _ in range(10):
        mailbox.deliver(Tick(play.now_ns))
    waiting: list[int] = []

    def turn() -> None:
        if isinstance(requests[0], CancelAll):
            waiting.append(len(mailbox))

    running = asyncio.ensure_future(worker.run())
    asyncio.get_running_loop().call_soon(turn)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    assert waiting == [10]


async def test_what_a_requote_cancels_belongs_to_the_trace_of_what_it_places() -> None:
    """The evaluation may be due only after the message that moved the market; then a Tick does it."""
    play = quoting()
    requests: list[tuple[Request, str | None]] = []
    journal = Journal(
        Store(), time.monotonic_ns, lambda _: None, lambda: None, lambda *_: None, lambda *_: None
    )
    worker = Worker(
        play.engine,
        Mailbox(),
        lambda *asked: requests.append(asked),
        Tenure(None, 7),
        journal,
        Observer(),
        lambda: play.now_ns,
    )
    trace = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
    moved = ((9580, 500),), ((9620, 500),)
    worker.step(BookSnapshot(play.now_ns, play.now_ns, play.sequence + 1, *moved, trace))
    assert requests == []
    play.after(play.engine.symbol.interval_ns / 1e6)
    assert worker.step(Tick(play.now_ns)), "the other symbols of a burst go first now"
    asked = {type(request) for request, *_ in requests}
    assert asked == {CancelOrder, PlaceOrder}
    assert {cause for *_, cause in requests} == {trace}


class Seen:
    """Notes whose event was handled, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Event]] = []

    def stepped(self, worker: Worker, event: Event, *_: object) -> None:
        self.steps.append((worker.name, event))


class FailsOnce(Seen):
    """Hears of an answer while it looks on, and raises."""

    def stepped(self, worker: Worker, event: Event, *_: object) -> None:
        super().stepped(worker, event)
        if len(self.steps) == 1:
            worker.deliver(trade(worker, 2))
            raise RuntimeError("a defect")


class Due:
    """A timer that runs off when the test says so."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, _delay_s: float, callback: Callable[[], None]) -> "Due":
        self.calls.append(callback)
        return self

    def cancel(self) -> None:
        """Nobody calls back by itself."""


@asynccontextmanager
async def at_rest(
    *names: str, seen: Seen, later: Later | None = None
) -> AsyncIterator[list[tuple[Worker, "asyncio.Task[None]"]]]:
    """Workers whose symbols have nothing to do, each on a clock that stands still."""
    running = []
    for name in names:
        play = quoting(config=replace(CONFIG, symbol=name))
        journal = Journal(
            Store(), time.monotonic_ns, lambda _: None, lambda: None, lambda *_: None, lambda *_: None
        )

        def clock_ns(play: Playbook = play) -> int:
            return play.now_ns

        mailbox = Mailbox(later=later)
        worker = Worker(play.engine, mailbox, lambda *_: None, Tenure(None, 7), journal, seen, clock_ns)
        running.append((worker, asyncio.ensure_future(worker.run())))
    await asyncio.sleep(0)
    seen.steps.clear()
    yield running
    for _, task in running:
        task.cancel()
    await asyncio.gather(*(task for _, task in running), return_exceptions=True)


def trade(worker: Worker, number: int) -> PublicTrade:
    now_ns = worker.engine.symbol.now_ns
    return PublicTrade(now_ns, now_ns, Decimal(1000), f"t{number}")


async def test_the_step_of_a_symbol_at_rest_runs_where_its_message_is_handed_over() -> None:
    seen = Seen()
    async with at_rest("A", seen=seen) as ((worker, _),):
        event = trade(worker, 1)
        assert worker.deliver(event)
        assert seen.steps == [("A", event)]
        assert len(worker.mailbox) == 0


async def test_a_burst_serves_every_symbol_before_it_serves_one_twice() -> None:
    seen = Seen()
    async with at_rest("A", "B", seen=seen) as ((a, _), (b, _)):
        for worker, number in ((a, 1), (a, 2), (b, 3), (b, 4)):
            worker.deliver(trade(worker, number))
        await asyncio.sleep(0)
        assert [name for name, _ in seen.steps] == ["A", "B", "A", "B"]


async def test_a_message_that_comes_while_a_step_is_under_way_waits_for_its_end() -> None:
    seen = Seen()
    async with at_rest("A", seen=seen) as ((worker, _),):
        inner, outer = trade(worker, 2), Tick(worker.engine.symbol.now_ns)
        handle = worker.engine.handle

        def handle_and_hear(event: Event) -> list[Command]:
            commands = handle(event)
            if event is outer:
                worker.deliver(inner)
                assert len(worker.mailbox) == 1
            return commands

        worker.engine.handle = handle_and_hear  # type: ignore[method-assign]  # a client that answers at once
        worker.step(outer)
        await asyncio.sleep(0)
        assert [event for _, event in seen.steps] == [outer, inner]


async def test_a_step_that_raises_where_its_message_is_handed_over_ends_its_worker_only() -> None:
    seen = Seen()
    async with at_rest("A", "B", seen=seen) as ((a, task), (b, _)):
        a.engine.symbol.trades = None  # type: ignore[assignment]  # a defect
        assert a.deliver(trade(a, 1))
        assert a.crashed
        assert b.deliver(trade(b, 2))
        assert [name for name, _ in seen.steps] == ["B"]
        with pytest.raises(AttributeError):
            await task


async def test_the_step_that_time_makes_due_runs_in_the_timers_call() -> None:
    seen, due = Seen(), Due()
    async with at_rest("A", "B", seen=seen, later=due) as ((a, task), (b, _)):
        due.calls[0]()
        assert seen.steps == [], "its time has not come yet"
        for worker in (a, b):
            worker.engine.symbol.due_ns = 0
        due.calls[-1]()
        assert [(name, type(event)) for name, event in seen.steps] == [("A", Tick)]
        assert len(due.calls) == 4, "the next wait begins in the same call"
        a.engine.symbol.due_ns = 0
        a.engine.handle = None  # type: ignore[assignment,method-assign]  # a defect
        due.calls[-1]()
        due.calls[1]()
        assert a.crashed
        assert [name for name, _ in seen.steps] == ["A", "B"]
        with pytest.raises(TypeError):
            await task


@pytest.mark.parametrize("by_time", [False, True], ids=["message", "timer"])
async def test_a_step_that_raises_after_an_answer_has_woken_its_reader_ends_its_worker(by_time: bool) -> None:
    seen, due = FailsOnce(), Due()
    async with at_rest("A", seen=seen, later=due) as ((worker, task),):
        if by_time:
            worker.engine.symbol.due_ns = 0
            due.calls[0]()
        else:
            worker.deliver(trade(worker, 1))
        with pytest.raises(RuntimeError, match="a defect"):
            await asyncio.wait_for(task, 5.0)
        assert len(seen.steps) == 1, "nothing is handled after that"
