"""Configurations: get, apply, diff, history, rollback, and what waits for a second person."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from mmctl.client import Client
from mmctl.failures import Exit, Failure, why
from mmctl.output import Form, cell, show, table_of
from mmctl.plan import StepResult, apply_step, plan
from mmctl.session import SESSION, FormOption, OnlySymbols, Reason, Symbol, Yes, command, confirm

config = typer.Typer(help="Configurations: what the desk sets per symbol.", no_args_is_help=True)

Proposal = Annotated[int, typer.Argument(help="Its id, as `mmctl config proposals` lists it.", min=1)]

_STEP = ("symbol", "action", "field", "before", "after")
_DONE = ("symbol", "action", "result")
_CHANGES = ("field", "before", "after")
_HISTORY = ("version", "at", "author", "reason", "changed")
_PROPOSALS = ("id", "symbol", "state", "author", "reason", "changed", "needs_role", "expires_at")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for act in (get, apply, diff, history, rollback, proposals, approve, reject):
        config.command()(command(act))
    app.add_typer(config, name="config")


def get(
    symbols: OnlySymbols = None,
    output: FormOption = Form.YAML,
) -> None:
    """Configurations, in the form that `apply` reads."""
    client = SESSION.client()
    if symbols:
        found = [client.get(f"/v1/mm-configs/{symbol}") for symbol in symbols]
    else:
        found = client.get("/v1/mm-configs")["items"]
    fields = [name for name in (found[0] if found else {}) if name != "symbol"]
    rows = [{"field": name, **{one["symbol"]: one[name] for one in found}} for name in fields]
    show(output, {"items": found}, table_of(rows, ["field", *(one["symbol"] for one in found)]))


def apply(
    file: Annotated[Path, typer.Option("-f", "--file", help="YAML or JSON: one configuration, or `items`.")],
    reason: Reason = "applied by mmctl",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    confirmed: Annotated[
        bool, typer.Option("--confirm", help="Confirm leaps that the service asks about.")
    ] = False,
    yes: Yes = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Bring symbols to what a file says: creates, changes, and leaves alone what is so already.

    Fields that the file does not name keep their value; symbols that it does not name are not touched. What
    is shown is what is done: a configuration that somebody changes in between is refused. A dry run is
    checked by the service like the real one, and ends with the same exit code.
    """
    client = SESSION.client()
    steps = plan(client, _read(file))
    changing = [step for step in steps if step.changes]
    if dry_run or (output.is_for_people and changing):
        rows = [row for step in steps for row in step.rows()]
        show(output, rows, table_of(rows, _STEP))
    if changing and not dry_run:
        confirm(f"apply this to {', '.join(step.symbol for step in changing)}?", yes=yes)
    done = [apply_step(client, step, reason, confirmed=confirmed, dry_run=dry_run) for step in steps]
    if dry_run:
        for one in done:
            if one.failure is not None or one.waits:
                typer.echo(f"mmctl: {one.step.symbol}: {one.result}", err=True)
    else:
        show(output, [one.row() for one in done], table_of((one.row() for one in done), _DONE))
    _end(done, dry_run=dry_run)


def _end(done: Sequence[StepResult], *, dry_run: bool) -> None:
    """Fail unless everything was applied, or would be."""
    failed = [one for one in done if one.failure is not None]
    if failed:
        code = failed[0].failure.code if len(failed) == len(done) and failed[0].failure else Exit.PARTLY
        not_applied = "would not be applied" if dry_run else "not applied"
        raise Failure(code, f"{not_applied} to {', '.join(one.step.symbol for one in failed)}")
    if any(one.waits for one in done):
        raise Failure(Exit.WAITS, "what waits takes place when a second person approves it")


def diff(
    symbol: Symbol,
    version: Annotated[
        int | None, typer.Argument(help="From this version; without it the one before.")
    ] = None,
    to: Annotated[int | None, typer.Option(help="To this one; without it the present.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """What differs between two versions of a configuration."""
    client = SESSION.client()
    path = f"/v1/mm-configs/{symbol}/versions"
    if version is None:
        newest = client.get(path, limit=1)["items"][0]["version"]
        version = max(newest - 1, 1)
    answer = client.get(f"{path}/{version}/diff", to=to)
    show(output, answer, table_of(answer["changes"], _CHANGES))


def history(
    symbol: Symbol,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Versions at most, newest first.")] = 50,
    output: FormOption = Form.TABLE,
) -> None:
    """Every configuration that a symbol has had: who, when, why and what changed."""
    rows = list(SESSION.client().pages(f"/v1/mm-configs/{symbol}/versions", limit))
    shown = [{**row, "changed": _changed(row)} for row in rows]
    show(output, rows, table_of(shown, _HISTORY))


def rollback(
    symbol: Symbol,
    version: Annotated[int, typer.Argument(help="As `history` counts them.", min=1)],
    reason: Reason = "rolled back by mmctl",
    confirmed: Annotated[
        bool, typer.Option("--confirm", help="Confirm leaps that the service asks about.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Give a symbol the settings of an earlier version, as a new version."""
    client = SESSION.client()
    changes = client.get(f"/v1/mm-configs/{symbol}/versions/{version}/diff")["changes"]
    rows = [
        {"field": one["field"], "before": one["after"], "after": one["before"]}
        for one in changes
        if one["field"] != "enabled"  # it stays as it is
    ]
    show(Form.TABLE, rows, table_of(rows, _CHANGES))
    confirm(f"roll {symbol} back to version {version}?", yes=yes)
    body = {"version": version, "reason": reason, "confirm": confirmed}
    status, answer = client.ask("POST", f"/v1/mm-configs/{symbol}/rollback", body)
    _say_waits(status, answer)
    typer.echo(f"{symbol} has the settings of version {version}")


def proposals(
    every: Annotated[bool, typer.Option("--all", help="Also those that are decided or expired.")] = False,
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Changes that wait for a second person."""
    rows = list(SESSION.client().pages("/v1/mm/proposals", 1000, pending=not every, symbol=symbol))
    shown = [{**row, "changed": _changed(row)} for row in rows]
    show(output, rows, table_of(shown, _PROPOSALS))


def approve(proposal: Proposal, reason: Reason = "approved by mmctl", yes: Yes = False) -> None:
    """Let somebody else's change take place."""
    answer = _decide(proposal, "approve", reason, yes=yes)
    typer.echo(f"{answer['proposal']['symbol']} has version {answer['version']}")


def reject(proposal: Proposal, reason: Reason = "rejected by mmctl", yes: Yes = False) -> None:
    """Reject a change, or take back one's own."""
    typer.echo(f"proposal {_decide(proposal, 'reject', reason, yes=yes)['id']} is rejected")


def _decide(proposal: int, verb: str, reason: str, *, yes: bool) -> Any:
    client = SESSION.client()
    row = client.get(f"/v1/mm/proposals/{proposal}")
    _check_open(row)
    if verb == "approve" and not yes:
        _check_may_approve(client, row)
    show(Form.TABLE, row, table_of(row["changes"], _CHANGES))
    confirm(f"{verb} {row['author']}'s change of {row['symbol']} ({row['reason']})?", yes=yes)
    path = f"/v1/mm-configs/{row['symbol']}/proposals/{proposal}/{verb}"
    return client.ask("POST", path, {"reason": reason})[1]


def _check_open(row: dict[str, Any]) -> None:
    """Nothing is shown as if it were to happen that is over. Raises Failure."""
    state = row["state"]
    if state != "PENDING":
        approved = state == "APPROVED"
        then = "it has taken place" if approved else "propose the change again if it is still wanted"
        raise Failure(Exit.REFUSED, f"proposal {row['id']} is {state}: {then}")


def _check_may_approve(client: Client, row: dict[str, Any]) -> None:
    """Nobody is asked about what the service would refuse. Raises Failure."""
    session = client.get("/v1/mm/session")
    if row["author"] == session["actor"]:
        detail = f"{row['author']} has proposed this change: somebody else has to approve it"
        raise Failure(Exit.REFUSED, detail)
    if not {row["needs_role"], "mm:risk"} & {*session["roles"]}:  # who owns the limits operates as well
        raise Failure(Exit.REFUSED, f"approving this change needs the role {row['needs_role']}")


def _say_waits(status: int, answer: Any) -> None:
    if status == 202:
        detail = f"proposal {answer['id']} waits for a second person ({answer['needs_role']})"
        raise Failure(Exit.WAITS, detail)


def _changed(row: dict[str, Any]) -> str:
    if all(one["before"] is None for one in row["changes"]):
        return "created" if row["changes"] else ""
    return "; ".join(
        f"{one['field']}: {cell(one['before'])} -> {cell(one['after'])}" for one in row["changes"]
    )


def _read(file: Path) -> list[dict[str, Any]]:
    """The configurations in a file. Raises Failure."""
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise Failure(Exit.BAD_CONTEXT, f"{file}: {why(error)}") from error
    items = read["items"] if isinstance(read, dict) and "items" in read else read
    rows = items if isinstance(items, list) else [items]
    if not rows or not all(isinstance(row, dict) and isinstance(row.get("symbol"), str) for row in rows):
        raise Failure(Exit.BAD_CONTEXT, f"{file}: each configuration must be a mapping with a symbol")
    named = [row["symbol"] for row in rows]
    twice = sorted({symbol for symbol in named if named.count(symbol) > 1})
    if twice:
        raise Failure(Exit.BAD_CONTEXT, f"{file}: {', '.join(twice)} stands in it more than once")
    return rows
