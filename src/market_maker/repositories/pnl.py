"""`mm_pnl`: what a symbol's result came from, at full minutes. It is written by the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market_maker.core.commands import RecordPnl
from market_maker.core.results import NOTHING, Parts
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import pnl as sql
from market_maker.repositories.wall_time import wall_time

NewPnl = tuple[str, RecordPnl]
"""Symbol and result."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What came about in a minute, an hour or a day."""

    since: datetime
    """When it began."""
    parts: Parts
    position: Decimal
    """At its end, base currency."""
    mid: Decimal | None = None
    """The price that valued it; None: there was none."""


class PnlRepository:
    """Results of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def earned(self, symbol: str, since: datetime, until: datetime, bucket: str) -> list[Earned]:
        """By `minute`, `hour` or `day`, oldest first, without those in which nothing changed.

        What came about while no minute was recorded (no process ran, say) counts where the next one is.
        """
        last = await sql.last_pnl_before(self._db, symbol=symbol, until=since)
        before = NOTHING if last is None else Parts(last.spread_capture, last.inventory_pnl, last.fees)
        found: list[Earned] = []
        rows = await sql.pnl_by_bucket(self._db, bucket=bucket, symbol=symbol, since=since, until=until)
        for row in rows:
            parts = Parts(row.spread_capture, row.inventory_pnl, row.fees)
            found.append(Earned(row.bucket, parts.since(before), row.position, row.mid))
            before = parts
        return found

    async def stood_at(self, at: datetime) -> dict[str, Decimal]:
        """What the result of each configured symbol had come to at a time, by the last full minute on record.

        A symbol of which nothing was on record by then is left out: it had not come to anything.
        """
        rows = await sql.pnl_marks(self._db, until=at)
        return {row.symbol: Parts(row.spread_capture, row.inventory_pnl, row.fees).total for row in rows}


async def insert_pnl(db: Executor, new: Sequence[NewPnl]) -> None:
    """Store results of full minutes; one that is there already is left as it is."""
    results = [result for _, result in new]
    await sql.insert_pnl(
        db,
        symbols=[symbol for symbol, _ in new],
        ats=[wall_time(result.at_us) for result in results],
        spread_captures=[result.parts.spread for result in results],
        inventory_pnls=[result.parts.inventory for result in results],
        fees=[result.parts.fees for result in results],
        positions=[result.position for result in results],
        mids=[result.mid for result in results],
    )
