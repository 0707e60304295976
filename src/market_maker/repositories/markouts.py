"""`mm_markouts`: the price a while after each fill. It is written by the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market_maker.core.ledger.markouts import HORIZONS_MS, Watched
from market_maker.core.results import Markout
from market_maker.core.side import Side
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import markouts as sql
from market_maker.repositories.rows import record_of
from market_maker.repositories.text import storable
from market_maker.repositories.wall_time import microseconds

NewMarkout = tuple[str, Markout]
"""Symbol and markout."""


@dataclass(frozen=True, slots=True)
class StoredMid:
    """The reference mid at a horizon, or why there is none."""

    horizon_ms: int
    mid: Decimal | None
    missing: str | None


@dataclass(frozen=True, slots=True)
class MarkoutSum:
    """The markouts of one side and level at one horizon, of the fills of an hour or day."""

    since: datetime
    side: Side
    level: int | None
    horizon_ms: int
    measured: int
    missing: int
    usdt: Decimal
    notional: Decimal
    """Quote currency that the measured fills were worth."""


class MarkoutRepository:
    """Markouts of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def of_fills(
        self, symbol: str, keys: Sequence[tuple[str, Side]]
    ) -> dict[tuple[str, Side], list[StoredMid]]:
        """The markouts that some fills have so far, short horizons first."""
        found: dict[tuple[str, Side], list[StoredMid]] = {key: [] for key in keys}
        rows = await sql.markouts_of_fills(
            self._db,
            symbol=symbol,
            trade_ids=[trade_id for trade_id, _ in keys],
            sides=[side.value for _, side in keys],
        )
        for row in rows:
            found[row.trade_id, Side(row.side)].append(StoredMid(row.horizon_ms, row.mid, row.missing))
        return found

    async def unfinished(self, symbol: str) -> tuple[Watched, ...]:
        """The latest fills that have not all their markouts, with the horizons that they lack."""
        rows = await sql.unfinished_fills(self._db, symbol=symbol, horizon_count=len(HORIZONS_MS))
        return tuple(
            Watched(
                row.trade_id,
                Side(row.side),
                row.level,
                row.price,
                row.quantity,
                microseconds(row.executed_at),
                tuple(horizon for horizon in HORIZONS_MS if horizon not in row.horizons_ms),
            )
            for row in rows
        )

    async def sums(self, symbol: str, since: datetime, until: datetime, bucket: str) -> list[MarkoutSum]:
        """By `hour` or `day`, side, level and horizon, of the fills that were executed in a period."""
        rows = await sql.sum_markouts(self._db, bucket=bucket, symbol=symbol, since=since, until=until)
        return [
            record_of(MarkoutSum, row, since=row.bucket, side=Side(row.side), usdt=row.amount) for row in rows
        ]


async def insert_markouts(db: Executor, new: Sequence[NewMarkout]) -> None:
    """Store markouts; one that is there already is left as it is."""
    markouts = [markout for _, markout in new]
    await sql.insert_markouts(
        db,
        symbols=[symbol for symbol, _ in new],
        trade_ids=[storable(markout.trade_id) for markout in markouts],
        sides=[markout.side.value for markout in markouts],
        horizons_ms=[markout.horizon_ms for markout in markouts],
        mids=[markout.mid for markout in markouts],
        missings=[markout.missing.value if markout.missing else None for markout in markouts],
    )
