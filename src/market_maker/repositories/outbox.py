"""`outbox`: events, committed together with what caused them; the relay sends them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import outbox as sql
from market_maker.repositories.paging import ALWAYS, ID_MAX, Period, page_limit
from market_maker.repositories.rows import record_of


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One event, sent or waiting."""

    id: int
    """Rises with commit order within a symbol, and only there."""
    event_id: UUID
    topic: str
    symbol: str
    """The message key."""
    payload: dict[str, Any]
    """The `data` record of the topic's Avro schema."""
    trace_id: str
    created_at: datetime
    sent_at: datetime | None
    """When the broker acknowledged it, None while it waits."""


class OutboxRepository:
    """Events of all symbols. Sent ones stay: they are the history that the API shows."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def unsent_symbols(self) -> Sequence[str]:
        """The symbols that have waiting events."""
        return await sql.list_unsent_symbols(self._db)

    async def unsent(self, symbols: Sequence[str], limit: int) -> Sequence[OutboxEvent]:
        """Waiting events of these symbols, in order within each symbol; the symbols take turns.

        The first waiting event of a symbol always comes before its second, so that a relay that stops
        at a symbol's first failure keeps the order.
        """
        rows = await sql.list_unsent_events(self._db, symbols=symbols, row_limit=page_limit(limit))
        return [record_of(OutboxEvent, row, payload=json.loads(row.payload)) for row in rows]

    async def mark_sent(self, ids: Sequence[int], at: datetime) -> int:
        """Note the broker's acknowledgement; how many of them had still been waiting."""
        return await sql.mark_events_sent(self._db, ids=ids, sent_at=at)

    async def pending_count(self) -> int:
        """How many events wait for the broker."""
        return await sql.count_unsent_events(self._db) or 0

    async def pending_count_of(self, symbols: Sequence[str]) -> int:
        """How many events of these symbols wait for the broker."""
        return await sql.count_unsent_events_of(self._db, symbols=symbols) or 0

    async def list(
        self, symbol: str, before_id: int | None = None, limit: int = 100, period: Period = ALWAYS
    ) -> Sequence[OutboxEvent]:
        """Events of the symbol that happened in the period, with an id under `before_id`, newest first."""
        rows = await sql.list_events(
            self._db,
            symbol=symbol,
            before_id=ID_MAX if before_id is None else before_id,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [record_of(OutboxEvent, row, payload=json.loads(row.payload)) for row in rows]

    async def of_topic(
        self,
        topic: str,
        symbol: str | None,
        before_id: int | None = None,
        limit: int = 100,
        period: Period = ALWAYS,
    ) -> Sequence[OutboxEvent]:
        """A topic's events, of one symbol or of all, with an id under `before_id`, newest first."""
        rows = await sql.list_events_of_topic(
            self._db,
            topic=topic,
            symbol=symbol,
            before_id=ID_MAX if before_id is None else before_id,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [record_of(OutboxEvent, row, payload=json.loads(row.payload)) for row in rows]
