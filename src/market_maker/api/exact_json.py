"""Bodies as strict JSON: every number exact and bounded, and a wrong one named by its field."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

from market_maker.api.problems import ProblemError
from market_maker.api.validation import FieldError
from market_maker.core.bounded import DIGITS_MAX, EXPONENT_MAX, UnboundedError, bounded


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands where a number stood that is not read; the reader of numbers does not know its field."""

    detail: str


_TOO_LONG = _Refused(f"the number has more than {DIGITS_MAX} digits or an exponent beyond {EXPONENT_MAX}")


class _NumberError(Exception):
    """A number that is not read, and the field that held it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.error = FieldError(location="body", field=field, detail=detail)


def exact_json(body: bytes) -> object:
    """Strict JSON: UTF-8, no NaN or Infinity, no key twice; fractions become bounded Decimals."""
    try:
        parsed: object = json.loads(
            body.decode(),
            parse_float=_fraction,
            parse_int=_whole,
            parse_constant=lambda name: _Refused(f"{name} is not a JSON number"),
            object_pairs_hook=_object,
        )
        _require_read("body", parsed)
    except _NumberError as error:
        raise _malformed(str(error), [error.error]) from None
    except (ValueError, RecursionError) as error:
        raise _malformed(_cause(error)) from None
    return parsed


def _malformed(cause: str, errors: list[FieldError] | None = None) -> ProblemError:
    detail = f"the body is not JSON that this API reads: {cause}"
    return ProblemError(HTTPStatus.BAD_REQUEST, "MALFORMED_JSON", detail, errors=errors)


def _cause(error: Exception) -> str:
    match error:
        case UnicodeError():
            return "it is not valid UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error)


def _fraction(text: str) -> Decimal | _Refused:
    try:
        return bounded(text)
    except UnboundedError:
        return _TOO_LONG


def _whole(digits: str) -> int | _Refused:
    try:
        return int(digits)
    except ValueError:  # Python reads some thousand digits at most, and says so in its own terms
        return _TOO_LONG


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice in one object")
    for key, value in keys.items():
        key.encode()
        _require_read(key, value)
    return keys


def _require_read(field: str, value: object) -> None:
    """Raise _NumberError for a number that was not read; objects have looked at their own."""
    found = [value]
    while found:
        one = found.pop()
        if isinstance(one, _Refused):
            raise _NumberError(field[:60], one.detail)
        if isinstance(one, list):
            found += _suspects(one)


def _suspects(values: Iterable[object]) -> list[object]:
    return [value for value in values if isinstance(value, _Refused | list)]
