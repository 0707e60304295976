"""What changes a symbol's state: enable, pause, resume, flatten, kill, reset; how every symbol took it."""

from typing import Annotated, Any

import typer

from mmctl.failures import Exit, Failure
from mmctl.output import Form, show, table_of
from mmctl.session import (
    NOT_DURABLE,
    SESSION,
    FormOption,
    Reason,
    Symbol,
    Yes,
    checked_symbols,
    command,
    confirm,
    show_results,
)

Symbols = Annotated[
    list[str] | None,
    typer.Argument(help="The symbols meant.", show_default=False, callback=checked_symbols),
]
All = Annotated[bool, typer.Option("--all", help="Every symbol of the fleet.")]
Wait = Annotated[int, typer.Option("--wait", min=0, max=30, help="Seconds to wait for what only needs time.")]

_DRILL = ("id", "symbol", "triggered_at", "actor", "open_orders", "halted_us", "proven_zero_us", "reason")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for act in (enable, resume, pause, flatten, kill, reset, drill, drills):
        app.command()(command(act))


def enable(
    symbols: Symbols = None,
    every: All = False,
    reason: Reason = "enabled by mmctl",
    wait: Wait = 0,
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Start market making: PAUSED to ACTIVE."""
    _act("enable", symbols, every, output, {"reason": reason, "wait": wait}, asks=every and not yes)


def resume(
    symbols: Symbols = None,
    every: All = False,
    reason: Reason = "resumed by mmctl",
    wait: Wait = 0,
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Go on after a pause."""
    _act("resume", symbols, every, output, {"reason": reason, "wait": wait}, asks=every and not yes)


def pause(
    symbols: Symbols = None,
    every: All = False,
    reason: Reason = "paused by mmctl",
    output: FormOption = Form.TABLE,
) -> None:
    """Stop quoting and cancel the orders. Never asks."""
    _act("pause", symbols, every, output, {"reason": reason})


def flatten(
    symbols: Symbols = None,
    every: All = False,
    reason: Reason = "flattened by mmctl",
    output: FormOption = Form.TABLE,
) -> None:
    """Cancel every order and leave the symbols PAUSED, in whichever state; positions stay. Never asks."""
    _act("emergency/flatten", symbols, every, output, {"reason": reason})


def kill(
    symbols: Symbols = None,
    every: All = False,
    reason: Reason = "killed by mmctl",
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Pull the kill switch: nothing is sent any more, everything is cancelled, HALTED until a reset."""
    _act("emergency/kill", symbols, every, output, {"reason": reason}, asks=every and not yes)


def reset(
    symbols: Symbols = None,
    every: All = False,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is safe again.")] = "",
    rebase_pnl: Annotated[
        bool,
        typer.Option("--rebase-pnl", help="Count profit and loss from now on: the way back from a loss."),
    ] = False,
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Bring symbols back from HALTED to PAUSED. Look first at why they halted."""
    if not reason.strip():
        raise typer.BadParameter("say with --reason why it is safe again")
    _act("reset", symbols, every, output, {"reason": reason, "rebase_pnl": rebase_pnl}, asks=not yes)


def drill(
    symbol: Symbol,
    reason: Reason = "drill by mmctl",
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Try a symbol's kill switch: a kill like any other, measured and recorded as a drill."""
    confirm(f"kill {symbol} as a drill? It stays HALTED until a reset.", yes=yes)
    answer = SESSION.client().ask("POST", f"/v1/mm-configs/{symbol}/drill", {"reason": reason})[1]
    show(output, answer, table_of([answer], _DRILL, output))
    if not answer["durable"]:
        typer.echo(f"mmctl: {symbol} is HALTED; {NOT_DURABLE}", err=True)
    if answer["proven_zero_us"] is None and not answer["shadow_mode"]:
        raise Failure(Exit.PARTLY, f"{symbol} is HALTED, but that no order is open was not proven in time")


def drills(
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Every kill switch that was tried, newest first."""
    rows = list(SESSION.client().pages("/v1/mm/drills", 1000, symbol=symbol))
    show(output, rows, table_of(rows, _DRILL, output))


def _act(
    path: str, symbols: list[str] | None, every: bool, form: Form, body: dict[str, Any], *, asks: bool = False
) -> None:
    verb = path.rpartition("/")[2]
    if symbols and every:
        raise typer.BadParameter("name the symbols or say --all, not both")
    if not symbols and not every:
        raise typer.BadParameter("name the symbols, or say --all for every symbol")
    if asks:
        confirm(f"{verb} {'every symbol' if every else ', '.join(symbols or ())}?", yes=False)
    if not every:
        body = {**body, "symbols": symbols}
    answer = SESSION.client().ask("POST", f"/v1/mm/{path}", body)[1]
    show_results(answer["results"], form)
    refused = [one["symbol"] for one in answer["results"] if not one["accepted"]]
    if refused:
        raise Failure(Exit.PARTLY, f"{verb}: refused by {', '.join(refused)}, done by the others")
