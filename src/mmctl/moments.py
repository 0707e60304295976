"""Times on the command line, in the words of `market-maker report`: a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

HELP: Final = "a time such as 2026-01-31T09:00:00Z (no zone: UTC), or how long ago: 24h, 90m, 7d"
_AGO: Final = re.compile(r"([0-9]+)(s|m|h|d)", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment(text: str, now: datetime) -> datetime:
    """The time meant. Raises typer.BadParameter."""
    if text == "now":
        return now
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(seconds=int(ago[1]) * _UNIT_S[ago[2]])
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: write {HELP}") from None


def rfc3339(at: datetime) -> str:
    """As the API takes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
