"""What is durable: the rows of PostgreSQL, with the rules of its statements; and the configurations."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Any, ClassVar
from uuid import UUID

from market_maker.core.applied import Applied
from market_maker.core.commands import (
    PositionRow,
    RecordFill,
    RecordMarkouts,
    RecordOrder,
    RecordRisk,
    RecordState,
)
from market_maker.core.commands import Record as RecordCommand
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.markouts import HORIZONS_MS, Watched
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.results import Markout
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State

FillKey = tuple[str, str, Side]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event of the outbox."""

    id: int
    symbol: str
    event: RecordState | RecordRisk

    topic: ClassVar = "mm.event"
    payload: ClassVar[Mapping[str, Any]] = {}
    trace_id: ClassVar = ""
    created_at: ClassVar = datetime.fromtimestamp(0, UTC)

    @property
    def event_id(self) -> UUID:
        """Stable."""
        return UUID(int=self.id)


@dataclass(frozen=True, slots=True)
class Entry:
    """The records of one step of one engine: they become durable together."""

    symbol: str
    records: tuple[RecordCommand, ...]


class Store:
    """Rows by their keys."""

    def __init__(self, configs: Iterable[SymbolConfig]) -> None:
        self.configs = {config.symbol: config for config in configs}
        self.writes = 0
        """How many transactions there were."""
        self.fills: dict[FillKey, RecordFill] = {}
        self.markouts: dict[tuple[str, str, Side, int], Markout] = {}
        self.orders: dict[str, dict[str, RecordOrder]] = {symbol: {} for symbol in self.configs}
        self.states: dict[str, RecordState] = {}
        self.positions: dict[str, PositionRow] = {}
        self.applied: dict[str, Applied | None] = {}
        self.outbox: list[OutboxRow] = []
        """In the order of writing; a row's place is its id."""
        self._outbox_of: dict[str, list[OutboxRow]] = {symbol: [] for symbol in self.configs}
        self._unsent: dict[str, dict[int, OutboxRow]] = {symbol: {} for symbol in self.configs}

    def write(self, entries: Iterable[Entry]) -> None:
        """One transaction."""
        self.writes += 1
        for entry in entries:
            for record in entry.records:
                self._write(entry.symbol, record)

    def _write(self, symbol: str, record: RecordCommand) -> None:
        match record:
            case RecordFill():
                self.fills.setdefault((symbol, record.trade_id, record.side), record)
                if record.after is not None:
                    self.positions[symbol] = record.after
                    self.applied[symbol] = record.applied
            case RecordMarkouts(markouts):
                for markout in markouts:
                    key = (symbol, markout.trade_id, markout.side, markout.horizon_ms)
                    self.markouts.setdefault(key, markout)
            case RecordOrder():
                known = self.orders[symbol].get(record.client_order_id)
                if known is None or record.status.is_final or not known.status.is_final:
                    self.orders[symbol][record.client_order_id] = record
            case RecordState():
                self.states[symbol] = record
                self._add_event(symbol, record)
            case RecordRisk():
                self._add_event(symbol, record)

    def _add_event(self, symbol: str, event: RecordState | RecordRisk) -> None:
        row = OutboxRow(len(self.outbox), symbol, event)
        self.outbox.append(row)
        self._outbox_of[symbol].append(row)
        self._unsent[symbol][row.id] = row

    def outbox_of(self, symbol: str) -> Sequence[OutboxRow]:
        """A symbol's events, sent or not, in the order of writing."""
        return self._outbox_of[symbol]

    def unsent(self, limit: int) -> list[OutboxRow]:
        """Waiting events, in order within each symbol; the symbols take turns."""
        waiting = (rows.values() for rows in self._unsent.values())
        turns = (row for turn in zip_longest(*waiting) for row in turn if row is not None)
        return list(islice(turns, limit))

    def mark_sent(self, ids: Iterable[int]) -> int:
        """Note the broker's acknowledgement; how many of them had still been waiting."""
        rows = [self.outbox[row_id] for row_id in ids]
        return sum(self._unsent[row.symbol].pop(row.id, None) is not None for row in rows)

    def fills_of(self, symbol: str) -> list[RecordFill]:
        """A symbol's fills, oldest first."""
        return [fill for (of, _, _), fill in self.fills.items() if of == symbol]

    def restore(self, instrument: Instrument, ids: IdSeed) -> tuple[Restored, tuple[Order, ...]]:
        """What an engine starts from, as the service's restorer reads it."""
        symbol = instrument.symbol
        inventory = Inventory()
        fills = self.fills_of(symbol)
        for fill in fills:
            inventory.apply(fill.side, fill.price, fill.quantity, fill.fee, fill.mid)
        row = self.states.get(symbol)
        restored = Restored(
            config=self.configs[symbol],
            instrument=instrument,
            state=State.PAUSED if row is None else row.to_state,
            state_reason="never enabled" if row is None else row.reason,
            state_actor="system" if row is None else row.actor,
            kill=_kill(row),
            pnl_baseline=Decimal(0) if row is None else row.pnl_baseline,
            inventory=inventory,
            trade_keys=tuple((fill.trade_id, fill.side.value) for fill in fills),
            ids=ids,
            rebase_pending=row is not None and row.rebase_pending,
            phase=zlib.crc32(symbol.encode()),
            applied=self.applied.get(symbol),
            spread_baseline=Decimal(0) if row is None else row.spread_baseline,
            fees_baseline=Decimal(0) if row is None else row.fees_baseline,
            due_markouts=tuple(self._unfinished(symbol, fills)),
        )
        rows = self.orders[symbol].values()
        return restored, tuple(_order(row, instrument, ids.at_ns) for row in rows if not row.status.is_final)

    def _unfinished(self, symbol: str, fills: Iterable[RecordFill]) -> Iterator[Watched]:
        """Fills that lack markouts, with the horizons that they lack."""
        for fill in fills:
            lacking = tuple(
                horizon
                for horizon in HORIZONS_MS
                if (symbol, fill.trade_id, fill.side, horizon) not in self.markouts
            )
            if lacking:
                yield Watched(
                    fill.trade_id,
                    fill.side,
                    fill.level,
                    fill.price,
                    fill.quantity,
                    fill.executed_at_us,
                    lacking,
                )


def _kill(row: RecordState | None) -> Trigger | None:
    if row is None or (row.kill_reason is None and row.to_state is not State.HALTED):
        return None
    return Trigger(row.kill_reason or KillReason.MANUAL, row.reason, "before the restart")


def _order(row: RecordOrder, instrument: Instrument, now_ns: int) -> Order:
    return Order.of_earlier_process(
        row.client_order_id,
        row.order_id,
        row.side,
        row.level,
        row.price,
        row.quantity,
        row.filled_quantity,
        instrument,
        now_ns,
    )
