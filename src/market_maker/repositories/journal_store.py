"""Writes the journal: entries of many symbols in one transaction, so that one commit pays for all."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from market_maker.repositories.errors import database_errors
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import fills as fill_sql
from market_maker.repositories.generated import orders as order_sql
from market_maker.repositories.generated import outbox as outbox_sql
from market_maker.repositories.generated import states as state_sql
from market_maker.repositories.journal_batch import JournalBatch, NewFill, collect
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.markouts import insert_markouts
from market_maker.repositories.owners import lock_current
from market_maker.repositories.pnl import insert_pnl
from market_maker.repositories.positions import upsert_positions
from market_maker.repositories.presence import upsert_presence
from market_maker.repositories.quoting_time import insert_quoting_time
from market_maker.repositories.text import storable
from market_maker.repositories.wall_time import wall_time

ACQUIRE_S_MAX = 5.0
"""How long to wait for a connection of the pool. Give the journal a pool of its own: readers that hold
every connection of a shared one would stop it."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a batch changed.

    Fills that were there already are no error when a batch is written again; at a first try they mean
    that an engine counted a fill twice.
    """

    fills: int
    fills_already_there: int
    stale: frozenset[tuple[str, int]] = frozenset()
    """Symbols, with the epoch under which their entries were made, that somebody else owns by now: of these
    entries nothing was written."""
    fills_missed: int = 0
    """Fills that engines believed to have counted, and that were not there: now they are."""


class JournalStore:
    """The one writer of fills, markouts, results, positions, orders, states and events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def write(self, entries: Sequence[JournalEntry]) -> WriteResult:
        """Make all entries durable, or none. Entries of one symbol must come in order.

        When the outcome of a write is unclear, write the same entries again: what is there already is
        left as it is. Raises DatabaseUnavailableError (try again) or RecordRefusedError (trying again
        cannot help).
        """
        with database_errors():
            # Always an explicit transaction: its COMMIT leaves only after every statement was answered,
            # so a statement that is stuck on a dead connection can never commit behind a later batch.
            async with self._pool.acquire(timeout=ACQUIRE_S_MAX) as connection, connection.transaction():
                return await write_entries(connection, entries)


async def write_entries(db: Executor, entries: Sequence[JournalEntry]) -> WriteResult:
    """As `JournalStore.write`, within a transaction of the caller."""
    stale = await _stale(db, entries)
    batch = collect(entry for entry in entries if (entry.symbol, entry.epoch) not in stale)
    return await _write(db, batch, stale)


async def _stale(db: Executor, entries: Sequence[JournalEntry]) -> frozenset[tuple[str, int]]:
    """Which entries were made under an epoch that is over. The others' owners stay until the commit."""
    made = {(entry.symbol, entry.epoch) for entry in entries if entry.epoch is not None}
    if not made:
        return frozenset()
    newest: dict[str, int] = {}
    for symbol, epoch in made:
        newest[symbol] = max(epoch, newest.get(symbol, 0))
    current = {(symbol, newest[symbol]) for symbol in await lock_current(db, newest)}
    return frozenset(made - current)


async def _write(db: Executor, batch: JournalBatch, stale: frozenset[tuple[str, int]]) -> WriteResult:
    new_fills = await _insert_fills(db, batch.fills) if batch.fills else 0
    if batch.stray_fills:
        await _insert_fills(db, batch.stray_fills)
    missed = await _insert_fills(db, batch.repeated_fills) if batch.repeated_fills else 0
    if batch.markouts:
        await insert_markouts(db, batch.markouts)
    if batch.pnl:
        await insert_pnl(db, batch.pnl)
    if batch.quoting_time:
        await insert_quoting_time(db, batch.quoting_time)
    if batch.presence:
        await upsert_presence(db, batch.presence)
    if batch.positions:
        await upsert_positions(db, batch.positions)
    if batch.orders:
        await _upsert_orders(db, batch)
    if batch.states:
        await _upsert_states(db, batch)
    if batch.events:
        await _insert_events(db, batch)
    return WriteResult(new_fills, len(batch.fills) - new_fills, stale, missed)


async def _insert_fills(db: Executor, new: Sequence[NewFill]) -> int:
    fills = [fill for _, fill, *_ in new]
    return await fill_sql.insert_fills(
        db,
        symbols=[symbol for symbol, *_ in new],
        trade_ids=[storable(fill.trade_id) for fill in fills],
        sides=[fill.side.value for fill in fills],
        prices=[fill.price for fill in fills],
        quantities=[fill.quantity for fill in fills],
        fees=[fill.fee for fill in fills],
        order_ids=[storable(fill.order_id) for fill in fills],
        client_order_ids=[_optional(fill.client_order_id) for fill in fills],
        is_makers=[fill.is_maker for fill in fills],
        sequences=[fill.sequence for fill in fills],
        executed_ats=[wall_time(fill.executed_at_us) for fill in fills],
        recorded_ats=[at for _, _, at, _ in new],
        counted_ats=[counted_at for *_, counted_at in new],
        mids=[fill.mid for fill in fills],
        levels=[fill.level for fill in fills],
    )


async def _upsert_orders(db: Executor, batch: JournalBatch) -> None:
    keys = sorted(batch.orders)  # one order of locking, so that two writers cannot deadlock
    changes = [batch.orders[key] for key in keys]
    records = [change.record for change in changes]
    await order_sql.upsert_orders(
        db,
        client_order_ids=keys,
        order_ids=[_optional(record.order_id) for record in records],
        symbols=[change.symbol for change in changes],
        sides=[record.side.value for record in records],
        levels=[record.level for record in records],
        prices=[record.price for record in records],
        quantities=[record.quantity for record in records],
        filled_quantities=[record.filled_quantity for record in records],
        statuses=[record.status.value for record in records],
        reasons=[storable(record.reason) for record in records],
        created_ats=[change.first_at for change in changes],
        updated_ats=[change.last_at for change in changes],
        rested_ats=[change.rested_at for change in changes],
        ended_ats=[change.ended_at for change in changes],
    )


async def _upsert_states(db: Executor, batch: JournalBatch) -> None:
    changes = [(symbol, batch.states[symbol]) for symbol in sorted(batch.states)]
    records = [change.record for _, change in changes]
    await state_sql.upsert_states(
        db,
        symbols=[symbol for symbol, _ in changes],
        states=[record.to_state.value for record in records],
        reasons=[storable(record.reason) for record in records],
        actors=[storable(record.actor) for record in records],
        kill_reasons=[r.kill_reason.value if r.kill_reason else None for r in records],
        pnl_baselines=[record.pnl_baseline for record in records],
        sinces=[change.at for _, change in changes],
        versions=[change.transitions for _, change in changes],
        event_ids=[change.event_id for _, change in changes],
        rebases_pending=[record.rebase_pending for record in records],
        spread_baselines=[record.spread_baseline for record in records],
        fees_baselines=[record.fees_baseline for record in records],
    )


async def _insert_events(db: Executor, batch: JournalBatch) -> None:
    events = batch.events
    await outbox_sql.insert_events(
        db,
        event_ids=[event.event_id for event in events],
        topics=[event.topic for event in events],
        symbols=[event.symbol for event in events],
        payloads=[event.payload for event in events],
        trace_ids=[event.trace_id for event in events],
        created_ats=[event.created_at for event in events],
    )


def _optional(text: str | None) -> str | None:
    return None if text is None else storable(text)
