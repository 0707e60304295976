"""Wall time between the core, which counts microseconds, and PostgreSQL."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall_time(microseconds: int) -> datetime:
    """Microseconds since 1970 UTC as a time, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(at: datetime) -> int:
    """The reverse, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)
