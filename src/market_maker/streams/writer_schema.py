"""Writer schemas, prepared for reading.

Two things are done to a schema before fastavro reads with it. Times stay integers (microseconds),
because building datetimes costs more than the rest of a message. Decimals are read exactly: the
library's own reader rounds to the schema's precision.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import fastavro
from fastavro.read import LOGICAL_READERS

from market_maker.core.instrument import EXACT

_EXACT_DECIMAL = "tradex-exact-decimal"
_MILLIS = "tradex-millis"
_DECIMAL_BYTES_MAX = 25
"""60 digits, which `EXACT` computes with; to make a number of a megabyte takes minutes."""

Layout = tuple[object, ...] | str
"""What decides how a schema's bytes lie: types, field names and their order, enum symbols, scales."""


def _read_decimal(data: bytes, writer: dict[str, Any] | None, _reader: object = None) -> Decimal:
    if len(data) > _DECIMAL_BYTES_MAX:
        raise ValueError(f"a decimal of {len(data)} bytes, more than {_DECIMAL_BYTES_MAX}")
    unscaled = Decimal(int.from_bytes(data, "big", signed=True))
    return EXACT.scaleb(unscaled, -int((writer or {}).get("scale", 0)))


def _read_millis(data: int, _writer: object = None, _reader: object = None) -> int:
    return data * 1000


LOGICAL_READERS[f"bytes-{_EXACT_DECIMAL}"] = _read_decimal
LOGICAL_READERS[f"fixed-{_EXACT_DECIMAL}"] = _read_decimal
LOGICAL_READERS[f"long-{_MILLIS}"] = _read_millis

_RENAMED = {"decimal": _EXACT_DECIMAL, "timestamp-millis": _MILLIS}


def readable(schema: Mapping[str, Any]) -> Any:
    """The schema as fastavro is to read with it. Raises fastavro's SchemaParseException, or ValueError."""
    return fastavro.parse_schema(_adapt(schema))


def _adapt(node: Any) -> Any:
    if isinstance(node, list):
        return [_adapt(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    adapted = {key: _adapt(value) for key, value in node.items() if key not in ("logicalType", "default")}
    if "default" in node:
        adapted["default"] = node["default"]
    renamed = _RENAMED.get(str(node.get("logicalType")))
    if renamed:
        adapted["logicalType"] = renamed
    return adapted


def layout(schema: Mapping[str, Any]) -> Layout:
    """The schema's layout: two schemas with equal layouts read the same bytes to the same values."""
    return _layout(schema, {})


def _layout(node: Any, named: dict[str, Layout]) -> Layout:
    if isinstance(node, str):
        return named.get(node.rpartition(".")[2], node)
    if isinstance(node, list):
        return ("union", *(_layout(part, named) for part in node))
    kind = node["type"]
    if kind in ("record", "enum", "fixed"):
        named[node["name"]] = result = _named_layout(node, named)
        return result
    if kind == "array":
        return ("array", _layout(node["items"], named))
    if kind == "map":
        return ("map", _layout(node["values"], named))
    inner = _layout(kind, named)
    logical = _logical(node)
    return (inner, *logical) if logical else inner


def _named_layout(node: Mapping[str, Any], named: dict[str, Layout]) -> Layout:
    if node["type"] == "record":
        return ("record", *((field["name"], _layout(field["type"], named)) for field in node["fields"]))
    if node["type"] == "enum":
        return ("enum", *node["symbols"])
    return ("fixed", node["size"], *_logical(node))


def _logical(node: Mapping[str, Any]) -> tuple[object, ...]:
    name = node.get("logicalType")
    if name == "decimal":
        return (name, node.get("scale", 0))
    return (name,) if name == "timestamp-millis" else ()
