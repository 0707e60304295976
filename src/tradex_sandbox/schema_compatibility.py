"""Whether one Avro schema can read what another wrote: Avro's resolution rules, nothing else.

BACKWARD, the level that TradeX asks for, means that a consumer with the new schema reads every
message written with the previous one. The checks return what stands in the way, as sentences.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
PROMOTIONS = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
"""What a reader may ask for when the key is what was written."""


def unreadable(reader: Any, writer: Any) -> list[str]:
    """Why data written with `writer` cannot be read with `reader`; empty when it can.

    Both are parsed Avro schemas whose names are declared before they are used.
    """
    return list(_Comparison(_names_of(reader), _names_of(writer)).problems(reader, writer, "$"))


class _Comparison:
    """One comparison of two schemas; remembers the pairs it is in, so that a recursive type ends."""

    def __init__(self, reader_names: dict[str, Schema], writer_names: dict[str, Schema]) -> None:
        self._reader_names = reader_names
        self._writer_names = writer_names
        self._open: set[tuple[str, str]] = set()

    def problems(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        """Sentences about `path`, `$` being the whole value."""
        reader, writer = _resolved(reader, self._reader_names), _resolved(writer, self._writer_names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.problems(reader, branch, path)
        elif isinstance(reader, list):
            if not any(self._fits(branch, writer, path) for branch in reader):
                yield f"{path}: no branch of the union reads {_kind(writer)}"
        elif _kind(reader) != _kind(writer):
            if _kind(reader) not in PROMOTIONS.get(_kind(writer), ()):
                yield f"{path}: {_kind(writer)} was written, {_kind(reader)} cannot read it"
        else:
            yield from self._same_kind(reader, writer, path)

    def _fits(self, reader: Any, writer: Any, path: str) -> bool:
        return not list(self.problems(reader, writer, path))

    def _same_kind(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        kind = _kind(reader)
        if kind in ("record", "enum", "fixed") and _short_name(reader) != _short_name(writer):
            yield f"{path}: {kind} {_short_name(writer)} was renamed to {_short_name(reader)}"
        elif kind == "record":
            yield from self._records(reader, writer, path)
        elif kind == "enum":
            missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            if missing and "default" not in reader:
                yield f"{path}: the enum lost {', '.join(missing)} and has no default"
        elif kind == "fixed" and reader["size"] != writer["size"]:
            yield f"{path}: fixed size {writer['size']} became {reader['size']}"
        elif kind == "array":
            yield from self.problems(reader["items"], writer["items"], f"{path}[]")
        elif kind == "map":
            yield from self.problems(reader["values"], writer["values"], f"{path}{{}}")

    def _records(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        pair = (_full_name(reader), _full_name(writer))
        if pair in self._open:
            return
        self._open.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            at = f"{path}.{field['name']}"
            before = next((written[name] for name in _names(field) if name in written), None)
            if before is not None:
                yield from self.problems(field["type"], before["type"], at)
            elif "default" not in field:
                yield f"{at}: a new field needs a default"
        self._open.discard(pair)


def _names(field: Schema) -> list[str]:
    return [field["name"], *field.get("aliases", ())]


def _kind(schema: Any) -> str:
    if isinstance(schema, dict):
        inner = schema["type"]
        return inner if isinstance(inner, str) else _kind(inner)
    return "union" if isinstance(schema, list) else str(schema)


def _resolved(schema: Any, names: dict[str, Schema]) -> Any:
    """A reference by name replaced by its declaration; `{"type": "string"}` by `string`."""
    if isinstance(schema, str):
        return schema if schema in PRIMITIVES else names[schema]
    if isinstance(schema, dict) and not isinstance(schema["type"], str):
        return _resolved(schema["type"], names)
    return schema


def _short_name(schema: Schema) -> str:
    return str(schema["name"]).rpartition(".")[2]


def _full_name(schema: Schema) -> str:
    return f"{schema.get('namespace', '')}.{schema['name']}"


def _names_of(schema: Any) -> dict[str, Schema]:
    """Every named type of a schema, by each way in which a reference may spell it."""
    found: dict[str, Schema] = {}
    pending = [(schema, "")]
    while pending:
        item, namespace = pending.pop()
        if isinstance(item, list):
            pending += [(branch, namespace) for branch in item]
        elif isinstance(item, dict):
            namespace = item.get("namespace", namespace)
            if "name" in item and item.get("type") in ("record", "enum", "fixed"):
                found[_short_name(item)] = item
                found[f"{namespace}.{_short_name(item)}"] = item
            pending += [(field["type"], namespace) for field in item.get("fields", ())]
            pending += [(item[part], namespace) for part in ("items", "values") if part in item]
            if not isinstance(item.get("type"), str):
                pending.append((item.get("type"), namespace))
    return found
