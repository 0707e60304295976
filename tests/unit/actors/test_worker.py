"""What a worker makes of an engine's commands."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal

from tests.support.playbook import quoting

from market_maker.actors.journal import Journal
from market_maker.actors.mailbox import Mailbox
from market_maker.actors.worker import Worker
from market_maker.core.commands import Command
from market_maker.core.events import Event, Execution, Side, Source
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
    journal = Journal(store, time.monotonic_ns, lambda _: None, lambda: None, lambda *_: None)
    worker = Worker(play.engine, Mailbox(), lambda _: None, journal, Observer(), time.monotonic_ns)
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
