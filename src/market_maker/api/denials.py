"""Denied attempts, summed: the first of its kind is told at once, the others once a minute as a number.

Each one by itself would let anybody fill the audit table and the log.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from market_maker.repositories.audit import AuditEntry

SUM_S = 60.0
KINDS_MAX = 500
"""Kinds that are told apart within a minute; all others are one."""
_log = logging.getLogger(__name__)

Entry = Callable[[str], AuditEntry]
"""Makes the row of the audit trail, given why."""


@dataclass(frozen=True, slots=True)
class AttemptKind:
    """What makes two attempts the same."""

    who: str
    """The subject of a valid token, or the address of one without."""
    route: str
    symbol: str | None
    why: str

    def __str__(self) -> str:
        """As the log tells it."""
        return f"{self.route}{f' for {self.symbol}' if self.symbol else ''} by {self.who}: {self.why}"


_OTHERS = AttemptKind("many", "any route", None, f"more than {KINDS_MAX} kinds of attempts within a minute")


@dataclass(slots=True)
class _Sum:
    entry: Entry | None
    more: int = 0


@dataclass(slots=True)
class Denials:
    """The attempts of the last minute."""

    record: Callable[[list[AuditEntry]], object]
    """Writes rows of the audit trail, later."""
    _sums: dict[AttemptKind, _Sum] = field(default_factory=dict)

    def add(self, kind: AttemptKind, entry: Entry | None) -> None:
        """One more; `entry` makes its row when its sender is known and wanted to change something."""
        if kind not in self._sums and len(self._sums) >= KINDS_MAX:
            kind, entry = _OTHERS, None
        known = self._sums.get(kind)
        if known is not None:
            known.more += 1
            return
        self._sums[kind] = _Sum(entry)
        _log.warning("denied: %s", kind)
        if entry is not None:
            self.record([entry(f"denied: {kind.why}")])

    def tell(self) -> None:
        """Tell the sums, and begin anew."""
        sums, self._sums = self._sums, {}
        rows = []
        for kind, one in sums.items():
            if one.more:
                _log.warning("denied %d more times within a minute: %s", one.more, kind)
                if one.entry is not None:
                    rows.append(one.entry(f"denied {one.more} more times within a minute: {kind.why}"))
        if rows:
            self.record(rows)

    async def run(self) -> None:
        """Tell them every minute until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(SUM_S)
                self.tell()
        finally:
            self.tell()
