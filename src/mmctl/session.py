"""What every command starts with: the global options, and the client they lead to."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

import typer

from mmctl.client import Client, Refusal
from mmctl.contexts import Contexts
from mmctl.failures import Exit, Failure, end
from mmctl.output import Form, show, table_of

_P = ParamSpec("_P")
_R = TypeVar("_R")

NOT_DURABLE = "done, but not in the database yet: a crash now would forget it, look again"
RESULT_COLUMNS = ("symbol", "accepted", "state", "outcome")


@dataclass
class GlobalOptions:
    """The global options."""

    context: str | None = None
    url: str | None = None
    token_file: str | None = None

    opened: Client | None = None

    def client(self) -> Client:
        """A client of the service meant. Raises Failure."""
        chosen = Contexts.load().chosen(self.context)
        if self.url is not None:
            chosen = replace(chosen, url=self.url)
        if self.token_file is not None:
            chosen = replace(chosen, token_file=self.token_file)
        self.opened = Client(chosen)
        return self.opened

    def close(self) -> None:
        """Close its connections."""
        if self.opened is not None:
            self.opened.close()


SESSION = GlobalOptions()
"""Set by the options before the command; one process carries out one command."""

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


def checked_symbol(symbol: str) -> str:
    """The symbol; BadParameter for what would be another path of the service."""
    if not _SYMBOL.fullmatch(symbol):
        raise typer.BadParameter(f"{symbol!r} is no symbol: name one such as BTCUSDT")
    return symbol


def checked_symbols(symbols: list[str] | None) -> list[str] | None:
    """The same of several."""
    return symbols and [checked_symbol(one) for one in symbols]


Symbol = Annotated[str, typer.Argument(help="A symbol.", callback=checked_symbol)]
OnlySymbols = Annotated[
    list[str] | None, typer.Argument(help="Only these.", show_default=False, callback=checked_symbols)
]
FormOption = Annotated[
    Form,
    typer.Option("-o", "--output", help="table (wide: more columns) for people, json or yaml for scripts."),
]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, for the audit trail.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def command(act: Callable[_P, _R]) -> Callable[_P, _R]:
    """A command whose failures end it with a sentence and an exit code."""

    @wraps(act)
    def ended(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return act(*args, **kwargs)
        except Failure as failure:
            if isinstance(failure, Refusal) and failure.results:
                show_results(failure.results, Form.TABLE)
            raise end(failure) from failure
        finally:
            SESSION.close()

    return ended


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; a refusal ends the command."""
    try:
        confirmed = yes or typer.confirm(question)
    except typer.Abort:  # nobody is there to answer
        raise Failure(Exit.REFUSED, "not done: nobody has confirmed it (--yes does)") from None
    if not confirmed:
        raise Failure(Exit.REFUSED, "not done: not confirmed")


def show_results(results: list[dict[str, object]], form: Form) -> None:
    """How each symbol took it."""
    rows = [{**one, "outcome": _outcome(one)} for one in results]
    show(form, results, table_of(rows, RESULT_COLUMNS))


def _outcome(result: dict[str, object]) -> str:
    problems = result.get("problems") or []
    if isinstance(problems, list) and problems:
        return "; ".join(str(one["detail"]) for one in problems)
    if result.get("pending"):
        return "on record, no instance has carried it out yet"
    if result.get("durable") is False:
        return NOT_DURABLE
    return "done"
