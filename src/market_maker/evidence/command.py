"""The command: which period, from which database, in which form."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from market_maker import settings
from market_maker.durations import parse_moment
from market_maker.evidence.controls import CONTROLS
from market_maker.evidence.gather import Document, document, recorded
from market_maker.evidence.render import markdown
from market_maker.repositories.errors import DatabaseError, database_errors


def main(arguments: Sequence[str]) -> int:
    """Write the document to standard output; returns the exit code."""
    given = _parser().parse_args(arguments)
    url = os.environ.get("POSTGRES_URL", "")
    if not url:
        sys.stderr.write("market-maker evidence: POSTGRES_URL is not set; set it to the service's database\n")
        return 2
    if given.since >= given.until:
        sys.stderr.write("market-maker evidence: --from must be before --to\n")
        return 2
    try:
        made = asyncio.run(_gather(url, given.since, given.until))
    except DatabaseError as error:
        sys.stderr.write(f"market-maker evidence: {error}\n")
        return 1
    sys.stdout.write(json.dumps(made, indent=2) + "\n" if given.json else markdown(made))
    return 0


async def _gather(url: str, since: datetime, until: datetime) -> Document:
    with database_errors():
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                found = await recorded(connection, since, until)
        finally:
            await connection.close()
    return document(found, settings_now(os.environ), since, until)


def settings_now(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the controls name, as the environment or their defaults set them."""
    named = {name for control in CONTROLS for name in control.settings}
    return {
        one.name: environ.get(one.name) or (one.default if one.default is not None else "not set")
        for one in settings.variables()
        if one.name in named
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="market-maker evidence",
        description="One document on the controls of a period: settings, values over time, tests, drills,"
        " kills and changes. Reads the database at POSTGRES_URL and writes to standard output.",
    )
    add = parser.add_argument
    add("--from", dest="since", type=_time, required=True, metavar="TIME", help="2026-01-01, or 90m, 24h ago")
    add("--to", dest="until", type=_time, default="now", metavar="TIME", help="excluded (default: now)")
    add("--json", action="store_true", help="JSON instead of Markdown")
    return parser


def _time(text: str) -> datetime:
    """A time, or a duration before now."""
    try:
        return parse_moment(text, datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
