"""The journal: in order, grouped, repeated until durable; one symbol's refusal holds nobody else up."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from lab.journal_records import Fills, state
from market_maker.actors.journal import Journal, Pending
from market_maker.core.commands import Record, RecordFill
from market_maker.core.events import Source
from market_maker.core.states import KillReason, State
from market_maker.repositories.errors import DatabaseUnavailableError, RecordRefusedError
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult


class FaultyStore:
    """A store whose failures a test forces; what it took is `written`."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.batches: list[int] = []
        self.batches_max = 0
        """After so many batches the next one takes a moment."""
        self.failures: list[Exception] = []
        self.refused_symbol = ""
        self.refused_fills = False
        self.records: list[Record] = []
        self.stale: set[tuple[str, int]] = set()
        self.fills_already_there = 0
        self.fills_missed = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failed = asyncio.Event()

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        await self.gate.wait()
        if self.batches and self.batches_max == len(self.batches):
            self.batches_max = 0
            self.gate.clear()
            asyncio.get_running_loop().call_later(0.02, self.gate.set)
            await self.gate.wait()
        if self.failures:
            self.failed.set()
            raise self.failures.pop(0)
        if any(entry.symbol == self.refused_symbol for entry in entries):
            raise RecordRefusedError("PostgreSQL refuses: numeric overflow")
        records = [record for entry in entries for record in entry.records]
        if self.refused_fills and any(isinstance(record, RecordFill) for record in records):
            raise RecordRefusedError("PostgreSQL refuses: numeric overflow")
        self.records += records
        self.batches.append(len(entries))
        self.written += [f"{entry.symbol} {entry.trace_id}" for entry in entries]
        made = {(entry.symbol, entry.epoch) for entry in entries if entry.epoch is not None}
        return WriteResult(0, self.fills_already_there, frozenset(made & self.stale), self.fills_missed)


class Harness:
    """A journal, its store, and what it told."""

    def __init__(self, gather_s: float = 0) -> None:
        self.store = FaultyStore()
        self.committed = asyncio.Event()
        self.durable: list[Source] = []
        self.refused: list[tuple[str, str]] = []
        self.fenced: list[tuple[str, int]] = []
        self.held: list[Source] = []
        self.now_ns = 0
        self.journal = Journal(
            self.store,
            lambda: self.now_ns,
            self.durable.append,
            self.committed.set,
            lambda symbol, reason: self.refused.append((symbol, reason)),
            lambda symbol, epoch: self.fenced.append((symbol, epoch)),
            self.held.append,
            gather_s,
        )
        self.task = asyncio.create_task(self.journal.run())

    def append(self, symbol: str, name: str, offset: int | None = None, epoch: int | None = None) -> None:
        entry = JournalEntry(symbol, (), datetime.now(UTC), name, epoch)
        source = Source(0, offset) if offset is not None else None
        self.journal.append(Pending(symbol, self.now_ns, entry, source))

    async def drained(self) -> None:
        async with asyncio.timeout(5):
            await self.journal.drain()
        self.task.cancel()


async def test_records_become_durable_in_order_and_their_sources_only_afterwards() -> None:
    harness = Harness()
    harness.store.gate.clear()
    harness.append("A", "1", offset=7)
    harness.append("B", "2")
    harness.append("A", "3", offset=8)
    await asyncio.sleep(0)
    assert harness.durable == []
    harness.store.gate.set()
    await harness.drained()
    assert harness.store.written == ["A 1", "B 2", "A 3"]
    assert harness.durable == [Source(0, 7), Source(0, 8)]


async def test_what_gathers_during_a_write_is_written_together() -> None:
    harness = Harness()
    harness.store.gate.clear()
    harness.append("A", "1")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for number in range(2, 100):
        harness.append("A", str(number))
    harness.store.gate.set()
    await harness.drained()
    assert harness.store.batches == [1, 98]


async def test_the_records_of_one_burst_share_a_transaction() -> None:
    harness = Harness(gather_s=0.05)
    harness.append("A", "1")
    for number in range(2, 10):
        await asyncio.sleep(0)
        harness.append("B", str(number))
    async with asyncio.timeout(5):
        await harness.committed.wait()
    harness.task.cancel()
    assert harness.store.batches == [9]


async def test_who_waits_for_the_journal_does_not_wait_for_a_burst_to_come_together() -> None:
    harness = Harness(gather_s=60)
    harness.append("A", "1")
    await asyncio.sleep(0)
    await harness.drained()
    assert harness.store.written == ["A 1"]


async def test_acknowledgements_alone_cost_no_transaction() -> None:
    harness = Harness()
    harness.journal.append(Pending("A", 0, None, Source(0, 7)))
    await harness.drained()
    assert (harness.durable, harness.store.batches) == ([Source(0, 7)], [])


async def test_a_database_that_is_away_loses_nothing_and_is_reported_until_it_is_back() -> None:
    harness = Harness()
    harness.store.failures = [DatabaseUnavailableError("gone"), DatabaseUnavailableError("still gone")]
    harness.append("A", "1", offset=1)
    async with asyncio.timeout(5):
        await harness.store.failed.wait()
    harness.now_ns = 9_000_000_000
    assert harness.journal.lag_ns() == 9_000_000_000
    await harness.drained()
    assert (harness.store.written, harness.journal.failure) == (["A 1"], "")
    assert harness.journal.lag_ns() == 0


async def test_records_that_the_database_refuses_stop_their_symbol_only() -> None:
    harness = Harness()
    harness.store.refused_symbol = "BAD"
    harness.append("A", "1", offset=1)
    harness.append("BAD", "2", offset=2)
    harness.append("A", "3", offset=3)
    async with asyncio.timeout(5):
        await harness.journal.drain()
    harness.append("BAD", "4", offset=4)
    harness.append("A", "5", offset=5)
    await harness.drained()
    assert harness.store.written == ["A 1", "A 3", "A 5"]
    assert harness.durable == [Source(0, 1), Source(0, 3), Source(0, 5)]
    assert harness.refused == [("BAD", "PostgreSQL refuses: numeric overflow")]


async def test_a_refused_symbol_keeps_nothing_in_memory_but_its_states_become_durable() -> None:
    harness = Harness()
    harness.store.refused_fills = True
    fills, halted = Fills(), state(State.HALTED, State.ACTIVE, KillReason.JOURNAL_FAILURE)
    refused = [JournalEntry("BAD", (fills.next(),), datetime.now(UTC), f"fill {n}") for n in range(3)]
    held = [sys.getrefcount(entry) for entry in refused]
    harness.journal.append(Pending("BAD", 0, refused[0], Source(0, 0)))
    harness.journal.append(Pending("BAD", 0, refused[1], Source(0, 1)))
    async with asyncio.timeout(5):
        await harness.journal.drain()
    harness.journal.append(Pending("BAD", 0, refused[2], Source(0, 2)))
    both = JournalEntry("BAD", (fills.next(), halted), datetime.now(UTC), "halt")
    harness.journal.append(Pending("BAD", 0, both, Source(0, 3)))
    await harness.drained()
    assert harness.store.written == ["BAD halt"]
    assert harness.store.records == [halted]
    assert harness.durable == []
    assert [sys.getrefcount(entry) for entry in refused] == held
    assert harness.held == [Source(0, offset) for offset in range(4)]
    assert harness.journal.troubled == {"BAD": "PostgreSQL refuses: numeric overflow"}


async def test_a_state_that_waits_behind_a_refused_fill_is_written_after_it() -> None:
    harness = Harness()
    harness.store.refused_fills = True
    halted = state(State.HALTED, State.ACTIVE, KillReason.LOSS_BREACH)
    harness.journal.append(
        Pending("BAD", 0, JournalEntry("BAD", (Fills().next(),), datetime.now(UTC), "fill"), Source(0, 1))
    )
    harness.journal.append(Pending("BAD", 0, JournalEntry("BAD", (halted,), datetime.now(UTC), "halt"), None))
    await harness.drained()
    assert harness.store.written == ["BAD halt"]


async def test_a_symbol_whose_very_states_are_refused_holds_nobody_up() -> None:
    harness = Harness()
    harness.store.refused_symbol = "BAD"
    for number in range(3):
        halted = state(State.HALTED, State.ACTIVE, KillReason.LOSS_BREACH)
        entry = JournalEntry("BAD", (halted,), datetime.now(UTC), str(number))
        harness.journal.append(Pending("BAD", 0, entry, Source(0, number)))
        harness.append("A", str(number))
        async with asyncio.timeout(5):
            await harness.journal.drain()
    await harness.drained()
    assert harness.store.written == ["A 0", "A 1", "A 2"]
    assert (harness.durable, harness.journal.lag_ns()) == ([], 0)


async def test_an_engine_event_that_leaves_nothing_to_record_is_acknowledged_in_its_turn() -> None:
    harness = Harness()
    harness.journal.append(Pending("A", 0, None, Source(0, 1)))
    harness.append("A", "2", offset=2)
    await harness.drained()
    assert harness.durable == [Source(0, 1), Source(0, 2)]
    assert harness.store.written == ["A 2"]


async def test_a_fill_that_was_already_there_halts_the_symbols_that_brought_fills() -> None:
    harness = Harness()
    harness.store.fills_already_there = 1
    harness.append("A", "1")
    entry = JournalEntry("B", (Fills().next(),), datetime.now(UTC), "2")
    harness.journal.append(Pending("B", 0, entry, None))
    await harness.drained()
    assert [symbol for symbol, _ in harness.refused] == ["B"]
    assert "counted twice" in harness.journal.troubled["B"]


async def test_draining_waits_for_nothing_that_is_appended_meanwhile() -> None:
    harness = Harness()
    harness.store.gate.clear()
    harness.append("A", "1")
    draining = asyncio.ensure_future(harness.journal.drain())
    for number in range(2, 5):
        await asyncio.sleep(0)
        harness.now_ns += 1
        harness.append("B", str(number))
    harness.store.batches_max = 1
    harness.store.gate.set()
    async with asyncio.timeout(5):
        await draining
    assert not harness.journal.holds("A")
    assert harness.journal.holds("B"), "the journal has more to do, but not for who waits"
    await harness.drained()


async def test_records_of_a_stale_owner_are_dropped_told_and_never_acknowledged() -> None:
    harness = Harness()
    harness.store.stale = {("A", 3)}
    harness.append("A", "1", offset=7, epoch=3)
    harness.append("B", "2", offset=8, epoch=1)
    await harness.drained()
    assert harness.fenced == [("A", 3)]
    assert harness.durable == [Source(0, 8)]
    assert harness.held == [Source(0, 7)], "somebody must read it again"
    assert harness.refused == []


async def test_a_stale_owner_among_refused_records_is_told_too() -> None:
    harness = Harness()
    harness.store.refused_symbol = "C"
    harness.store.stale = {("A", 3)}
    harness.append("A", "1", offset=7, epoch=3)
    harness.append("C", "2", offset=8, epoch=1)
    harness.append("B", "3", offset=9, epoch=1)
    await harness.drained()
    assert harness.fenced == [("A", 3)]
    assert harness.durable == [Source(0, 9)]
    assert [symbol for symbol, _ in harness.refused] == ["C"]


async def test_a_symbol_that_lacks_a_fill_which_is_stored_now_must_not_trade_before_a_restart() -> None:
    harness = Harness()
    fill = replace(Fills().next(), after=None)
    for symbol, epoch in (("A", 1), ("STRAY", None)):
        entry = JournalEntry(symbol, (fill,), datetime.now(UTC), "", epoch)
        harness.journal.append(Pending(symbol, 0, entry, None))
    harness.append("B", "1")
    harness.store.fills_missed = 1
    await harness.drained()
    assert [symbol for symbol, _ in harness.refused] == ["A"]
    assert "restart" in harness.journal.troubled["A"]
