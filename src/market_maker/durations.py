"""Durations as the environment writes them: `100ms`, `5s`, `1m`, `1h30m`, `1.5s`, `250us`."""

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds per unit; both signs for micro are in use."""

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_LENGTH_MAX = 64


def parse_duration(text: str) -> int:
    """The duration in nanoseconds; what is finer than a nanosecond is cut off.

    Raises ValueError with the reason when `text` is not one or more numbers with units. A bare `0`
    needs no unit. Negative durations are refused: nothing here can use one.
    """
    if text == "0":
        return 0
    if len(text) > _LENGTH_MAX:
        raise ValueError(f"must be at most {_LENGTH_MAX} characters")
    total, position = Fraction(0), 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            break
        total += Fraction(part[1].removesuffix(".")) * UNIT_NS[part[2]]
        position = part.end()
    if position == 0 or position < len(text):
        raise ValueError("must be a number with a unit, such as 100ms, 5s or 1h30m")
    return int(total)


def parse_moment(text: str, now: datetime) -> datetime:
    """A time as ISO 8601 writes it (no zone: UTC), `now`, or a duration before now.

    Raises ValueError with the reason.
    """
    if text == "now":
        return now
    try:
        return now - timedelta(microseconds=parse_duration(text) // 1_000)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time such as 2026-11-20T08:00:00Z, or a duration such as 24h") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def format_duration(ns: int) -> str:
    """The shortest way to write a duration of whole nanoseconds, such as `1h30m` or `100ms`."""
    if ns == 0:
        return "0s"
    parts = []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, ns = divmod(ns, UNIT_NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
