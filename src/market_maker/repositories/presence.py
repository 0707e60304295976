"""`mm_presence`: how far programmes were kept while a symbol quoted. It is written by the journal."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from market_maker.core.obligations import Measure, PresenceSpan, Programme, ProgrammeDay
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import presence as sql
from market_maker.repositories.wall_time import microseconds, wall_time

_FIGURE: Final = {
    Measure.TIME: attrgetter("present_us"),
    Measure.MINUTES: attrgetter("minutes"),
    Measure.SAMPLES: attrgetter("samples"),
}
"""Which figure of a tier counts."""


class PresenceRepository:
    """Presence of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def day(self, programmes: Iterable[Programme], day: datetime, now_us: int) -> list[ProgrammeDay]:
        """How each tier stood, as of now, on the UTC day that begins then."""
        rows = await sql.sum_presence(self._db, since=day, until=day + timedelta(days=1))
        kept = {(row.symbol, row.programme, row.tier): row for row in rows}
        found = []
        for programme in programmes:
            for tier in programme.tiers:
                one = kept.get((programme.symbol, programme.name, tier.name))
                present = 0 if one is None else _FIGURE[programme.measure](one)
                found.append(ProgrammeDay.of(programme, tier, present, microseconds(day), now_us))
        return found


async def upsert_presence(db: Executor, spans: Mapping[tuple[str, str, str, int], PresenceSpan]) -> None:
    """Store stretches, in one order of locking."""
    keys = sorted(spans)
    rows = [spans[key] for key in keys]
    await sql.upsert_presence(
        db,
        symbols=[symbol for symbol, *_ in keys],
        programmes=[span.programme for span in rows],
        tiers=[span.tier for span in rows],
        from_ats=[wall_time(span.from_us) for span in rows],
        until_ats=[wall_time(span.until_us) for span in rows],
        present_us=[span.present_us for span in rows],
        minutes=[span.minutes for span in rows],
        samples=[span.samples for span in rows],
    )
