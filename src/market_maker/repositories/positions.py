"""`mm_positions`: the fold of each symbol's fills as last computed. It is written by the journal."""

from collections.abc import Mapping
from datetime import datetime

from market_maker.core.applied import Applied
from market_maker.core.commands import PositionRow
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import positions as sql
from market_maker.repositories.rows import record_of
from market_maker.repositories.wall_time import microseconds, wall_time

NewPosition = tuple[PositionRow, datetime, Applied | None]
"""A position, when it was computed, and how far events are counted in it; None: as it is stored."""


class PositionRepository:
    """Positions of all symbols that ever traded."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def get(self, symbol: str) -> PositionRow | None:
        """One stored position, None when the symbol never traded."""
        row = await sql.get_position(self._db, symbol=symbol)
        return None if row is None else record_of(PositionRow, row)

    async def applied(self, symbol: str) -> Applied | None:
        """How far engine events are counted in the symbol's fills; None when that was never stored."""
        row = await sql.get_position(self._db, symbol=symbol)
        if row is None or row.applied_partition is None or row.applied_offset is None:
            return None
        assert row.applied_executed_at is not None, "mm_positions_applied_check"  # noqa: S101 - invariant
        return Applied(row.applied_partition, row.applied_offset, microseconds(row.applied_executed_at))

    async def save(self, positions: Mapping[str, PositionRow], at: datetime) -> None:
        """Overwrite positions, at start-up: the fold of the fills wins over what was stored."""
        await upsert_positions(self._db, {symbol: (row, at, None) for symbol, row in positions.items()})


async def upsert_positions(db: Executor, positions: Mapping[str, NewPosition]) -> None:
    """Write the last position of each symbol, in symbol order so that two writers cannot deadlock."""
    rows = [(symbol, *positions[symbol]) for symbol in sorted(positions)]
    await sql.upsert_positions(
        db,
        symbols=[symbol for symbol, *_ in rows],
        positions=[row.position for _, row, *_ in rows],
        open_costs=[row.open_cost for _, row, *_ in rows],
        realized_pnls=[row.realized_pnl for _, row, *_ in rows],
        fees=[row.fees for _, row, *_ in rows],
        fill_counts=[row.fill_count for _, row, *_ in rows],
        volumes=[row.volume for _, row, *_ in rows],
        updated_ats=[at for _, _, at, _ in rows],
        spread_captures=[row.spread_capture for _, row, *_ in rows],
        inventory_pnls=[row.inventory_pnl for _, row, *_ in rows],
        worths=[row.worth for _, row, *_ in rows],
        applied_partitions=[applied.partition if applied else None for *_, applied in rows],
        applied_offsets=[applied.offset if applied else None for *_, applied in rows],
        applied_executed_ats=[wall_time(applied.executed_at_us) if applied else None for *_, applied in rows],
    )
