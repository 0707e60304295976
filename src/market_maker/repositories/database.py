"""The connection pool."""

import asyncio
import logging
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

import asyncpg

from market_maker.repositories.errors import DatabaseUnavailableError, DatabaseUrlError, is_unavailable
from market_maker.repositories.executor import Executor

CLOSE_S_MAX = 1.0
IDLE_IN_TRANSACTION_MS_MAX = 10_000
"""A process that is stopped inside a transaction loses it after this long, so that it cannot keep its
locks from a successor."""
_FILES = ("sslrootcert", "sslcert", "sslkey")
"""Parameters of the URL that name files."""
_POOL_LOG: Final = logging.getLogger("asyncpg.pool")


async def open_pool(
    url: str,
    *,
    min_size: int = 1,
    max_size: int = 8,
    connect_timeout_s: float = 5.0,
    command_timeout_s: float = 10.0,
    application_name: str = "market-maker",
) -> asyncpg.Pool:
    """A pool with at least one working connection.

    Raises DatabaseUrlError for a URL that cannot be used, DatabaseUnavailableError when no connection
    can be made; neither message holds the password.
    """
    check_url(url)
    _POOL_LOG.addFilter(_in_one_line)  # the same filter is added once
    try:
        return await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=connect_timeout_s,
            command_timeout=command_timeout_s,
            reset=_leave_session,
            server_settings={
                "application_name": application_name,
                # Our queries are small: compiling one takes longer than running it.
                "jit": "off",
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS_MAX),
            },
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise connection_error(url, error) from error


def _in_one_line(record: logging.LogRecord) -> bool:
    """What the pool tells with a stack trace while PostgreSQL is away, as the reason alone."""
    if record.exc_info and (error := record.exc_info[1]) is not None:
        record.msg, record.args = f"{record.getMessage()}: {type(error).__name__}: {error}", None
        record.exc_info = record.exc_text = None
    return True


async def _leave_session(_connection: object) -> None:
    """What a connection does when it goes back: nothing. asyncpg itself ends an open transaction.

    By default it asks the server to reset the session, a round trip more per transaction (a third of its
    time). No query here leaves anything in the session: no SET, no LISTEN, no session lock.
    """


async def close_pool(pool: asyncpg.Pool) -> None:
    """Give the connections back in order; a server that is silent loses them after a second."""
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def ping(db: Executor) -> None:
    """Ask the server for an answer. Raises DatabaseUnavailableError."""
    try:
        await db.fetchrow("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailableError(f"PostgreSQL does not answer: {_text(error)}") from error


def check_url(url: str) -> SplitResult:
    """The parts of a database URL; DatabaseUrlError when it cannot be one."""
    example = "use postgresql://user:password@host:5432/database"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        # A port that is none may be half of an unescaped password: do not repeat it.
        raise DatabaseUrlError(
            f"POSTGRES_URL: malformed host or port (escape special characters of the password); {example}"
        ) from error
    if parts.scheme not in ("postgres", "postgresql"):
        raise DatabaseUrlError(f"POSTGRES_URL: the scheme must be postgresql; {example}")
    if not parts.hostname and "host" not in parse_qs(parts.query):
        raise DatabaseUrlError(f"POSTGRES_URL: the host is missing; {example}")
    if not parts.path.strip("/"):
        raise DatabaseUrlError(f"POSTGRES_URL: the database name is missing; {example}")
    for name, value in parse_qsl(parts.query):
        if name in _FILES and not Path(value).is_file():
            raise DatabaseUrlError(
                f"POSTGRES_URL: {name} is {value!r}: name a file that exists, with its whole path"
            )
    return parts


def connection_error(url: str, error: Exception) -> DatabaseUrlError | DatabaseUnavailableError:
    """Why no connection could be made, in one sentence without the password."""
    where = describe(url)
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return DatabaseUrlError(f"POSTGRES_URL: there is no such database at {where}; create it first")
    if isinstance(error, asyncpg.InvalidPasswordError):
        return DatabaseUrlError(f"POSTGRES_URL: {where} refuses the user or password")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return DatabaseUrlError(f"POSTGRES_URL: {where} refuses the connection: {_text(error)}")
    if isinstance(error, TimeoutError):
        return DatabaseUnavailableError(
            f"POSTGRES_URL: PostgreSQL at {where} did not answer in time; is it running?"
        )
    if is_unavailable(error):
        return DatabaseUnavailableError(
            f"POSTGRES_URL: PostgreSQL at {where} cannot be reached ({_text(error)}); is it running?"
        )
    return DatabaseUrlError(f"POSTGRES_URL: {where}: {_text(error)}")


def describe(url: str) -> str:
    """Host, port and database of a URL that `check_url` accepts: what may be shown."""
    parts = check_url(url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port}{parts.path}"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
