"""How far market maker programmes were kept, from what the service stored.

A programme is judged by whole UTC days, so every day that a period touches counts from its beginning to the
period's end at the latest. Time in which nothing was stored was absent.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from market_maker.core.obligations import Programme, ProgrammeDay
from market_maker.repositories.executor import Executor
from market_maker.repositories.presence import PresenceRepository
from market_maker.repositories.wall_time import microseconds
from tradex_backtest.report.figures import ObligationFigures

DAY = timedelta(days=1)


async def stored_presence(
    db: Executor, programmes: Sequence[Programme], symbol: str, since: datetime, until: datetime
) -> tuple[ObligationFigures, ...]:
    """One row for each tier of the symbol's programmes."""
    wanted = [programme for programme in programmes if programme.symbol == symbol]
    repository, days = PresenceRepository(db), list[list[ProgrammeDay]]()
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while wanted and day < until:
        days.append(await repository.day(wanted, day, microseconds(until)))
        day += DAY
    return tuple(_row(tier) for tier in zip(*days, strict=True))


def _row(days: Sequence[ProgrammeDay]) -> ObligationFigures:
    first, judged = days[0], [day for day in days if day.total]
    elapsed = sum(day.elapsed for day in days)
    kept, are_open = (sum(day.is_met is verdict for day in judged) for verdict in (True, None))
    closed = len(judged) - are_open
    said = [f"{kept} of {closed} days kept"] if closed or not are_open else []
    said += ["one day still open"] * are_open
    return ObligationFigures(
        programme=f"{first.programme.name}, {first.tier.name}: {', '.join(said)}",
        required=float(first.tier.min_share_pct / 100),
        reached=float(Fraction(sum(day.present for day in days), elapsed)) if elapsed else 0.0,
        unit=first.programme.measure.value,
    )
