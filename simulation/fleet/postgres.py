"""An instance's way to PostgreSQL, on which anything may get lost, and the records that it writes there."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core.events import Source
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.fleet.rows import FleetRows, StateRow
from simulation.lifetime import Lifetime

WAYS_NS: Final = (MS, 2 * MS, 10 * MS, 60 * MS)
"""There, and back."""
ANSWER_NS_MAX: Final = 300 * MS
AGAIN_NS: Final = 300 * MS


class FleetPostgres:
    """One instance's connections."""

    def __init__(self, lifetime: Lifetime, clock: Clock, rng: Random) -> None:
        self._lifetime, self._clock, self._rng = lifetime, clock, rng
        self.away_until_ns = 0

    def ask(
        self, statement: Callable[[], None], answered: Callable[[], None], failed: Callable[[], None]
    ) -> None:
        """One transaction: it arrives, is committed and answered, or gets lost on either way."""
        there_ns, back_ns = self._rng.choice(WAYS_NS), self._rng.choice(WAYS_NS)

        def arrived() -> None:
            if self._clock.now_ns < self.away_until_ns:
                self._lifetime.after(ANSWER_NS_MAX, failed)
                return
            statement()
            is_lost = self._clock.now_ns + back_ns < self.away_until_ns
            self._lifetime.after(back_ns, failed if is_lost else answered)

        self._clock.after(there_ns, arrived)  # also when the instance dies or stands still meanwhile


@dataclass(frozen=True, slots=True)
class _PendingStep:
    """The records of one step on their way, and the engine event that made them."""

    symbol: str
    epoch: int
    row: StateRow | None
    records: tuple[cmd.Record, ...]
    source: Source | None


class FleetJournal:
    """Writes the records of an instance in their order, one transaction at a time, until they are durable."""

    def __init__(
        self,
        lifetime: Lifetime,
        postgres: FleetPostgres,
        rows: FleetRows,
        coverage: Coverage,
        fenced: Callable[[str, int], None],
        done: Callable[[Source], None],
        hold: Callable[[Source], None],
    ) -> None:
        """`fenced` is told of each step that came under an epoch that is over.

        Each engine event is `done` once its records are durable, or on `hold` because they are not to be.
        """
        self._done, self._hold = done, hold
        self._lifetime, self._postgres, self._rows = lifetime, postgres, rows
        self._coverage, self._fenced = coverage, fenced
        self._pending: list[_PendingStep] = []
        self._is_writing = False

    @property
    def is_busy(self) -> bool:
        """Whether anything is not durable yet."""
        return bool(self._pending)

    def holds(self, symbol: str) -> bool:
        """Whether anything of the symbol is not durable yet."""
        return any(pending.symbol == symbol for pending in self._pending)

    def when_durable(self, symbol: str, then: Callable[[], None]) -> None:
        """Go on once nothing of the symbol waits."""
        if self.holds(symbol):
            self._lifetime.after(2 * MS, self.when_durable, symbol, then)
        else:
            then()

    def checkpoint(self, symbol: str, epoch: int, then: Callable[[], None]) -> None:
        """Write down how far the symbol's fills are folded, and go on whether or not that succeeds."""
        self._postgres.ask(lambda: self._rows.checkpoint(symbol, epoch), then, then)

    def append(
        self,
        symbol: str,
        epoch: int,
        row: StateRow | None,
        records: tuple[cmd.Record, ...] = (),
        source: Source | None = None,
    ) -> None:
        """Write this too."""
        self._pending.append(_PendingStep(symbol, epoch, row, records, source))
        self._write()

    def _write(self) -> None:
        if self._is_writing or not self._pending:
            return
        self._is_writing = True
        batch = tuple(self._pending)
        stale: list[_PendingStep] = []

        def statement() -> None:
            stale.clear()
            stale.extend(p for p in batch if not self._rows.write(p.symbol, p.epoch, p.row, p.records))

        def answered() -> None:
            self._is_writing = False
            del self._pending[: len(batch)]
            for pending in batch:
                if pending.source is not None:
                    (self._hold if pending in stale else self._done)(pending.source)
            for pending in stale:
                self._coverage.hit("fleet:stale_record")
                self._fenced(pending.symbol, pending.epoch)
            self._write()

        def failed() -> None:
            self._is_writing = False
            self._lifetime.after(AGAIN_NS, self._write)

        self._postgres.ask(statement, answered, failed)
