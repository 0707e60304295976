"""What a person sees while the demo runs."""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from market_maker.demo.book_checker import BookChecker
from market_maker.demo.people import PEOPLE, token_file
from market_maker.demo.stack import ACCOUNT_ID, Stack

LOG_WIDTH = 120
"""Columns where the output is no terminal."""
_STATE_STYLE = {"ACTIVE": "bold green", "PAUSED": "yellow", "HALTED": "bold red"}
_COLUMNS = (
    "symbol",
    "state",
    "best bid",
    "best ask",
    "our spread",
    "position",
    "P&L",
    "fills",
    "orders",
    "book",
)


def banner(stack: Stack, changes: list[str], symbols: list[str]) -> Panel:
    """Where everything is, and which settings differ from the service's defaults."""
    service_pid = stack.service.pid if stack.service is not None else "-"
    lines = [
        f"API and console  {stack.api_url}/       reference {stack.api_url}/docs{stack.api_note}",
        f"metrics          {stack.metrics_url}{stack.metrics_note}",
        f"exchange         {stack.sandbox_url}/sandbox/report?account_id={ACCOUNT_ID}",
        f"service          process {service_pid}; it is started again when it dies, and then stays PAUSED",
        f"logs             {stack.directory}",
        f"symbols          {', '.join(symbols)}",
        *_signing_in(stack),
        *(
            ("SHADOW MODE      quotes are computed and published; no order is sent",)
            if stack.is_shadow
            else ()
        ),
        "Changed from the document's defaults: " + ("; ".join(changes) or "nothing"),
        "Ctrl-C ends all of it.",
    ]
    return Panel("\n".join(lines), title="TradeX market maker, demo", expand=False)


def _signing_in(stack: Stack) -> list[str]:
    """Where the tokens are, when the API asks for them."""
    if not stack.asks_for_tokens:
        return []
    one, other = (token_file(stack.directory, name) for name in PEOPLE)
    return [
        f"sign in as       {PEOPLE[0]} or {PEOPLE[1]}, with what {one} or {other.name} beside it holds",
        f"                 {installed('mmctl')} --url {stack.api_url} --token-file {one} status",
        "approvals        one change waits; whoever proposes a change cannot approve it, the other can",
    ]


def commands(stack: Stack, symbols: list[str]) -> list[str]:
    """What to type in another terminal, one line each; printed outside of any frame, to be copied."""
    program = installed("market-maker")
    market = _given(stack, "KAFKA_BROKERS", "SCHEMA_REGISTRY_URL")
    record = _given(stack, "POSTGRES_URL", "MM_PROGRAMMES_FILE")
    return [
        "Record these markets for backtests, and make a page of what was earned:",
        f"  {market} {program} capture --symbols {','.join(symbols)} --for 1m --out tape.gz",
        f"  {record} {program} report --from 24h --out report.html",
    ]


def installed(program: str) -> str:
    """How a program of this environment is called from here, where no PATH leads to it."""
    path = Path(sys.executable).with_name(program)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _given(stack: Stack, *names: str) -> str:
    return " ".join(f"{name}={stack.environment[name]}" for name in names if name in stack.environment)


def live_table(statuses: dict[str, dict[str, Any]], checker: BookChecker, elapsed_s: float) -> Group:
    """One row a symbol."""
    table = Table(title=f"{elapsed_s:6.1f} s", title_justify="left", expand=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("symbol", "state") else "right")
    for symbol, status in sorted(statuses.items()):
        table.add_row(*_cells(symbol, status, checker))
    reasons = [
        Text(f"{symbol}: {status['kill']['reason']} ({status['kill']['measured']})", style="red")
        for symbol, status in sorted(statuses.items())
        if status["kill"] is not None
    ]
    return Group(table, *reasons)


def _cells(symbol: str, status: dict[str, Any], checker: BookChecker) -> list[Text | str]:
    book, state = status["book"], status["state"]["value"]
    spread = status["spread_bps"]
    bad = len(checker.mismatches[symbol]) + len(checker.mid_mismatches[symbol])
    return [
        symbol,
        Text(f"{state} (shadow)" if status.get("shadow_mode") else state, style=_STATE_STYLE[state]),
        book["best_bid"] or "-",
        book["best_ask"] or "-",
        f"{Decimal(spread):.2f} bps" if spread is not None else "-",
        status["position"],
        f"{Decimal(status['pnl']['total']):+.4f}",
        str(status["fill_count"]),
        str(status["open_orders"]),
        Text(f"{checker.checks[symbol]} ok" if not bad else f"{bad} WRONG", style="red" if bad else ""),
    ]


def console(*, to_stderr: bool) -> Console:
    """Where people read: standard error when standard output belongs to a script."""
    made = Console(stderr=to_stderr)
    return made if made.is_terminal else Console(stderr=to_stderr, width=LOG_WIDTH)
