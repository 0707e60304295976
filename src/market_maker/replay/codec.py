"""Events and commands as JSON and back, without losing a digit.

A record becomes the array of its fields, a decimal its text, an enum its value; which class an array
stands for follows from the declared types, so a line holds nothing but data. The encoders are put
together once per type from its declaration: a new field needs no line here, and a type that has no
exact form here is refused when this module is imported.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.ledger.inventory import Inventory

Convert = Callable[[Any], Any]

_PLAIN: Final = (int, str, bool)
_UNRECORDED: Final = frozenset({"seal"})
"""The mark that an order passed the checks: it proves nothing in a file."""


class CodecError(ValueError):
    """A value that is not what its type declares; the message names the type."""


def event_line(event: ev.Event) -> list[Any]:
    """`[type, [fields]]` of an event."""
    return [type(event).__name__, _EVENT_ENCODERS[type(event)](event)]


def event_of(name: object, fields: object) -> ev.Event:
    """The event that `event_line` encoded. Raises CodecError."""
    decode = _EVENT_DECODERS.get(name) if isinstance(name, str) else None
    if decode is None:
        raise CodecError(f"{_short(name)} is no type of event")
    event: ev.Event = decode(fields)
    return event


def command_line(command: cmd.Command) -> list[Any]:
    """`[type, [fields]]` of a command."""
    return [type(command).__name__, _COMMAND_ENCODERS[type(command)](command)]


def described(line: list[Any]) -> str:
    """An encoded event or command for people: its type and its fields by name."""
    name, values = line
    names = _FIELD_NAMES.get(name, ())
    return f"{name}({', '.join(f'{field}={value!r}' for field, value in zip(names, values, strict=False))})"


def field_names(record: Any) -> tuple[str, ...]:
    """The recorded fields of a dataclass or named tuple, in order."""
    return tuple(_fields(record))


def encode_values(record: Any, values: tuple[Any, ...]) -> list[Any]:
    """A record of which only the values of its fields are at hand, in order."""
    return _converted([encoder(hint) for hint in _fields(record).values()], values)


@cache
def encoder(hint: Any) -> Convert | None:
    """What turns a value of this type into JSON; None when JSON holds it as it is."""
    if hint in _PLAIN or hint is NoneType:
        return None
    if hint is Decimal:
        return str
    if isinstance(hint, type) and issubclass(hint, Enum):
        return attrgetter("value")
    if hint is Inventory:
        return lambda inventory: _row_encoder(inventory.to_row())
    if (inner := _optional(hint)) is not None:
        return _encode_optional(encoder(inner))
    if get_origin(hint) is tuple:
        return _encode_tuple(get_args(hint))
    return _encode_record(hint)


@cache
def decoder(hint: Any) -> Convert:
    """What turns JSON back into a value of this type, or raises CodecError."""
    if hint in _PLAIN:
        return _decode_plain(hint)
    if hint is Decimal:
        return _decode_decimal
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _decode_enum(hint)
    if hint is Inventory:
        row = decoder(cmd.PositionRow)
        return lambda value: Inventory.from_row(row(value))
    if (inner := _optional(hint)) is not None:
        decode = decoder(inner)
        return lambda value: None if value is None else decode(value)
    if get_origin(hint) is tuple:
        return _decode_tuple(get_args(hint))
    return _decode_record(hint)


def _optional(hint: Any) -> Any:
    """X of `X | None`, else None."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    others = [one for one in get_args(hint) if one is not NoneType]
    if len(others) != 1:
        raise TypeError(f"{hint} has no exact form in a record")
    return others[0]


@cache
def _fields(record: Any) -> dict[str, Any]:
    """Recorded fields of a dataclass or named tuple, with their types."""
    named_tuple = isinstance(record, type) and issubclass(record, tuple)
    if not named_tuple and not dataclasses.is_dataclass(record):
        raise TypeError(f"{record} has no exact form in a record")
    names = record._fields if named_tuple else [field.name for field in dataclasses.fields(record)]
    hints = get_type_hints(record)
    return {name: hints[name] for name in names if name not in _UNRECORDED}


def _encode_optional(encode: Convert | None) -> Convert | None:
    if encode is None:
        return None
    return lambda value: None if value is None else encode(value)


def _encode_tuple(items: tuple[Any, ...]) -> Convert | None:
    if items[-1] is Ellipsis:
        encode = encoder(items[0])
        return None if encode is None else lambda value: [encode(one) for one in value]
    encoders = [encoder(item) for item in items]
    if not any(encoders):
        return None
    return lambda value: _converted(encoders, value)


def _converted(encoders: Sequence[Convert | None], values: Iterable[Any]) -> list[Any]:
    return [
        value if encode is None else encode(value) for encode, value in zip(encoders, values, strict=True)
    ]


def _encode_record(record: Any) -> Convert:
    fields = _fields(record)
    if not fields:
        return lambda _: []
    read = attrgetter(*fields)
    encoders = [
        (place, encode) for place, hint in enumerate(fields.values()) if (encode := encoder(hint)) is not None
    ]
    if len(fields) == 1:
        only = encoders[0][1] if encoders else None
        return (lambda value: [only(read(value))]) if only else (lambda value: [read(value)])
    if not encoders:
        return read

    def encode_record(value: Any) -> list[Any]:
        line = list(read(value))
        for place, encode in encoders:
            line[place] = encode(line[place])
        return line

    return encode_record


def _decode_plain(kind: type) -> Convert:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise CodecError(f"{_short(value)} is not of type {kind.__name__}")
        return value

    return decode


def _decode_decimal(value: Any) -> Decimal:
    try:
        return Decimal(value if isinstance(value, str) else "not a text")
    except InvalidOperation:
        raise CodecError(f"{_short(value)} is not a decimal") from None


def _decode_enum(kind: type[Enum]) -> Convert:
    def decode(value: Any) -> Enum:
        try:
            return kind(value)
        except ValueError:
            raise CodecError(f"{_short(value)} is not a {kind.__name__}") from None

    return decode


def _decode_tuple(items: tuple[Any, ...]) -> Convert:
    if items[-1] is Ellipsis:
        decode = decoder(items[0])
        return lambda value: tuple([decode(one) for one in _array(value)])
    decoders = [decoder(item) for item in items]
    return lambda value: tuple(
        [decode(one) for decode, one in zip(decoders, _array(value, len(decoders)), strict=True)]
    )


def _decode_record(record: Any) -> Convert:
    decoders = {name: decoder(hint) for name, hint in _fields(record).items()}

    def decode_record(value: Any) -> Any:
        values = _array(value, len(decoders))
        try:
            return record(
                **{name: decode(one) for (name, decode), one in zip(decoders.items(), values, strict=True)}
            )
        except ValueError as error:
            raise CodecError(f"{record.__name__}: {error}") from None

    return decode_record


def _array(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise CodecError(f"{_short(value)} is not an array{'' if length is None else f' of {length} values'}")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _encoders(kinds: tuple[Any, ...]) -> dict[type, Convert]:
    return {kind: _encode_record(kind) for kind in kinds}


_row_encoder: Final = _encode_record(cmd.PositionRow)
_EVENTS: Final = get_args(ev.Event)
_COMMANDS: Final = get_args(cmd.Command)
_EVENT_ENCODERS: Final = _encoders(_EVENTS)
_COMMAND_ENCODERS: Final = _encoders(_COMMANDS)
_EVENT_DECODERS: Final = {kind.__name__: decoder(kind) for kind in _EVENTS}
_FIELD_NAMES: Final = {kind.__name__: field_names(kind) for kind in (*_EVENTS, *_COMMANDS)}
