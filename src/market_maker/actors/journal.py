"""The way to PostgreSQL: an ordered queue of records with group commit. Nothing waits for it.

Entries are written in the order in which they were made. What follows a first one within a few milliseconds
(the records of a requote and of its answers) shares its transaction, unless somebody waits for it; whatever
gathers while one write is under way goes into the next. Acknowledgements alone need none. A failed write is
repeated until it succeeds, and the engines are told.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from market_maker.core.commands import RecordFill, RecordRisk, RecordState
from market_maker.core.events import Source
from market_maker.repositories.errors import DatabaseError, RecordRefusedError
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult

BATCH_MAX = 2_000
GATHER_S = 0.003
"""How long the records of a burst come together before they are written."""
RETRY_FIRST_S = 0.05
RETRY_MAX_S = 2.0
COUNTED_TWICE = "a fill was counted twice: restart to rebuild the position from the fills"
NOT_COUNTED = "a fill is stored that was not counted: restart to rebuild the position from the fills"
HISTORY_DIFFERS = "the position is not that of the stored fills: restart to rebuild it from them"

NOTHING_WRITTEN = WriteResult(0, 0)

FillTest = Callable[[JournalEntry, RecordFill], bool]


class Store(Protocol):
    """Where entries become durable, all of a batch or none."""

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        """Raises DatabaseError when nothing was written."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry, or only the acknowledgement of an engine event that left nothing to record."""

    symbol: str
    made_ns: int
    entry: JournalEntry | None
    source: Source | None


class Journal:
    """Group commit of all symbols' records. `run` is the one writer."""

    def __init__(
        self,
        store: Store,
        clock_ns: Callable[[], int],
        durable: Callable[[Source], None],
        committed: Callable[[], None],
        refused: Callable[[str, str], None],
        fenced: Callable[[str, int], None],
        held: Callable[[Source], None] = lambda _: None,
        gather_s: float = GATHER_S,
    ) -> None:
        """`durable` gets each engine event whose effects are stored, `committed` is called after each batch.

        `held` gets each engine event whose effects this process will not store: another must read it again.
        `refused` gets the symbol and the reason when the database refuses its records for good. `fenced`
        gets the symbol and the epoch of records that were dropped because somebody else owns the symbol.
        """
        self._store = store
        self._clock_ns = clock_ns
        self._durable = durable
        self._committed = committed
        self._refused = refused
        self._fenced = fenced
        self._held = held
        self._pending: deque[Pending] = deque()
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._gather_s = gather_s
        self._awaited = asyncio.Event()
        """Set while somebody waits for what is pending to become durable."""
        self._drains = 0
        self._refused_symbols: set[str] = set()
        """Symbols with records that the database refuses. From then on only their states are written;
        what else they did stays unacknowledged, so that its engine events are read again after a restart."""
        self.troubled: dict[str, str] = {}
        """Symbols that must not trade before a restart, and why: what is stored is not what they know."""
        self.failure = ""
        """Why the last write failed; empty when it did not."""
        self.batches = 0

    def append(self, pending: Pending) -> None:
        """Queue a record; returns at once."""
        if pending.symbol in self._refused_symbols:
            states = self._reduced(pending)
            if states is None:
                return
            pending = states
        self._pending.append(pending)
        self._wake.set()

    def lag_ns(self) -> int:
        """Age of the oldest record that is not durable; 0 when all are."""
        return self._clock_ns() - self._pending[0].made_ns if self._pending else 0

    def holds(self, symbol: str, made_until_ns: int | None = None) -> bool:
        """Whether records of the symbol, those made until then, wait to become durable."""
        return any(
            pending.symbol == symbol and (made_until_ns is None or pending.made_ns <= made_until_ns)
            for pending in self._pending
        )

    async def drain(self) -> None:
        """Return when everything appended so far is durable, whatever is appended meanwhile."""
        asked_ns = self._clock_ns()
        self._drains += 1
        self._awaited.set()
        try:
            while self._pending and self._pending[0].made_ns <= asked_ns:
                self._moved.clear()
                await self._moved.wait()
        finally:
            self._drains -= 1
            if not self._drains:
                self._awaited.clear()

    async def run(self) -> None:
        """Write until cancelled."""
        retry_s = RETRY_FIRST_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                await self._gather()
                batch = [self._pending[index] for index in range(min(len(self._pending), BATCH_MAX))]
                if await self._write(batch):
                    self._moved.set()
                    retry_s = RETRY_FIRST_S
                else:
                    await asyncio.sleep(retry_s)
                    retry_s = min(RETRY_MAX_S, 2 * retry_s)

    async def _gather(self) -> None:
        """Let a burst's records come together; over at once when somebody waits for them."""
        if self._gather_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gather_s):
                    await self._awaited.wait()

    async def _write(self, batch: list[Pending]) -> bool:
        """Make a batch from the head of the queue durable; False when it must be tried again."""
        first_try = not self.failure
        entries = [pending.entry for pending in batch if pending.entry is not None]
        try:
            # A database that failed is asked even for nothing: only its answer ends the failure.
            result = NOTHING_WRITTEN if first_try and not entries else await self._store.write(entries)
        except RecordRefusedError:
            return await self._write_symbol_by_symbol(batch)
        except DatabaseError as error:
            self.failure = str(error)
            return False
        if first_try and result.fills_already_there:
            self._trouble_all(batch, _counts_fill, COUNTED_TWICE)
        if result.fills_missed:
            self._trouble_all(batch, _repeats_fill, NOT_COUNTED)
        self._written(batch, result.stale)
        for _ in batch:
            self._pending.popleft()
        return True

    def _trouble_all(self, batch: list[Pending], is_one: FillTest, reason: str) -> None:
        """The table does not hold what an engine believes: its position is wrong.

        The table is right, it holds each fill once; whose engine is not can only be narrowed down to
        the symbols with such fills in this batch, so all of those halt.
        """
        for symbol in dict.fromkeys(pending.symbol for pending in batch if _any_fill(pending, is_one)):
            self._trouble(symbol, reason)

    async def _write_symbol_by_symbol(self, batch: list[Pending]) -> bool:
        """Find the symbol whose records the database refuses, so that the others' get through."""
        for symbol in dict.fromkeys(pending.symbol for pending in batch):
            of_symbol = [pending for pending in batch if pending.symbol == symbol]
            try:
                result = await self._store.write(
                    [pending.entry for pending in of_symbol if pending.entry is not None]
                )
            except RecordRefusedError as error:
                self._refuse(symbol, str(error))
            except DatabaseError as error:
                self.failure = str(error)
                return False
            else:
                self._written(of_symbol, result.stale)
                done = set(map(id, of_symbol))
                self._pending = deque(entry for entry in self._pending if id(entry) not in done)
        return True

    def _refuse(self, symbol: str, reason: str) -> None:
        """Keep of a symbol's waiting records its states, or nothing when those are refused too."""
        kept: deque[Pending] = deque()
        for pending in self._pending:
            reduced = pending if pending.symbol != symbol else self._reduced(pending)
            if reduced is not None and not (pending.symbol == symbol and symbol in self._refused_symbols):
                kept.append(reduced)
        self._pending = kept
        self._refused_symbols.add(symbol)
        self._trouble(symbol, reason)

    def _reduced(self, pending: Pending) -> Pending | None:
        """What is kept of a refused symbol's record: its states, which stand for themselves."""
        if pending.source is not None:
            self._held(pending.source)
        return _states_only(pending)

    def _trouble(self, symbol: str, reason: str) -> None:
        self.troubled.setdefault(symbol, reason)
        self._refused(symbol, reason)

    def _written(self, batch: list[Pending], stale: frozenset[tuple[str, int]]) -> None:
        """Acknowledge what is durable; what was dropped is read again by the symbol's new owner."""
        self.failure = ""
        self.batches += 1
        for pending in batch:
            if pending.source is not None:
                (self._held if _is_stale(pending, stale) else self._durable)(pending.source)
        for symbol, epoch in sorted(stale):
            self._fenced(symbol, epoch)
        self._committed()


def _states_only(pending: Pending) -> Pending | None:
    """The states among the records, without the acknowledgement; None when there are none."""
    if pending.entry is None:
        return None
    states = tuple(record for record in pending.entry.records if isinstance(record, RecordState | RecordRisk))
    return replace(pending, entry=replace(pending.entry, records=states), source=None) if states else None


def _is_stale(pending: Pending, stale: frozenset[tuple[str, int]]) -> bool:
    entry = pending.entry
    return entry is not None and (entry.symbol, entry.epoch) in stale


def _any_fill(pending: Pending, is_one: FillTest) -> bool:
    entry = pending.entry
    return entry is not None and any(
        isinstance(record, RecordFill) and is_one(entry, record) for record in entry.records
    )


def _counts_fill(_entry: JournalEntry, fill: RecordFill) -> bool:
    return fill.after is not None


def _repeats_fill(entry: JournalEntry, fill: RecordFill) -> bool:
    return fill.after is None and entry.epoch is not None
