"""Reading an answer's JSON field by field; whatever is not the contract is named."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_E = TypeVar("_E", bound=Enum)
COUNT_MAX: Final = (1 << 63) - 1
_DECIMAL: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)


class ContractError(ValueError):
    """An answer is not what its contract says; the message names the field."""


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ContractError(f"body: not JSON ({body[:60]!r})") from None
    if not isinstance(value, dict):
        raise ContractError(f"body: must be a JSON object, got {type(value).__name__}")
    return value


def text(fields: dict[str, Any], name: str) -> str:
    """A text that is not empty."""
    value = _present(fields, name)
    if not isinstance(value, str) or not value:
        raise ContractError(f"{name}: must be a text, got {_shown(value)}")
    return value


def time_us(fields: dict[str, Any], name: str) -> int | None:
    """An RFC 3339 time as microseconds since 1970; None for any other text: nothing depends on it alone."""
    try:
        at = datetime.fromisoformat(text(fields, name))
    except ValueError as error:
        if isinstance(error, ContractError):
            raise
        return None
    return None if at.tzinfo is None else (at - _EPOCH) // timedelta(microseconds=1)


def same_text(fields: dict[str, Any], name: str, expected: str) -> None:
    """A text that must be the one that was sent."""
    value = text(fields, name)
    if value != expected:
        raise ContractError(f"{name}: must be {expected!r}, got {_shown(value)}")


def count(fields: dict[str, Any], name: str) -> int:
    """A whole number of 64 bits, zero or more."""
    value = _present(fields, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= COUNT_MAX:
        raise ContractError(f"{name}: must be a whole number from 0 to {COUNT_MAX}, got {_shown(value)}")
    return value


def decimal(fields: dict[str, Any], name: str, *, zero_allowed: bool = False) -> Decimal:
    """A positive decimal written as a text; a JSON number is refused, it may have been rounded."""
    value = text(fields, name)
    number = parse_decimal(value, zero_allowed=zero_allowed)
    if number is None:
        sign = "zero or more" if zero_allowed else "positive"
        raise ContractError(f"{name}: must be a {sign} decimal number as a text, got {_shown(value)}")
    return number


def member(fields: dict[str, Any], name: str, wanted: dict[str, _E]) -> _E:
    """One of an enumeration's words."""
    value = text(fields, name)
    if value not in wanted:
        raise ContractError(f"{name}: must be one of {', '.join(wanted)}, got {_shown(value)}")
    return wanted[value]


def objects(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of JSON objects."""
    value = _present(fields, name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ContractError(f"{name}: must be a list of JSON objects, got {_shown(value)}")
    return value


def _present(fields: dict[str, Any], name: str) -> object:
    if name not in fields:
        raise ContractError(f"{name}: missing")
    return fields[name]


def _shown(value: object) -> str:
    return repr(value)[:60]


def parse_decimal(text: str, *, zero_allowed: bool = False) -> Decimal | None:
    """The positive number (or zero, if allowed) in the text; None when it is not one.

    An exponent is understood; signs, spaces, underscores and words such as NaN are not.
    """
    if not _DECIMAL.fullmatch(text):
        return None
    value = Decimal(text)
    return value if value or zero_allowed else None
