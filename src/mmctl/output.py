"""What a command shows: a table for people, JSON or YAML for scripts.

A table shows numbers as people read them: without trailing zeros, amounts and bps to the cent, others to six
decimals (small ones to a few digits that say something), times to the second. JSON and YAML hold what the
service answered.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d+Z", re.ASCII)
_AMOUNT: Final = re.compile(r"(^|_)(usdt|bps|pct|pnl|total|fees?|volume|notional|exposure|spread)($|_)")
_NAME: Final = re.compile(r"(^|_)(id|reason|symbol|version)$")
"""Fields that may look like a number and are none."""
_SENTENCES: Final = frozenset(
    {"reason", "why", "changed", "summary", "detail", "outcome", "result", "data", "route", "markouts", "url"}
)
_HEADS: Final = {"state.value": "STATE", "pnl.total": "P&L", "fees_usdt": "FEES PAID USDT"}
_WIDE: Final = "+"


class Form(Enum):
    """How to show it."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_for_people(self) -> bool:
        """Whether it is a table."""
        return self in (Form.TABLE, Form.WIDE)


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


def table_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], form: Form = Form.TABLE) -> Table:
    """One row each, with these fields; `a.b` is field b of field a, and `a+` is shown with `-o wide` only.

    Sentences take more lines where the room is not enough; numbers, names and times are never broken.
    """
    shown = [name.removesuffix(_WIDE) for name in columns if form is Form.WIDE or not name.endswith(_WIDE)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        head = _HEADS.get(name) or name.rpartition(".")[2].upper().replace("_", " ")
        table.add_column(head, no_wrap=name not in _SENTENCES, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(field_of(row, name), name)) for name in shown))
    return table


def field_of(row: Mapping[str, Any], name: str) -> Any:
    """A field, or a field of a field."""
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def cell(value: Any, name: str = "") -> str:
    """A field as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(cell(one) for one in value) or "-"
        case dict():
            return ", ".join(f"{key} {cell(one, key)}" for key, one in value.items()) or "-"
        case str() if _DECIMAL.fullmatch(value) and not _NAME.search(name):
            return number(Decimal(value), is_amount=_AMOUNT.search(name.rpartition(".")[2]) is not None)
        case str() if at := _TIME.fullmatch(value):
            return f"{at[1]} {at[2]}"
        case _:
            return str(value)


def number(value: Decimal, *, is_amount: bool) -> str:
    """Without trailing zeros; with two decimals (six if it is no amount), or more where those say nothing."""
    least, digits = (2, 2) if is_amount else (6, 4)
    text = format(value, f".{max(least, digits - 1 - value.adjusted())}f") if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text
