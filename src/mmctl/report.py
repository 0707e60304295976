"""What symbols earned in a period and how far market maker programmes were kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from mmctl.client import Client
from mmctl.moments import HELP, moment, rfc3339
from mmctl.output import Form, console, show, table_of
from mmctl.session import SESSION, FormOption, checked_symbols, command

DAYS_MAX: Final = 31
"""Days whose obligations are asked for, one by one."""
_PARTS: Final = ("spread_usdt", "inventory_usdt", "fees_usdt", "total_usdt")
_RESULTS: Final = ("symbol", *_PARTS, "position", "markouts")
_PERIODS: Final = ("symbol", "since", *_PARTS, "position")
_OBLIGATIONS: Final = (
    "day",
    "programme",
    "symbol",
    "tier",
    "share_pct",
    "min_share_pct",
    "met",
    "max_spread_bps+",
    "min_size+",
    "size_currency+",
    "measure+",
)


class Stretch(Enum):
    """How long the periods are that results are shown for."""

    HOUR = "hour"
    DAY = "day"


_ASKED_MAX: Final = {Stretch.HOUR: timedelta(days=31), Stretch.DAY: timedelta(days=366)}
"""What the service answers at once."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(command(report))


def report(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these; every configured one.", show_default=False, callback=checked_symbols
        ),
    ] = None,
    since: Annotated[str, typer.Option("--from", help=f"Begin: {HELP}.")] = "24h",
    until: Annotated[str, typer.Option("--to", help="End, in the same words.")] = "now",
    by: Annotated[
        Stretch | None, typer.Option(help="A line for each hour or day, and not their sum.")
    ] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """What symbols earned, where it came from, what fills were worth later, and how programmes were kept.

    The total is spread + inventory - fees paid, which are below zero where rebates exceed them.
    Sums are of whole UTC hours, or days when the period is longer than a week. `market-maker report` writes a
    page with charts from the database.
    """
    now = datetime.now(UTC)
    begin, end = moment(since, now), moment(until, now)
    if begin >= end:
        raise typer.BadParameter(f"--from {since} must be before --to {until}")
    client = SESSION.client()
    unit = by or (Stretch.DAY if end - begin > timedelta(days=7) else Stretch.HOUR)
    names = symbols or [one["symbol"] for one in client.get("/v1/mm-configs")["items"]]
    found = [_results(client, name, begin, end, unit) for name in names]
    kept = [one for one in _obligations(client, begin, end) if not symbols or one["symbol"] in symbols]
    if not output.is_for_people:
        totals = [{"symbol": one["symbol"], **_total(one["results"])} for one in found]
        show(output, {"results": found, "totals": totals, "obligations": kept}, table_of((), ()))
        return
    out = console()
    first = min((one["since"] for one in found), default=rfc3339(begin))
    out.print(Text(f"{first[:16].replace('T', ' ')} to {rfc3339(end)[:16].replace('T', ' ')} UTC", "bold"))
    if by is None:
        out.print(table_of(map(_summary, found), _RESULTS, output))
    else:
        out.print(table_of((row for one in found for row in _periods(one)), _PERIODS, output))
    out.print(Text("TOTAL = SPREAD + INVENTORY - FEES PAID", "dim"))
    if kept:
        out.print()
        out.print(table_of(kept, _OBLIGATIONS, output))


def _results(client: Client, name: str, begin: datetime, end: datetime, by: Stretch) -> dict[str, Any]:
    """A symbol's results, asked for in parts where the period is longer than one answer holds."""
    hour = 0 if by is Stretch.DAY else begin.hour
    since, most = begin.replace(hour=hour, minute=0, second=0, microsecond=0), _ASKED_MAX[by]
    parts = []
    while since < end:
        until = min(since + most, end)
        period = {"since": rfc3339(since), "until": rfc3339(until), "by": by.value}
        parts.append(client.get(f"/v1/mm-configs/{name}/results", **period))
        since = until
    rows = {kind: [row for part in parts for row in part[kind]] for kind in ("results", "markouts")}
    return {**parts[0], "until": parts[-1]["until"], **rows}


def _obligations(client: Client, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """How each programme stood on each of its days, the last ones if they are many."""
    last = (end - timedelta(microseconds=1)).date()
    first = max(begin.date(), last - timedelta(days=DAYS_MAX - 1))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        {"day": day.isoformat(), **one}
        for day in days
        for one in client.get("/v1/mm/obligations", day=day.isoformat())["items"]
        if one["total"]
    ]


def _summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """A symbol's period in one line."""
    rows = found["results"]
    position = rows[-1]["position"] if rows else None
    return {
        "symbol": found["symbol"],
        **(_total(rows) if rows else {}),
        "position": position,
        "markouts": ", ".join(_markouts(found["markouts"])) or None,
    }


def _periods(found: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for one in found["results"]:
        yield {
            "symbol": found["symbol"],
            "since": one["since"],
            **one["parts"],
            "position": one["position"],
        }


def _total(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The sum of each part, exactly."""
    return {
        name: format(sum((Decimal(one["parts"][name]) for one in rows), Decimal(0)), "f") for name in _PARTS
    }


def _markouts(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Each horizon's sum over sides and levels, such as `10s +1.25 USDT (12)`."""
    for horizon in sorted({one["horizon_ms"] for one in rows}):
        those = [one for one in rows if one["horizon_ms"] == horizon and one["measured"]]
        if those:
            usdt = sum((Decimal(one["usdt"]) for one in those), Decimal(0))
            fills = sum(one["measured"] for one in those)
            yield f"{horizon / 1000:g}s {usdt:+.2f} USDT ({fills})"
