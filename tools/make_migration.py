"""Write the next migration: what leads from the migrations so far to schema.sql.

    python -m tools.make_migration add_epoch_to_states

Two empty databases on a throwaway PostgreSQL, one brought up by the migrations, one by schema.sql, are
compared by `results dbdiff` (the successor of migra). Read what it wrote before committing it: a diff
knows no renames and no data.
"""

import asyncio
import shutil
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from lab.postgres_server import PostgresServer, start_server
from market_maker.repositories.migrations import MIGRATIONS_TABLE, migrate

SQL = Path(__file__).parent.parent / "src/market_maker/repositories/sql"


def main() -> int:
    """Write the migration named on the command line; 1 when there is nothing to write."""
    if len(sys.argv) != 2 or not sys.argv[1].isidentifier():
        sys.stderr.write("usage: python -m tools.make_migration NAME   (letters, digits, underscores)\n")
        return 2
    server, directory = start_server()
    try:
        up, down = asyncio.run(differences(server))
    finally:
        server.stop()
        shutil.rmtree(directory)
    if not up:
        sys.stderr.write("schema.sql and the migrations agree: nothing to write\n")
        return 1
    target = SQL / "migrations" / f"{datetime.now(UTC):%Y%m%d%H%M%S}_{sys.argv[1]}.sql"
    target.write_text(f"-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n")
    sys.stdout.write(f"{target}\n")
    return 0


async def differences(server: PostgresServer) -> tuple[str, str]:
    """SQL that leads from the migrations to schema.sql, and back; empty when they agree."""
    await build(server)
    migrated, declared = server.url("migrated"), server.url("declared")
    return await diff(migrated, declared), await diff(declared, migrated)


async def build(server: PostgresServer) -> None:
    """The databases `migrated` and `declared`, without dbmate's own table."""
    admin = await asyncpg.connect(server.url())
    for name in ("migrated", "declared"):
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    await migrate(server.url("migrated"))
    migrated = await asyncpg.connect(server.url("migrated"))
    await migrated.execute(f"DROP TABLE {MIGRATIONS_TABLE}")
    await migrated.close()
    declared = await asyncpg.connect(server.url("declared"))
    await declared.execute((SQL / "schema.sql").read_text())
    await declared.close()


async def diff(source: str, target: str) -> str:
    """SQL that turns the first database's schema into the second's; empty when they agree."""
    program = Path(sysconfig.get_path("scripts")) / "results"
    process = await asyncio.create_subprocess_exec(
        *(str(program), "dbdiff", source, target), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    if errors:
        raise RuntimeError(f"results dbdiff: {errors.decode()}")
    return output.decode().strip()


if __name__ == "__main__":
    sys.exit(main())
