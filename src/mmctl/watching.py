"""What is: the fleet's status, a live table of it, and why a symbol quotes what it quotes."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmctl.failures import Exit, Failure
from mmctl.output import Form, cell, console, show, table_of
from mmctl.session import SESSION, FormOption, OnlySymbols, Symbol, command

_COLUMNS = (
    "symbol",
    "state.value",
    "mid",
    "spread_bps",
    "position",
    "inventory_usdt+",
    "pnl.total",
    "open_orders+",
    "owner+",
    "summary",
)
_LEVELS = ("side", "level", "raw_price", "rounded_price+", "price", "quantity", "outcome", "detail")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for act in (status, watch, explain):
        app.command()(command(act))


def status(symbols: OnlySymbols = None, output: FormOption = Form.TABLE) -> None:
    """Every symbol at a glance, and what stands out."""
    answer = SESSION.client().get("/v1/mm/status")
    rows = _rows(answer, symbols)
    if not output.is_for_people:
        show(output, answer if not symbols else rows, Table())
        return
    for part in _page(answer, rows, output):
        console().print(part)


def watch(
    symbols: OnlySymbols = None,
    interval: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    looks: Annotated[
        int | None, typer.Option(min=1, help="End after so many; without it, with Ctrl-C.")
    ] = None,
) -> None:
    """The same, again and again; says so when the service stops answering, and goes on asking."""
    client = SESSION.client()
    left = looks
    with Live(console=console(), auto_refresh=False) as live:
        while left is None or left > 0:
            try:
                answer = client.get("/v1/mm/status")
                live.update(Group(*_page(answer, _rows(answer, symbols), Form.TABLE)), refresh=True)
            except Failure as failure:
                if failure.code is not Exit.UNREACHABLE:
                    raise
                live.update(
                    Text(f"no answer at {time.strftime('%H:%M:%S')}: {failure}", "bold red"), refresh=True
                )
            left = None if left is None else left - 1
            if left != 0:
                time.sleep(interval)


def explain(
    symbol: Symbol,
    output: FormOption = Form.TABLE,
) -> None:
    """Why these prices, and why not every level is in the market."""
    client = SESSION.client()
    answer = client.get(f"/v1/mm-configs/{symbol}/quotes")
    if not output.is_for_people:
        show(output, answer, Table())
        return
    out = console()
    out.print(
        Text(f"{symbol} is {answer['state']}{' (shadow mode)' if answer['shadow_mode'] else ''}", "bold")
    )
    for reason in answer["why_not"]:
        out.print(Text(f"  {reason['code']}: {reason['detail']}"))
    quote = answer["quote"]
    if quote is None:
        out.print("nothing is computed")
        return
    for name, value in quote.items():
        if name not in ("levels", "steps") and value not in (None, ""):
            out.print(Text(f"  {name:<18} {cell(value, name)}"))
    for step in quote["steps"]:
        value = f"{cell(step['value'], step['unit'])} {step['unit']}"
        out.print(Text(f"  {step['name']:<18} {value}: {step['says']}"))
    out.print(table_of(quote["levels"], _LEVELS, output))


def _rows(answer: Mapping[str, Any], symbols: Sequence[str] | None) -> list[dict[str, Any]]:
    rows = [one for one in answer["symbols"] if not symbols or one["symbol"] in symbols]
    missing = set(symbols or ()) - {one["symbol"] for one in rows}
    missing -= {one["symbol"] for one in answer["without_owner"]}
    if missing:
        raise Failure(Exit.NOT_FOUND, f"not configured: {', '.join(sorted(missing))}")
    return rows


def _page(answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], form: Form) -> list[Any]:
    """What a person sees: totals, warnings, the table."""
    parts: list[Any] = [Text(_totals(rows), "bold")]
    if answer["kill_switch"]["latched"]:
        parts.append(Text(f"KILLED: {', '.join(answer['kill_switch']['symbols'])}", "bold red"))
    if not answer["complete"]:
        parts.append(
            Text("not complete: some symbols are shown by nobody, or by a silent instance", "yellow")
        )
    parts += [
        Text(f"{one['symbol']}: no owner, {one['state'] or 'state unknown'}", "yellow")
        for one in answer["without_owner"]
    ]
    parts.append(table_of(rows, _COLUMNS, form))
    return parts


def _totals(rows: Sequence[Mapping[str, Any]]) -> str:
    """Of the symbols that are shown."""
    states = Counter(one["state"]["value"] for one in rows)
    inventories = [Decimal(one["inventory_usdt"] or 0) for one in rows]
    pnl = sum(Decimal(one["pnl"]["total"]) for one in rows)
    net, gross = (cell(f"{one:f}", "usdt") for one in (sum(inventories), sum(map(abs, inventories))))
    return (
        f"{len(rows)} {'symbol' if len(rows) == 1 else 'symbols'}: {states['ACTIVE']} active,"
        f" {states['PAUSED']} paused, {states['HALTED']} halted; P&L {cell(f'{pnl:f}', 'pnl')} USDT,"
        f" inventory {net} net, {gross} gross"
    )
