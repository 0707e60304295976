"""What a command shows: a table for people, JSON or YAML for scripts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Form(Enum):
    """How to show it."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show(form: Form, value: Any, table: Table) -> None:
    """Show a value in the form asked for; the table is for people."""
    if form is Form.JSON:
        print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - a command's result
    elif form is Form.YAML:
        print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")  # noqa: T201 - the same
    else:
        console().print(table)


def console() -> Console:
    """Standard output; a pipe gets whole lines, however long."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=1000, soft_wrap=True)


def table_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """One row each, with these fields; `a.b` is field b of field a."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.rpartition(".")[2].upper().replace("_", " "))
    for row in rows:
        table.add_row(*(Text(cell(field_of(row, name))) for name in columns))
    return table


def field_of(row: Mapping[str, Any], name: str) -> Any:
    """A field, or a field of a field."""
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def cell(value: Any) -> str:
    """A value as one cell."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(cell(one) for one in value) or "-"
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
