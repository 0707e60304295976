"""`market-maker maintain`: arguments, the connection, and one table after the other."""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

import asyncpg

from market_maker.core.ledger.fold import UnreadableFoldError
from market_maker.environment import SettingsError
from market_maker.maintenance.export import Export, ExportError
from market_maker.maintenance.settings import MaintenanceSettings
from market_maker.repositories.database import close_pool, open_pool
from market_maker.repositories.errors import DatabaseError, database_errors
from market_maker.repositories.migrations import SchemaOutdatedError, require_schema
from market_maker.repositories.pruning import Prunable, prunable_symbols

BATCH_ROWS: Final = 1_000
STATEMENT_S_MAX: Final = 5
"""For one batch; what takes longer is given up, so that it can block nobody for longer."""
COUNT_S_MAX: Final = 600
"""For counting, which blocks nobody."""
LOCK: Final = 0x6D6D_7072
"""Of the whole run, in the session: two runs at once would delete and export each other's rows."""

DESCRIPTION: Final = """\
Deletes from the database at POSTGRES_URL what is older than its table's retention:

  orders that are over          RETENTION_ORDERS_DAYS
  events that were sent         RETENTION_EVENTS_DAYS
  kills that were carried out   RETENTION_KILL_ORDERS_DAYS
  results of minutes, and how   RETENTION_PNL_DAYS
  they were spent
  markouts                      RETENTION_MARKOUTS_DAYS
  presence of programmes        RETENTION_PRESENCE_DAYS
  fills                         RETENTION_FILLS_DAYS, kept where it is not set
  the audit trail               RETENTION_AUDIT_DAYS, kept where it is not set

Never what is open, unresolved or unsent, and fills only as far as a checkpoint counts them. Run it once a
day; the service may be running.
"""
CODES: Final = "exit codes: 0 done, 1 not all could be done, 2 wrong settings or arguments"


def maintain(words: Sequence[str], environ: Mapping[str, str], out: TextIO | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="market-maker maintain",
        description=DESCRIPTION,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--export",
        metavar="DIR",
        type=Path,
        help="write each row to DIR/TABLE-TIME.jsonl.gz before it is deleted, as JSON, amounts as text",
    )
    parser.add_argument("--dry-run", action="store_true", help="count what would be deleted, delete nothing")
    options = parser.parse_args(words)
    try:
        settings = MaintenanceSettings.load(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return asyncio.run(_run(settings, options.export, out or sys.stdout, is_dry=options.dry_run))
    except (DatabaseError, SchemaOutdatedError, ExportError, UnreadableFoldError) as error:
        sys.stderr.write(f"market-maker maintain: {error}\n")
        return 1


async def _run(settings: MaintenanceSettings, export: Path | None, out: TextIO, *, is_dry: bool) -> int:
    pool = await open_pool(
        settings.postgres_url.reveal(),
        max_size=1,
        command_timeout_s=COUNT_S_MAX,
        application_name="market-maker maintain",
    )
    try:
        await require_schema(pool)
        with database_errors():
            async with pool.acquire() as connection:
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                    sys.stderr.write("market-maker maintain: another one is running; let it end\n")
                    return 1
                await _maintain(connection, settings, export, out, is_dry=is_dry)
    finally:
        await close_pool(pool)
    return 0


async def _maintain(
    connection: "asyncpg.pool.PoolConnectionProxy",
    settings: MaintenanceSettings,
    directory: Path | None,
    out: TextIO,
    *,
    is_dry: bool,
) -> None:
    now = datetime.now(UTC)
    symbols = await prunable_symbols(connection)
    with ExitStack() as files:
        export = None if directory is None or is_dry else files.enter_context(Export(directory, now))
        for prunable, days in settings.days():
            if days is None:
                out.write(f"{prunable.table}: kept for ever\n")
                continue
            before, count = now - timedelta(days=days), 0
            for symbol in symbols if prunable.has_symbols else ("",):
                if is_dry:
                    count += await prunable.count(connection, symbol, before) or 0
                else:
                    count += await _prune(connection, prunable, symbol, before, export)
            what = "would go" if is_dry else "deleted"
            where = f", exported to {export.path(prunable.table)}" if export is not None and count else ""
            out.write(f"{prunable.table}: {count} rows older than {days} days {what}{where}\n")
            out.flush()


async def _prune(
    connection: "asyncpg.pool.PoolConnectionProxy",
    prunable: Prunable,
    symbol: str,
    before: datetime,
    export: Export | None,
) -> int:
    """Delete batch by batch, with as long a rest after each; how many rows it were."""
    count = 0
    while True:
        began_s = time.monotonic()
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_S_MAX}s'")
            rows = await prunable.delete(connection, symbol, before, BATCH_ROWS)
            for table, deleted in rows.items():
                if deleted and export is not None:
                    export.write(table, deleted)
        went = len(rows.get(prunable.table, ()))
        count += went
        if went < BATCH_ROWS:
            return count
        await asyncio.sleep(time.monotonic() - began_s)
