"""From a library's validation errors to sentences: which field, what is wrong, what to give instead."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SYMBOL_PATTERN = "^[A-Z0-9][A-Z0-9._-]{0,31}$"
_MISLEADING = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb"
)
"""Characters that cannot be seen and change how the others read: controls, and those of direction and format.

Tabs, ends of lines and the joiners of scripts and emoji are none of them.
"""
REASON_PATTERN = rf"^[^{_MISLEADING}]*[^{_MISLEADING}\u0009\u000a\u000d\u0020\u00a0][^{_MISLEADING}]*$"
ROW_CURSOR_PATTERN = "^[0-9]{1,18}$"
ID_CURSOR_PATTERN = "^([0-9a-f]{2}){1,128}$"
MISLEADING = re.compile(f"[{_MISLEADING}]")
NO_NUL_PATTERN = r"^[^\u0000]+$"
BEARER_PATTERN = r"^[A-Za-z0-9._~+/=-]+$"
FIELD_PATTERN = "^[a-z][a-z_]{0,63}$"


class FieldError(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    location: str = Field(description="`body`, `query`, `path` or `header`.")
    field: str = Field(description="Name of the field; `body` for the body as a whole.")
    detail: str = Field(description="What is wrong and what to give instead.")


Context = Mapping[str, Any]

PATTERNS = {
    SYMBOL_PATTERN: "must be a symbol: 1 to 32 capital letters, digits, dots, underscores or hyphens",
    REASON_PATTERN: "must say why: something other than blanks",
    ROW_CURSOR_PATTERN: "must be the `next_cursor` of a page of this route",
    ID_CURSOR_PATTERN: "must be the `next_cursor` of a page of this route",
    FIELD_PATTERN: "must be the name of a field",
    NO_NUL_PATTERN: "must not contain the character U+0000",
    BEARER_PATTERN: "must be a token as the Auth Service gave it, without blanks and without `Bearer`",
}
"""What each pattern of this API asks for."""

_SENTENCES: dict[str, Callable[[Context], str]] = {
    "missing": lambda _: "is required: add it",
    "extra_forbidden": lambda _: "is not a field of this request: remove it",
    "bool_type": lambda _: "must be true or false, without quotes",
    "string_type": lambda _: "must be a string",
    "list_type": lambda _: "must be a list",
    "model_attributes_type": lambda _: "must be a JSON object",
    "model_type": lambda _: "must be a JSON object",
    "dict_type": lambda _: "must be a JSON object",
    "string_too_short": lambda c: f"must have at least {_count(c['min_length'], 'character')}",
    "string_too_long": lambda c: f"must have at most {_count(c['max_length'], 'character')}",
    "too_short": lambda c: f"must have at least {_count(c['min_length'], 'item')}",
    "too_long": lambda c: f"must have at most {_count(c['max_length'], 'item')}",
    "int_parsing": lambda _: "must be a whole number",
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "string_pattern_mismatch": lambda c: PATTERNS[c["pattern"]],
}


_FIELD_OF = {"named_twice": "symbols"}
"""What the checks of a whole body find wrong with one field of it."""


def _count(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's error records as sentences; the refused values themselves are not repeated."""
    return [_field_error(error) for error in errors]


def _field_error(error: Mapping[str, Any]) -> FieldError:
    location, *path = [str(part) for part in error["loc"]]
    sentence = _SENTENCES.get(error["type"])
    detail = sentence(error.get("ctx", {})) if sentence else str(error["msg"])
    field = ".".join(path) or _FIELD_OF.get(error["type"], location)
    return FieldError(location=location, field=field, detail=_misleading(error) or detail)


def _misleading(error: Mapping[str, Any]) -> str:
    """Which character a text must not hold; empty when it is refused for something else."""
    if error["type"] != "string_pattern_mismatch" or error["ctx"]["pattern"] != REASON_PATTERN:
        return ""
    found = MISLEADING.search(error["input"])
    return f"must not contain the character U+{ord(found[0]):04X}: leave it out" if found else ""
