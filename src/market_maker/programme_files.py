"""Market maker programmes as a file: YAML, read when the service starts; docs/obligations.md has examples.

Each problem is one sentence that names the file, the field and the fix.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import yaml

from market_maker.core.bounded import bounded
from market_maker.core.obligations import DAY_US, SECOND_US, Measure, Programme, Tier

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = date(1970, 1, 1)
_YEAR_MIN: Final = 2000
_PROGRAMME: Final = frozenset(
    {"name", "symbols", "measure", "sample_seconds", "minute_pct", "since", "window", "tiers"}
)
_TIER: Final = frozenset({"name", "max_spread_bps", "min_size_quote", "min_size_base", "min_share_pct"})
_WINDOW: Final = frozenset({"days", "from", "until"})


def programmes(value: str) -> tuple[Programme, ...]:
    """The programmes of a file, one for each symbol. Raises ValueError with one sentence."""
    try:
        text = Path(value).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError("must name a file of text that exists and that this process may read") from None
    try:
        return _all(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"{value}: is not YAML{where}: see docs/obligations.md for an example") from None
    except _FieldError as error:
        raise ValueError(f"{value}: {error}") from None


class _FieldError(Exception):
    """A field, what is wrong with it and what to give instead."""


def _all(document: Any) -> tuple[Programme, ...]:
    top = _mapping(document, "the file", frozenset({"programmes"}))
    listed = _list(top.get("programmes"), "programmes")
    found = [
        programme
        for number, one in enumerate(listed)
        for programme in _programme(one, f"programmes[{number}]")
    ]
    keys = [(programme.name, programme.symbol) for programme in found]
    for key in keys:
        if keys.count(key) > 1:
            raise _FieldError(f"programmes: {key[0]} names {key[1]} twice: give each programme its own name")
    return tuple(found)


def _programme(value: Any, at: str) -> list[Programme]:
    fields = _mapping(value, at, _PROGRAMME)
    measure, sample_us, minute_pct = _measure(fields, at)
    days, from_minute, until_minute = _window(fields.get("window", {}), f"{at}.window")
    tiers = tuple(
        _tier(one, f"{at}.tiers[{number}]")
        for number, one in enumerate(_list(fields.get("tiers"), f"{at}.tiers"))
    )
    if len({tier.name for tier in tiers}) != len(tiers):
        raise _FieldError(f"{at}.tiers: two have the same name: give each its own")
    name = _text(fields.get("name"), f"{at}.name")
    since_us = _first_day(fields.get("since"), f"{at}.since")
    symbols = _list(fields.get("symbols"), f"{at}.symbols")
    return [
        Programme(
            name,
            _text(symbol, f"{at}.symbols[{number}]"),
            tiers,
            measure,
            sample_us,
            minute_pct,
            days,
            from_minute,
            until_minute,
            since_us,
        )
        for number, symbol in enumerate(symbols)
    ]


def _measure(fields: Mapping[str, Any], at: str) -> tuple[Measure, int, int]:
    given = fields.get("measure")
    try:
        measure = Measure(given)
    except ValueError:
        raise _FieldError(f"{at}.measure is {given!r}: must be time, minutes or samples") from None
    wanted = {Measure.SAMPLES: "sample_seconds", Measure.MINUTES: "minute_pct"}.get(measure)
    for name in ("sample_seconds", "minute_pct"):
        if name in fields and name != wanted:
            raise _FieldError(f"{at}.{name} has no meaning when measure is {measure.value}: remove it")
    sample_s = (
        _whole(fields.get("sample_seconds"), f"{at}.sample_seconds", 1, 3_600)
        if wanted == "sample_seconds"
        else 0
    )
    minute_pct = _whole(fields.get("minute_pct"), f"{at}.minute_pct", 1, 100) if wanted == "minute_pct" else 0
    return measure, sample_s * SECOND_US, minute_pct


def _first_day(value: Any, at: str) -> int:
    """A day as YAML reads one; left out, it was always so."""
    if value is None:
        return 0
    if type(value) is not date or value.year < _YEAR_MIN:
        raise _FieldError(f"{at} is {value!r}: must be a day from {_YEAR_MIN} on, e.g. 2026-01-31")
    return (value - _EPOCH).days * DAY_US


def _window(value: Any, at: str) -> tuple[tuple[int, ...], int, int]:
    fields = _mapping(value, at, _WINDOW)
    days = _list(fields.get("days", list(DAYS)), f"{at}.days")
    for day in days:
        if day not in DAYS:
            raise _FieldError(f"{at}.days holds {day!r}: must be of {', '.join(DAYS)}")
    from_minute = _time(fields.get("from", "00:00"), f"{at}.from")
    until_minute = _time(fields.get("until", "24:00"), f"{at}.until")
    if until_minute <= from_minute:
        raise _FieldError(
            f"{at}.until must be later than from on the same day (UTC): split it in two programmes"
        )
    return tuple(sorted({DAYS.index(day) for day in days})), from_minute, until_minute


def _tier(value: Any, at: str) -> Tier:
    fields = _mapping(value, at, _TIER)
    in_base = "min_size_base" in fields
    if in_base is ("min_size_quote" in fields):
        raise _FieldError(f"{at} must have either min_size_quote or min_size_base")
    size = "min_size_base" if in_base else "min_size_quote"
    return Tier(
        _text(fields.get("name"), f"{at}.name"),
        _decimal(fields.get("max_spread_bps"), f"{at}.max_spread_bps", Decimal(20_000)),
        _decimal(fields.get(size), f"{at}.{size}", Decimal(10) ** 15),
        in_base,
        _decimal(fields.get("min_share_pct"), f"{at}.min_share_pct", Decimal(100)),
    )


def _mapping(value: Any, at: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _FieldError(f"{at} must be a mapping with {', '.join(sorted(known))}")
    for name in value:
        if name not in known:
            raise _FieldError(f"{at} has no field {name!r}: it may have {', '.join(sorted(known))}")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _FieldError(f"{at} must be a list with at least one entry")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not value.isprintable():
        raise _FieldError(f"{at} is {value!r}: must be a text of 1 to 64 characters")
    return value


def _whole(value: Any, at: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise _FieldError(f"{at} is {value!r}: must be a whole number from {low} to {high}")
    return value


def _decimal(value: Any, at: str, high: Decimal) -> Decimal:
    """A number of the file, read from its text where it has one."""
    try:
        number = (
            bounded(str(value))
            if isinstance(value, int | float | str) and not isinstance(value, bool)
            else None
        )
    except (InvalidOperation, ValueError):
        number = None
    if number is None or not number.is_finite() or not 0 < number <= high:
        raise _FieldError(f"{at} is {value!r}: must be a number above 0 and at most {high:f}")
    return number


def _time(value: Any, at: str) -> int:
    """Minutes since midnight, UTC. YAML reads 09:30 without quotes as a number."""
    hours, colon, minutes = value.partition(":") if isinstance(value, str) else ("", "", "")
    if colon and hours.isdecimal() and minutes.isdecimal() and len(hours) == len(minutes) == 2:
        at_minute = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and at_minute <= 1_440:
            return at_minute
    raise _FieldError(f'{at} is {value!r}: must be a UTC time in quotes such as "09:30", or "24:00"')
