"""The request of sqlc as typed values. What may live here: reading the protocol, no Python code."""

import base64
import json
import keyword
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tools.sqlc_gen_asyncpg.python_types import python_type


class UnsupportedError(Exception):
    """A query uses something that this generator does not write."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column or a parameter."""

    name: str
    type: str
    """Its Python type, as written in an annotation."""
    source: tuple[str, str] | None
    """(table, column) that it comes from unchanged."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the schema and the class that holds one of its rows."""

    name: str
    model: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A named query as sqlc understood it."""

    name: str
    kind: str
    """`:one`, `:many`, `:exec` or `:execrows`."""
    module: str
    sql: str
    doc: str
    params: tuple[Field, ...]
    columns: tuple[Field, ...]

    @property
    def function(self) -> str:
        """Its name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


@dataclass(frozen=True, slots=True)
class Request:
    """Everything the generator needs."""

    package: str
    executor: str
    tables: tuple[Table, ...]
    queries: tuple[Query, ...]


def read_request(raw: dict[str, Any]) -> Request:
    """The request that sqlc sent; UnsupportedError names the query or column that cannot be expressed."""
    options = json.loads(base64.b64decode(raw["settings"]["codegen"]["options"]))
    catalog = raw["catalog"]
    public = next(s for s in catalog["schemas"] if s["name"] == catalog["default_schema"])
    models: dict[str, str] = options["models"]
    return Request(
        package=options["package"],
        executor=options["executor"],
        tables=tuple(_table(table, models) for table in public["tables"]),
        queries=tuple(_query(query) for query in raw["queries"]),
    )


def _table(raw: dict[str, Any], models: dict[str, str]) -> Table:
    name = raw["rel"]["name"]
    if name not in models:
        raise UnsupportedError(f"table {name}: name its class under options.models in sqlc.yaml")
    return Table(name, models[name], tuple(_column(f"table {name}", c) for c in raw["columns"]))


def _query(raw: dict[str, Any]) -> Query:
    where = f"{raw['filename']}: {raw['name']}"
    if raw["cmd"] not in (":one", ":many", ":exec", ":execrows"):
        raise UnsupportedError(f"{where}: {raw['cmd']} is not written by this generator")
    if not raw["comments"]:
        raise UnsupportedError(f"{where}: say what it does in a comment under its name")
    if "\\" in raw["text"] or '"""' in raw["text"]:
        raise UnsupportedError(f"{where}: a backslash or triple quote cannot stand in the generated text")
    return Query(
        name=raw["name"],
        kind=raw["cmd"],
        module=PurePath(raw["filename"]).stem,
        sql=raw["text"],
        doc="\n    ".join(line.strip() for line in raw["comments"]),
        params=tuple(_param(where, p["column"]) for p in raw["params"]),
        columns=tuple(_column(where, c) for c in raw["columns"]),
    )


def _column(where: str, raw: dict[str, Any]) -> Field:
    inner = _python_type(where, raw)
    type_ = f"list[{inner}]" if raw["is_array"] else inner
    source = (raw["table"]["name"], raw["original_name"] or raw["name"]) if raw["table"] else None
    return Field(_name(where, raw), type_ if raw["not_null"] else f"{type_} | None", source)


def _param(where: str, raw: dict[str, Any]) -> Field:
    inner = _python_type(where, raw)
    # PostgreSQL knows no array whose elements cannot be null, so neither does the annotation.
    type_ = f"Sequence[{inner} | None]" if raw["is_array"] else inner
    return Field(_name(where, raw), type_ if raw["not_null"] else f"{type_} | None", None)


def _name(where: str, raw: dict[str, Any]) -> str:
    name: str = raw["name"]
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UnsupportedError(f"{where}: {name!r} cannot be a Python name; use sqlc.arg or an alias")
    return name


def _python_type(where: str, raw: dict[str, Any]) -> str:
    declared = raw["type"]["name"]
    found = python_type(declared)
    if found is None:
        raise UnsupportedError(f"{where}: {raw['name']} has type {declared!r}; cast it, or add the type")
    return found
