"""What may be deleted of the tables' history, and in what way: a batch at a time, within a transaction.

Never what is open, unresolved or unsent. Fills only as far as a checkpoint counts them, and what they come to
stays (`mm_pruned`), so that the fold of those that remain is still that of all.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

from market_maker.core.side import Side
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.errors import RecordRefusedError
from market_maker.repositories.executor import Executor
from market_maker.repositories.fills import FoldedFill
from market_maker.repositories.generated import pruning as sql
from market_maker.repositories.generated.models import StoredFill

Rows = Mapping[str, Sequence[Any]]
"""Of each table."""


@dataclass(frozen=True, slots=True)
class Prunable:
    """A table of which old rows may be deleted."""

    table: str
    delete: Callable[[Executor, str, datetime, int], Awaitable[Rows]]
    """Deletes at most so many rows of a symbol from before then, and gives them; fewer: no more are left.
    What belongs to them in other tables goes with them."""
    count: Callable[[Executor, str, datetime], Awaitable[int | None]]
    """How many it would delete in all."""
    has_symbols: bool = True
    """Without, the symbol does not matter."""


async def prunable_symbols(db: Executor) -> Sequence[str]:
    """Every symbol that may have rows."""
    return await sql.list_prunable_symbols(db)


def _by_symbol(
    table: str, prune: Callable[..., Awaitable[Sequence[Any]]], count: Callable[..., Awaitable[int | None]]
) -> Prunable:
    """A table whose old rows of a symbol stand for themselves: its two statements are all there is to it."""

    async def delete(db: Executor, symbol: str, before: datetime, rows_max: int) -> Rows:
        return {table: await prune(db, symbol=symbol, before=before, row_limit=rows_max)}

    async def counted(db: Executor, symbol: str, before: datetime) -> int | None:
        return await count(db, symbol=symbol, before=before)

    return Prunable(table, delete, counted)


async def _delete_audit(db: Executor, _symbol: str, before: datetime, rows_max: int) -> Rows:
    await sql.allow_pruning_audit(db)
    return {"mm_audit": await sql.prune_audit(db, before=before, row_limit=rows_max)}


async def _count_audit(db: Executor, _symbol: str, before: datetime) -> int | None:
    return await sql.count_prunable_audit(db, before=before)


async def _delete_fills(db: Executor, symbol: str, before: datetime, rows_max: int) -> Rows:
    """From the oldest on, up to the first that has to stay."""
    checkpoints = CheckpointRepository(db)
    if await checkpoints.readable(symbol) is None:
        return {}
    fold = await checkpoints.beginning(symbol)
    begun = fold.last_id
    fills = await sql.list_prunable_fills(db, symbol=symbol, after_id=begun, row_limit=rows_max)
    old = list(takewhile(lambda fill: fill.executed_at < before, fills))
    if not old:
        return {}
    for fill in old:
        fold.apply(_folded(fill))
    if await sql.delete_fills(db, symbol=symbol, after_id=begun, last_id=fold.last_id) != len(old):
        raise RecordRefusedError(f"mm_fills: fills of {symbol} changed while they were deleted; try again")
    trade_ids, sides = [fill.trade_id for fill in old], [fill.side for fill in old]
    markouts = await sql.delete_markouts(db, symbol=symbol, trade_ids=trade_ids, sides=sides)
    await checkpoints.prune(symbol, fold, max(fill.executed_at for fill in old))
    return {"mm_fills": old, "mm_markouts": markouts}


def _folded(fill: StoredFill) -> FoldedFill:
    side = Side(fill.side)
    return FoldedFill(fill.id, side, fill.price, fill.quantity, fill.fee, fill.order_id, fill.mid)


async def _count_fills(db: Executor, symbol: str, before: datetime) -> int | None:
    return await sql.count_prunable_fills(db, symbol=symbol, before=before)


ORDERS: Final = _by_symbol("mm_orders", sql.prune_orders, sql.count_prunable_orders)
EVENTS: Final = _by_symbol("outbox", sql.prune_events, sql.count_prunable_events)
KILL_ORDERS: Final = _by_symbol("mm_kill_orders", sql.prune_kill_orders, sql.count_prunable_kill_orders)
PNL: Final = _by_symbol("mm_pnl", sql.prune_pnl, sql.count_prunable_pnl)
QUOTING_TIME: Final = _by_symbol("mm_quoting_time", sql.prune_quoting_time, sql.count_prunable_quoting_time)
MARKOUTS: Final = _by_symbol("mm_markouts", sql.prune_markouts, sql.count_prunable_markouts)
PRESENCE: Final = _by_symbol("mm_presence", sql.prune_presence, sql.count_prunable_presence)
FILLS: Final = Prunable("mm_fills", _delete_fills, _count_fills)
AUDIT: Final = Prunable("mm_audit", _delete_audit, _count_audit, has_symbols=False)
