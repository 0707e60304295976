"""What the database holds of a period, control by control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from market_maker import __version__
from market_maker.evidence.controls import CONTROLS, TESTS, RequiredControl
from market_maker.repositories.drills import Drill, DrillRepository
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import evidence as sql
from market_maker.repositories.paging import PAGE_ROWS_MAX, Period
from market_maker.repositories.versions import Version, VersionRepository

Document = dict[str, Any]
"""The evidence as JSON."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of a period."""

    versions: Sequence[Version]
    drills: Sequence[Drill]
    kills: Mapping[str, Mapping[str, int]]
    calls: Sequence[Mapping[str, Any]]
    decisions: Mapping[str, int]


async def recorded(db: Executor, since: datetime, until: datetime) -> Recorded:
    """Read it."""
    calls = await sql.count_calls(db, since=since, until=until)
    decisions = await sql.count_decisions(db, since=since, until=until)
    return Recorded(
        await VersionRepository(db).of_period(since, until),
        await DrillRepository(db).list(None, None, PAGE_ROWS_MAX, Period(None, until)),
        {
            str(row.reason): {"kills": row.kills, "symbols": row.symbols}
            for row in await sql.count_kills(db, since=since, until=until)
        },
        [{"route": row.route, "calls": row.calls, "people": row.people} for row in calls],
        {row.decision or "NOT DECIDED": row.proposals for row in decisions},
    )


def document(found: Recorded, settings: Mapping[str, str], since: datetime, until: datetime) -> Document:
    """The whole of it. `settings` are what the environment says now: they are not recorded over time."""
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "controls": [_control(one, found, settings, since) for one in CONTROLS],
        "changes": [_change(one) for one in found.versions if one.at >= since],
        "proposals": dict(found.decisions),
        "calls": list(found.calls),
        "kills": {reason: dict(counts) for reason, counts in found.kills.items()},
        "drills": [_drill(one) for one in found.drills if one.triggered_at >= since],
    }


def _control(
    control: RequiredControl, found: Recorded, settings: Mapping[str, str], since: datetime
) -> Document:
    drills = found.drills if control.has_drills else ()
    return {
        "article": control.article,
        "name": control.name,
        "what": control.what,
        "settings_now": {name: settings.get(name, "not set") for name in control.settings},
        "values": [_values(name, found.versions, since) for name in control.fields],
        "tests": {name: TESTS[name] for name in control.promises},
        "fired": {reason: found.kills[reason]["kills"] for reason in control.kills if reason in found.kills},
        "last_drill": _drill(drills[0]) if drills else None,
        "has_drills": control.has_drills,
    }


def _values(field: str, versions: Sequence[Version], since: datetime) -> Document:
    """The values of a field of all symbols: at the beginning, and each that was set in the period."""
    at_start = {
        one.symbol: str(getattr(one.config, field))
        for one in versions
        if one.config is not None and one.at <= since
    }
    last: dict[str, str] = dict(at_start)
    set_to = []
    for one in versions:
        if one.config is None or one.at <= since:
            continue
        value = str(getattr(one.config, field))
        if last.get(one.symbol) != value:
            set_to.append({"symbol": one.symbol, "at": one.at.isoformat(), "to": value, "by": one.author})
            last[one.symbol] = value
    return {"field": field, "at_start": at_start, "set": set_to}


def _change(one: Version) -> Document:
    return {
        "symbol": one.symbol,
        "version": one.version,
        "at": one.at.isoformat(),
        "author": one.author,
        "reason": one.reason,
        "removed": one.config is None,
    }


def _drill(one: Drill) -> Document:
    return {
        "symbol": one.symbol,
        "at": one.triggered_at.isoformat(),
        "by": one.actor,
        "reason": one.reason,
        "open_orders": one.open_orders,
        "shadow_mode": one.shadow_mode,
        "halted_us": one.halted_us,
        "proven_zero_us": one.proven_zero_us,
    }
