"""What one step of a symbol's engine wants made durable."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from market_maker.core.commands import Record, RecordRisk, RecordState


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """The records of one step, in their order; they become durable together.

    `event_ids` are made with the entry, one for each record that becomes an event: writing the entry
    again repeats them.
    """

    symbol: str
    records: tuple[Record, ...]
    at: datetime
    """UTC wall time of the step."""
    trace_id: str = ""
    """32 hex digits: the trace of the message that caused the step; empty without one."""
    epoch: int | None = None
    """Under which the symbol was owned; nothing is written once another has counted it up. None: written
    whoever owns the symbol."""
    stepped_us: int | None = None
    """When the step was taken, microseconds since 1970 UTC by the engine's own clock: that of presence."""
    event_ids: tuple[UUID, ...] = field(init=False)

    def __post_init__(self) -> None:
        events = sum(isinstance(record, RecordState | RecordRisk) for record in self.records)
        object.__setattr__(self, "event_ids", tuple(uuid7() for _ in range(events)))
