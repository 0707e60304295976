"""The envelope that every message shares: how old it is, which trace it belongs to, its typed fields."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from market_maker.core.bounded import UnboundedError, bounded
from market_maker.streams.batch import Arrival
from market_maker.streams.errors import DecodeError

CLOCK_SKEW_TOLERANCE_US = 250_000
"""How far in the future a message may be stamped before its age is no longer believed."""

SOURCE_SERVICE = "market-maker-service"
TRACEPARENT = "traceparent"

Headers = dict[str, str | bytes | None] | list[tuple[str, str | bytes | None]] | None
"""Kafka headers as the client gives them."""
Record = Mapping[str, Any]


def data_ns(arrival: Arrival, timestamp_us: int) -> int:
    """The monotonic time at which a message stamped `timestamp_us` was true at its source.

    A little in the future is the skew of two clocks and counts as now; more than that counts as
    just as old, so that a wrong clock fails closed.
    """
    age_us = arrival.wall_us - timestamp_us
    if age_us < 0:
        age_us = 0 if age_us >= -CLOCK_SKEW_TOLERANCE_US else -age_us
    return arrival.at_ns - age_us * 1000


def header_pairs(headers: Headers) -> Iterable[tuple[str, str | bytes | None]]:
    """The headers in order, a name may repeat."""
    return headers.items() if isinstance(headers, dict) else headers or ()


def trace_of(headers: Headers, trace_id: str) -> str | None:
    """The W3C traceparent of a message: its header, else one made from the envelope's trace id."""
    if headers:
        for name, value in header_pairs(headers):
            if name == TRACEPARENT and value is not None:
                return value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return traceparent_of(trace_id)


def traceparent_of(trace_id: str) -> str | None:
    """A sampled traceparent for a trace id of 32 hex digits; None for anything else.

    Only the trace is known, not the span: the id's second half stands in for it.
    """
    return f"00-{trace_id}-{trace_id[16:]}-01" if len(trace_id) == 32 else None


def trace_headers(trace_id: str) -> list[tuple[str, str | bytes | None]]:
    """The Kafka headers of a message that belongs to a trace."""
    traceparent = traceparent_of(trace_id)
    return [(TRACEPARENT, traceparent)] if traceparent else []


def part(record: Record, name: str) -> Record:
    """A record inside a record; DecodeError when it is missing."""
    value = record.get(name)
    if not isinstance(value, Mapping):
        raise DecodeError(f"{name}: expected a record, got {_shown(value)}")
    return value


def text(record: Record, name: str) -> str:
    """A string that is not empty."""
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise DecodeError(f"{name}: expected a text, got {_shown(value)}")
    return value


def optional_text(record: Record, name: str) -> str | None:
    """A string; None when it is null, missing or empty."""
    value = record.get(name)
    if value is None or value == "":
        return None
    return text(record, name)


def integer(record: Record, name: str) -> int:
    """A whole number."""
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DecodeError(f"{name}: expected a whole number, got {_shown(value)}")
    return value


def flag(record: Record, name: str) -> bool:
    """A boolean."""
    value = record.get(name)
    if not isinstance(value, bool):
        raise DecodeError(f"{name}: expected true or false, got {_shown(value)}")
    return value


def number(record: Record, name: str) -> Decimal:
    """A finite, bounded decimal number, from a string, a decimal or a double.

    A double means the shortest decimal that reads back to the same double.
    """
    value = record.get(name)
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str | Decimal):
        raise DecodeError(f"{name}: expected a string, decimal or double, got {_shown(value)}")
    try:
        return bounded(value)
    except UnboundedError as error:
        raise DecodeError(f"{name}: {_shown(value)} {error}") from None


def positive(record: Record, name: str) -> Decimal:
    """A finite number above zero."""
    value = number(record, name)
    if value <= 0:
        raise DecodeError(f"{name}: must be above zero, got {value}")
    return value


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def wrap(topic: str, data: Record, *, event_id: str, at: datetime, trace_id: str = "") -> dict[str, Any]:
    """A message of this service; `at` (aware) is when it happened, `trace_id` 32 hex digits or empty."""
    return {
        "event_id": event_id,
        "event_type": topic,
        "source_service": SOURCE_SERVICE,
        "trace_id": trace_id,
        "timestamp": at,
        "version": 1,
        "hmac": None,
        "data": dict(data),
    }
