"""Fills of our account in symbols that nobody configured: kept, so that the position is right when one is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from market_maker.actors.journal import Journal, Pending
from market_maker.core.commands import RecordFill
from market_maker.core.events import Execution, OrderEvent, Source
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.telemetry.tracing import trace_id_of


class StrayFills:
    """Writes them as they are. No epoch guards them: an execution is a fact, whoever writes it down."""

    def __init__(self, journal: Journal, done: Callable[[Source], None]) -> None:
        """`done` acknowledges an event that leaves nothing to write."""
        self._journal = journal
        self._done = done

    def keep(self, symbol: str, event: Execution | OrderEvent) -> None:
        """Keep a fill; what became of an order is asked of the exchange when somebody wants to know."""
        if isinstance(event, OrderEvent):
            if event.source is not None:
                self._done(event.source)
            return
        fill = RecordFill.of(event, after=None)
        entry = JournalEntry(symbol, (fill,), datetime.now(UTC), trace_id_of(event.trace) or "")
        self._journal.append(Pending(symbol, time.monotonic_ns(), entry, event.source))
