"""The audit trail of mutating calls: nothing that an operator did is lost, and no kill waits for it.

An entry that the database does not take at once is kept and tried again until it is written. What is
still unwritten when the process stops goes to the log, whole.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import uuid_utils.compat

from market_maker.api.ports import Desk
from market_maker.api.security import Principal
from market_maker.repositories.audit import AuditEntry, Json
from market_maker.repositories.errors import DatabaseError

ATTEMPT_TIMEOUT_S = 2.0
RETRY_AFTER_S = 1.0
PENDING_MAX = 10_000
_log = logging.getLogger(__name__)


def entry(
    principal: Principal,
    route: str,
    symbol: str | None,
    *,
    before: Mapping[str, Json] | None,
    after: Mapping[str, Json] | None,
    why: str,
) -> AuditEntry:
    """An entry that happened now."""
    return AuditEntry(
        entry_id=uuid_utils.compat.uuid7(),
        at=datetime.now(UTC),
        actor=principal.actor,
        roles=tuple(sorted(role.value for role in principal.roles)),
        route=route,
        symbol=symbol,
        before=before,
        after=after,
        why=why,
    )


class AuditTrail:
    """Writes entries through the Desk, in order; start it before use and close it at the end."""

    def __init__(self, desk: Desk, retry_after_s: float = RETRY_AFTER_S) -> None:
        self._desk = desk
        self._retry_after_s = retry_after_s
        self._pending: deque[AuditEntry] = deque()
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Entries that are not yet in the database."""
        return len(self._pending)

    def start(self) -> None:
        """Begin to write entries that wait."""
        self._writer = asyncio.create_task(self._write_pending(), name="audit-trail")

    async def close(self) -> None:
        """Try once more, then log what remains."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        if self._pending and not await self._write(tuple(self._pending)):
            for lost in self._pending:
                _log.error("audit entry not written: %s", lost)

    async def record(self, entries: Sequence[AuditEntry]) -> Literal["recorded", "pending"]:
        """Write now; keep for later when the database does not answer in time."""
        if not self._pending and await self._write(entries):
            return "recorded"
        return self.record_later(entries)

    def record_later(self, entries: Sequence[AuditEntry]) -> Literal["pending"]:
        """Keep for the writer and return at once."""
        for one in entries:
            _log.info("audit: %s %s %s (%s)", one.actor, one.route, one.symbol or "", one.why)
        self._pending.extend(entries)
        while len(self._pending) > PENDING_MAX:
            _log.error("audit entry not written, too many wait: %s", self._pending.popleft())
        self._wake.set()
        return "pending"

    async def _write(self, entries: Sequence[AuditEntry]) -> bool:
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                await self._desk.audit(entries)
        except (DatabaseError, TimeoutError) as error:
            _log.warning("audit waits for the database: %s", error or "no answer in time")
            return False
        return True

    async def _write_pending(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                batch = tuple(self._pending)[:100]
                if not await self._write(batch):
                    await asyncio.sleep(self._retry_after_s)
                    continue
                for _ in batch:
                    self._pending.popleft()
