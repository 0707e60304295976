"""`mm_quoting_time`: how minutes were spent in which a symbol was ACTIVE. It is written by the journal."""

from collections.abc import Sequence
from datetime import datetime

from market_maker.core.commands import RecordQuotingTime
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import quoting_time as sql
from market_maker.repositories.wall_time import wall_time

NewQuotingTime = tuple[str, RecordQuotingTime]
"""Symbol and minute."""


async def quoting_time(db: Executor, symbol: str, since: datetime, until: datetime) -> dict[str, int]:
    """Microseconds by reason, of the full minutes that ended in a period."""
    rows = await sql.sum_quoting_time(db, symbol=symbol, since=since, until=until)
    return {row.reason: row.spent_us for row in rows}


async def insert_quoting_time(db: Executor, new: Sequence[NewQuotingTime]) -> None:
    """Store minutes; one that is there already is left as it is."""
    rows = [(symbol, minute.at_us, *spent) for symbol, minute in new for spent in minute.spent_us]
    await sql.insert_quoting_time(
        db,
        symbols=[symbol for symbol, *_ in rows],
        ats=[wall_time(at_us) for _, at_us, *_ in rows],
        reasons=[reason for *_, reason, _ in rows],
        spent_us=[spent_us for *_, spent_us in rows],
    )
