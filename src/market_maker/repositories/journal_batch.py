"""A batch of journal entries as rows: every fill and event, the last state of everything else."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from market_maker.core.commands import (
    Measured,
    PositionRow,
    RecordFill,
    RecordMarkouts,
    RecordOrder,
    RecordPnl,
    RecordPresence,
    RecordQuotingTime,
    RecordRisk,
    RecordState,
)
from market_maker.core.obligations import PresenceSpan
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.markouts import NewMarkout
from market_maker.repositories.pnl import NewPnl
from market_maker.repositories.positions import NewPosition
from market_maker.repositories.quoting_time import NewQuotingTime
from market_maker.repositories.text import storable, to_json
from market_maker.repositories.wall_time import wall_time

STATE_TOPIC = "mm.state.changed.v1"
RISK_TOPIC = "mm.risk.triggered.v1"


@dataclass(slots=True)
class OrderChange:
    """The last record of an order in a batch, and when the batch saw it first and last."""

    symbol: str
    record: RecordOrder
    first_at: datetime
    last_at: datetime
    rested_at: datetime | None = None
    """When it was first known to rest, by the engine's own clock."""
    ended_at: datetime | None = None


@dataclass(slots=True)
class StateChange:
    """The last transition of a symbol in a batch, and how many there were."""

    record: RecordState
    at: datetime
    event_id: UUID
    transitions: int


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An outbox row."""

    event_id: UUID
    topic: str
    symbol: str
    payload: str
    trace_id: str
    created_at: datetime


NewFill = tuple[str, RecordFill, datetime, datetime | None]
"""Symbol, fill, when it was recorded, and when it was counted, by the engine's own clock."""


@dataclass(slots=True)
class JournalBatch:
    """Rows to write. Fills and events keep the order of the entries."""

    fills: list[NewFill] = field(default_factory=list)
    stray_fills: list[NewFill] = field(default_factory=list)
    """Of symbols that no engine keeps; each may be there already."""
    repeated_fills: list[NewFill] = field(default_factory=list)
    """That engines had counted before; each should be there already."""
    markouts: list[NewMarkout] = field(default_factory=list)
    pnl: list[NewPnl] = field(default_factory=list)
    quoting_time: list[NewQuotingTime] = field(default_factory=list)
    presence: dict[tuple[str, str, str, int], PresenceSpan] = field(default_factory=dict)
    """By symbol, programme, tier and beginning; the last one of each."""
    positions: dict[str, NewPosition] = field(default_factory=dict)
    orders: dict[str, OrderChange] = field(default_factory=dict)
    states: dict[str, StateChange] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)


def collect(entries: Iterable[JournalEntry]) -> JournalBatch:
    """The rows that the entries come to, in the order given."""
    batch = JournalBatch()
    for entry in entries:
        event_ids = iter(entry.event_ids)
        for record in entry.records:
            match record:
                case RecordFill(after=None):
                    uncounted = batch.stray_fills if entry.epoch is None else batch.repeated_fills
                    uncounted.append((entry.symbol, record, entry.at, None))
                case RecordFill(after=PositionRow() as position):
                    counted_at = None if entry.stepped_us is None else wall_time(entry.stepped_us)
                    batch.fills.append((entry.symbol, record, entry.at, counted_at))
                    batch.positions[entry.symbol] = (position, entry.at, record.applied)
                case RecordMarkouts() | RecordPnl() | RecordQuotingTime() | RecordPresence():
                    _add_measured(batch, entry.symbol, record)
                case RecordOrder():
                    _add_order(batch, entry, record)
                case RecordState():
                    _add_state(batch, entry, record, next(event_ids))
                case RecordRisk():
                    payload = risk_payload(entry.symbol, record)
                    batch.events.append(_event(entry, RISK_TOPIC, payload, next(event_ids)))
    return batch


def _add_measured(batch: JournalBatch, symbol: str, record: Measured) -> None:
    match record:
        case RecordMarkouts(markouts):
            batch.markouts += ((symbol, markout) for markout in markouts)
        case RecordPnl():
            batch.pnl.append((symbol, record))
        case RecordQuotingTime():
            batch.quoting_time.append((symbol, record))
        case RecordPresence(spans):
            for span in spans:
                batch.presence[symbol, span.programme, span.tier, span.from_us] = span


def _add_order(batch: JournalBatch, entry: JournalEntry, record: RecordOrder) -> None:
    key = storable(record.client_order_id)
    known = batch.orders.get(key)
    if known is None:
        known = batch.orders[key] = OrderChange(entry.symbol, record, entry.at, entry.at)
    elif record.status.is_final or not known.record.status.is_final:
        known.record = record
        known.last_at = entry.at
    if entry.stepped_us is not None:
        if record.status.rests:
            known.rested_at = known.rested_at or wall_time(entry.stepped_us)
        elif record.status.is_final:
            known.ended_at = known.ended_at or wall_time(entry.stepped_us)


def _add_state(batch: JournalBatch, entry: JournalEntry, record: RecordState, event_id: UUID) -> None:
    known = batch.states.get(entry.symbol)
    transitions = 1 if known is None else known.transitions + 1
    batch.states[entry.symbol] = StateChange(record, entry.at, event_id, transitions)
    batch.events.append(_event(entry, STATE_TOPIC, state_payload(entry.symbol, record), event_id))


def _event(entry: JournalEntry, topic: str, payload: dict[str, object], event_id: UUID) -> NewEvent:
    return NewEvent(event_id, topic, entry.symbol, to_json(payload), storable(entry.trace_id), entry.at)


def state_payload(symbol: str, record: RecordState) -> dict[str, object]:
    """The data record of `mm.state.changed.v1`."""
    return {
        "symbol": symbol,
        "from": record.from_state.value,
        "to": record.to_state.value,
        "reason": record.reason,
        "actor": record.actor,
    }


def risk_payload(symbol: str, record: RecordRisk) -> dict[str, object]:
    """The data record of `mm.risk.triggered.v1`; amounts are plain decimal text."""
    return {
        "symbol": symbol,
        "reason": record.reason.value,
        "measured": record.measured,
        "threshold": record.threshold,
        "position": f"{record.position:f}",
        "pnl": f"{record.pnl:f}",
        "open_orders": record.open_orders,
        "action": record.action,
    }
