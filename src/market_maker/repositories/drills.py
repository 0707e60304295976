"""`mm_drills`: kill switches that were tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import drills as sql
from market_maker.repositories.paging import ALWAYS, ID_MAX, Period, page_limit
from market_maker.repositories.rows import record_of
from market_maker.repositories.text import storable


@dataclass(frozen=True, slots=True)
class Drill:
    """One kill switch that was tried."""

    id: int
    symbol: str
    actor: str
    reason: str
    state_before: str
    open_orders: int
    """Open, or not known to be over, when it was triggered."""
    shadow_mode: bool
    triggered_at: datetime
    halted_us: int | None = None
    """From the trigger to HALTED; None: nobody saw the end."""
    proven_zero_us: int | None = None
    """From the trigger to the exchange's proof; None: not in time, or nothing had to be proven."""


class DrillRepository:
    """The drills of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def begin(self, drill: Drill) -> int:
        """Note that one is triggered and give its id; the one that it has counts for nothing."""
        made = await sql.insert_drill(
            self._db,
            symbol=drill.symbol,
            actor=storable(drill.actor),
            reason=storable(drill.reason),
            state_before=drill.state_before,
            open_orders=drill.open_orders,
            shadow_mode=drill.shadow_mode,
            triggered_at=drill.triggered_at,
        )
        assert made is not None, "INSERT ... RETURNING gives a row or an error"  # noqa: S101 - invariant
        return made

    async def finish(self, drill_id: int, halted_us: int, proven_zero_us: int | None) -> None:
        """Note what was measured."""
        await sql.finish_drill(self._db, id=drill_id, halted_us=halted_us, proven_zero_us=proven_zero_us)

    async def list(
        self, symbol: str | None, before: int | None, limit: int, period: Period = ALWAYS
    ) -> Sequence[Drill]:
        """Drills of a period with an id under `before`, newest first."""
        rows = await sql.list_drills(
            self._db,
            symbol=symbol,
            before_id=ID_MAX if before is None else before,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [record_of(Drill, row) for row in rows]
