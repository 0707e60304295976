"""What was: orders, fills, events of a symbol, and the audit trail."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mmctl.moments import HELP, moment, rfc3339
from mmctl.output import Form, cell, show, table_of
from mmctl.session import SESSION, FormOption, Symbol, command

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="Rows at most, newest first.")]
Since = Annotated[str | None, typer.Option("--from", "--since", help=f"Nothing older than this: {HELP}.")]
Until = Annotated[
    str | None, typer.Option("--to", "--until", help="Only what is older than this, in the same words.")
]

_ORDERS = (
    "created_at",
    "side",
    "level",
    "price",
    "quantity",
    "filled_quantity",
    "status",
    "client_order_id+",
    "reason",
)
_FILLS = (
    "executed_at",
    "side",
    "price",
    "quantity",
    "notional_usdt",
    "fee",
    "is_maker",
    "level",
    "trade_id+",
)
_EVENTS = ("occurred_at", "sent_at+", "event_type", "data")
_AUDIT = ("at", "actor", "symbol", "route", "outcome", "why")


_OF_SYMBOL = {
    "orders": (_ORDERS, "Our orders of a symbol, newest first."),
    "fills": (_FILLS, "Our fills of a symbol, newest first."),
    "events": (_EVENTS, "State changes and kills of a symbol, newest first."),
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for kind, (columns, says) in _OF_SYMBOL.items():
        app.command(kind, help=says)(command(_of_symbol(kind, columns)))
    app.command()(command(audit))


def _of_symbol(kind: str, columns: tuple[str, ...]) -> Callable[..., None]:
    def records(
        symbol: Symbol,
        limit: Limit = 50,
        since: Since = None,
        until: Until = None,
        output: FormOption = Form.TABLE,
    ) -> None:
        _list(f"/v1/mm-configs/{symbol}/{kind}", columns, limit, since, until, output)

    return records


def audit(
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only by this person.")] = None,
    changed: Annotated[str | None, typer.Option(help="Only where this field changed.")] = None,
    text: Annotated[str | None, typer.Option(help="Only where this stands somewhere.")] = None,
    limit: Limit = 50,
    since: Since = None,
    until: Until = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Who did what, when and why, newest first."""
    wanted = {"symbol": symbol, "actor": actor, "changed": changed, "text": text}
    _list("/v1/mm/audit", _AUDIT, limit, since, until, output, _outcome, **wanted)


def _list(
    path: str,
    columns: tuple[str, ...],
    limit: int,
    since: str | None,
    until: str | None,
    form: Form,
    add: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _: {},
    **wanted: str | None,
) -> None:
    """`add` makes what only the table shows of a row."""
    now = datetime.now(UTC)
    begin, end = (None if text is None else rfc3339(moment(text, now)) for text in (since, until))
    rows = list(SESSION.client().pages(path, limit, since=begin, until=end, **wanted))
    show(form, rows, table_of(({**row, **add(row)} for row in rows), columns, form))


def _outcome(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What came of a call: the state that the symbol is in, or the fields that changed."""
    before, after = row["before"] or {}, row["after"] or {}
    if "accepted" in after:
        return {"outcome": f"{'' if after['accepted'] else 'refused, '}{after['state']}"}
    if not before:
        return {"outcome": "created" if "symbol" in after else None}
    changed = (name for name, one in before.items() if after and name in after and after[name] != one)
    said = ", ".join(f"{name} {cell(before[name])} -> {cell(after[name])}" for name in changed)
    return {"outcome": said or (None if after else "removed")}
