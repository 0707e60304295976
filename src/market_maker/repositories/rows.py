"""From a row to a record."""

from typing import Any, TypeVar

_Record = TypeVar("_Record")


def record_of(kind: type[_Record], row: object, **otherwise: object) -> _Record:
    """With the row's fields of the same names, and `otherwise`, which the row holds in another form."""
    fields: Any = kind.__dict__["__dataclass_fields__"]
    return kind(**{name: getattr(row, name) for name in fields if name not in otherwise}, **otherwise)
