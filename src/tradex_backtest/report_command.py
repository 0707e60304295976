"""`market-maker report`: a period from the database; 0 written, 1 no database, 2 wrong arguments."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from market_maker.core.obligations import Programme
from market_maker.durations import parse_moment
from market_maker.programme_files import programmes as programmes_of
from market_maker.repositories.database import close_pool, open_pool
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.migrations import require_schema
from tradex_backtest.errors import BacktestError
from tradex_backtest.parser import command, command_parser
from tradex_backtest.report.figures import Subject
from tradex_backtest.report.obligations import stored_presence
from tradex_backtest.report.page import report_json, write_page
from tradex_backtest.report.stored import stored_subject, stored_symbols

EPILOG = """Times are ISO 8601, such as 2026-11-20T08:00:00Z (no zone: UTC), or a duration before now: 24h.
The database is the one at POSTGRES_URL, which is only read."""

NOTES: Final = (
    "From the service's database; results and reasons for not quoting of full minutes.",
    "Not stored, so not told: the queue before orders.",
)


@command("report", DatabaseError)
def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; returns the exit code."""
    found = _parser().parse_args(words)
    if not found.out and not found.json:
        raise BacktestError("give --out report.html, --json or both")
    url = environ.get("POSTGRES_URL", "")
    if not url:
        raise BacktestError(
            "POSTGRES_URL is not set; set it to postgresql://user:password@host:5432/database"
        )
    now = datetime.now(UTC)
    since, until = _time("--from", found.since, now), _time("--to", found.until, now)
    if since >= until:
        raise BacktestError(f"--from {since.isoformat()} must be before --to {until.isoformat()}")
    programmes = _programmes(found.programmes or environ.get("MM_PROGRAMMES_FILE", ""))
    subjects = asyncio.run(_read(url, tuple(found.symbol), programmes, since, until))
    _tell(found.out, subjects, since, until, as_json=found.json)
    return 0


def _tell(
    out: Path | None, subjects: Sequence[Subject], since: datetime, until: datetime, *, as_json: bool
) -> None:
    if out is not None:
        title = f"Market making from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
        write_page(out, title, subjects, NOTES)
    if as_json:
        told = {"from": since.isoformat(), "to": until.isoformat(), **report_json(subjects)}
        sys.stdout.write(json.dumps(told) + "\n")


def _programmes(file: str) -> tuple[Programme, ...]:
    try:
        return programmes_of(file) if file else ()
    except ValueError as error:
        raise BacktestError(f"--programmes {file}: {error}") from None


async def _read(
    url: str, symbols: Sequence[str], programmes: Sequence[Programme], since: datetime, until: datetime
) -> list[Subject]:
    pool = await open_pool(url, max_size=1, application_name="market-maker report", command_timeout_s=300)
    try:
        await require_schema(pool)
        known = await stored_symbols(pool)
        for symbol in symbols:
            if symbol not in known:
                raise BacktestError(
                    f"--symbol {symbol}: not configured; there are {', '.join(known) or 'none'}"
                )
        return [
            replace(
                await stored_subject(pool, symbol, since, until),
                presence=await stored_presence(pool, programmes, symbol, since, until),
            )
            for symbol in symbols or known
        ]
    finally:
        await close_pool(pool)


def _time(name: str, text: str, now: datetime) -> datetime:
    try:
        return parse_moment(text, now)
    except ValueError as error:
        raise BacktestError(f"{name} {text!r}: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "market-maker report",
        "What a symbol earned in a period, where it came from, and how its orders did.",
        EPILOG,
    )
    add = parser.add_argument
    add("--from", dest="since", default="24h", metavar="TIME", help="begin (default: 24h before now)")
    add("--to", dest="until", default="now", metavar="TIME", help="end (default: now)")
    add("--symbol", action="append", default=[], help="repeatable (default: every configured one)")
    add("--programmes", default="", metavar="FILE.yaml", help="obligations (default: MM_PROGRAMMES_FILE)")
    add("--out", type=Path, metavar="report.html", help="write the page")
    add("--json", action="store_true", help="the same numbers as one line on standard output")
    return parser
