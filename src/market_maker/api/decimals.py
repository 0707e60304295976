"""Decimals and whole numbers of the API: how they are read, refused, documented and written.

A decimal is read from a string or a JSON number, from its text and never through binary floating
point; it is written as a string. The regular expression in the OpenAPI states the same range that
the parser enforces.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from market_maker.core.instrument import EXACT

PLACES_MAX = 8
_DIGITS_MAX = 40
_PLAIN = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_FRACTION = rf"(\.[0-9]{{1,{PLACES_MAX}}})?"


def plain(value: Decimal) -> str:
    """The decimal in full, without exponent, never `-0`."""
    return format(value.copy_abs() if value.is_zero() else value, "f")


def rfc3339(value: datetime) -> str:
    """An aware time in UTC with microseconds and `Z`."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


DecimalText = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
]
"""A decimal in an answer."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in an answer: RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class DecimalRange:
    """Annotates a Decimal of a request: `low` to `high`, both included, at most 8 decimals.

    `low` is 0, 0.0001, a power of ten or minus `high`; `high` is one digit followed by zeros.
    """

    low: str
    high: str

    @property
    def pattern(self) -> str:
        """A regular expression for exactly the decimal strings in the range, in canonical form."""
        if self.low.startswith("-"):
            return f"^(-?{DecimalRange('0', self.high).pattern[1:-1]})$"
        zeros = len(self.high) - 1
        shortest = len(self.low) if self.low.isdigit() and self.low != "0" else 1
        options = [rf"[1-9][0-9]{{{shortest - 1},{zeros - 1}}}{_FRACTION}"]
        if self.high[0] != "1":
            options.append(rf"[1-{int(self.high[0]) - 1}][0-9]{{{zeros}}}{_FRACTION}")
        if self.low == "0":
            options.append(rf"0{_FRACTION}")
        elif not self.low.isdigit():
            places = len(self.low) - 2
            tails = [f"{'0' * n}[1-9][0-9]{{0,{PLACES_MAX - 1 - n}}}" for n in range(places)]
            options.append(rf"0\.({'|'.join(tails)})")
        options.append(rf"{self.high}(\.0{{1,{PLACES_MAX}}})?")
        return f"^({'|'.join(options)})$"

    def parse(self, value: object) -> Decimal:
        """The exact decimal; raises PydanticCustomError with a sentence."""
        number = _number(value)
        if not Decimal(self.low) <= number <= Decimal(self.high):
            raise _refused(f"must be between {self.low} and {self.high}")
        if len(number.as_tuple().digits) > _DIGITS_MAX or _places(number) > PLACES_MAX:
            raise _refused(f"must have at most {PLACES_MAX} decimals")
        if isinstance(value, str) and not re.fullmatch(self.pattern, value):
            raise _refused(f"must be written plainly, with at most {PLACES_MAX} decimals, e.g. {self.high}")
        return Decimal(plain(number))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic parse with `parse`."""
        text = core_schema.plain_serializer_function_ser_schema(plain, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(self.parse, serialization=text)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Document both forms and the range."""
        number = {"type": "number", "minimum": _bound(self.low), "maximum": _bound(self.high)}
        return {"anyOf": [{"type": "string", "pattern": self.pattern}, number]}


@dataclass(frozen=True, slots=True)
class WholeRange:
    """Annotates an int of a request: `low` to `high`, both included."""

    low: int
    high: int

    def parse(self, value: object) -> int:
        """The whole number, also from `2.0`; raises PydanticCustomError with a sentence."""
        sentence = f"must be a whole number between {self.low} and {self.high}"
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _refused(sentence)
        if not self.low <= value <= self.high or value != int(value):
            raise _refused(sentence)
        return int(value)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic parse with `parse`."""
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.simple_ser_schema("int")
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Document the range."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


def _number(value: object) -> Decimal:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    raise _refused('must be a decimal number, e.g. "12.5"')


def _places(number: Decimal) -> int:
    exponent = number.normalize(EXACT).as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _bound(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _refused(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("number_refused", "{sentence}", {"sentence": sentence})
