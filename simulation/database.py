"""The way to the store: an ordered queue with group commit, like the service's journal, and its trouble."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from market_maker.core.events import Source
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.decisions import Kind
from simulation.store import Entry, Store

WRITE_NS = 2 * MS
RETRY_NS = 50 * MS


@dataclass(slots=True)
class Trouble:
    """How the database misbehaves."""

    down_until_ns: int = 0
    slow_until_ns: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry, or only the acknowledgement of an engine event that left nothing to record."""

    entry: Entry | None
    source: Source | None
    made_ns: int


class Schedule(Protocol):
    """Runs something later, unless the process is dead by then."""

    def __call__(self, delay_ns: int, action: Callable[..., None], *arguments: object) -> None:
        """See the class."""


class Journal:
    """Of one process; it dies with it."""

    def __init__(
        self,
        clock: Clock,
        schedule: Schedule,
        store: Store,
        trouble: Trouble,
        coverage: Coverage,
        effect: Callable[[], None],
        written: Callable[[Sequence[Source]], None],
    ) -> None:
        """`written` is told after each transaction which engine events it made durable."""
        self._clock, self._schedule, self._store = clock, schedule, store
        self._trouble, self._coverage = trouble, coverage
        self._effect, self._written = effect, written
        self._pending: deque[Pending] = deque()
        self._batch: list[Pending] = []
        self.failed = False

    def __len__(self) -> int:
        """What is not durable yet."""
        return len(self._pending)

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is under way."""
        return bool(self._batch)

    def append(self, entry: Entry | None, source: Source | None) -> None:
        """Queue a step's records; returns at once."""
        self._pending.append(Pending(entry, source, self._clock.now_ns))
        if not self._batch:
            self._begin()

    def lag_ns(self) -> int:
        """Age of the oldest record that is not durable."""
        return self._clock.now_ns - self._pending[0].made_ns if self._pending else 0

    def settle_after_death(self, *, committed: bool) -> None:
        """The process died; what PostgreSQL was writing is there, or not."""
        if committed:
            self._store.write(pending.entry for pending in self._batch if pending.entry is not None)

    def _begin(self) -> None:
        self._batch = list(self._pending)
        now_ns = self._clock.now_ns
        delay_ns = WRITE_NS
        if now_ns < self._trouble.slow_until_ns:
            self._coverage.hit(Kind.DB_SLOW.value)
            delay_ns += self._trouble.slow_until_ns - now_ns
        self._schedule(delay_ns, self._finish)

    def _finish(self) -> None:
        if self._clock.now_ns < self._trouble.down_until_ns:
            self._coverage.hit(Kind.DB_DOWN.value)
            self.failed = True
            self._schedule(RETRY_NS, self._finish)
            return
        self._effect()
        batch, self._batch = self._batch, []
        self._store.write(pending.entry for pending in batch if pending.entry is not None)
        self.failed = False
        for _ in batch:
            self._pending.popleft()
        self._effect()
        self._written([pending.source for pending in batch if pending.source is not None])
        if self._pending:
            self._begin()
