import asyncio
import logging

import asyncpg
import pytest

from lab.postgres_server import PostgresServer, free_port
from market_maker.repositories.database import close_pool, describe, open_pool, ping
from market_maker.repositories.errors import (
    DatabaseUnavailableError,
    DatabaseUrlError,
    DuplicateError,
    RecordRefusedError,
    database_errors,
)


async def test_the_pool_sets_its_connections_up(database_url: str) -> None:
    async with await open_pool(database_url, application_name="desk-7") as pool:
        assert await pool.fetchval("SHOW application_name") == "desk-7"
        assert await pool.fetchval("SHOW jit") == "off"
        assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "the scheme must be postgresql"),
        ("mysql://u@h/d", "the scheme must be postgresql"),
        ("localhost:5432/d", "the scheme must be postgresql"),
        ("postgresql:///d", "the host is missing"),
        ("postgresql://u@h:5432", "the database name is missing"),
        ("postgresql://u:s3cret@h:port/d", "malformed host or port"),
        ("postgresql://u:s3cret/x@h:5432/d", "malformed host or port"),
        ("postgresql://u:s3cret@h:99999/d", "malformed host or port"),
        ("postgresql://u:s3cret@127.0.0.1:1/d?sslmode=perhaps", "sslmode"),
    ],
)
async def test_a_malformed_url_is_named_with_the_fix_and_without_the_password(
    url: str, complaint: str
) -> None:
    with pytest.raises(DatabaseUrlError, match=complaint) as caught:
        await open_pool(url)
    assert str(caught.value).startswith("POSTGRES_URL: ")
    assert "s3cret" not in str(caught.value)


async def test_a_server_that_is_down_is_one_clear_error() -> None:
    port = free_port()
    with pytest.raises(DatabaseUnavailableError, match=rf"PostgreSQL at 127\.0\.0\.1:{port}/mm cannot be"):
        await open_pool(f"postgresql://u:s3cret@127.0.0.1:{port}/mm")


async def test_a_host_that_does_not_exist_is_one_clear_error() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"nowhere\.invalid/mm cannot be reached"):
        await open_pool("postgresql://u:s3cret@nowhere.invalid/mm")


async def test_a_database_that_does_not_exist_is_one_clear_error(postgres_server: PostgresServer) -> None:
    with pytest.raises(DatabaseUrlError, match=r"there is no such database .*; create it first"):
        await open_pool(postgres_server.url("nowhere"))


async def test_ping_answers_while_the_server_runs_and_says_when_it_does_not(
    own_postgres: PostgresServer,
) -> None:
    async with await open_pool(own_postgres.url()) as pool:
        await ping(pool)
        own_postgres.stop()
        with pytest.raises(DatabaseUnavailableError, match="PostgreSQL does not answer"):
            await ping(pool)
        own_postgres.start()
        await ping(pool)


async def test_while_the_server_is_away_the_pool_tells_it_in_one_line_without_a_stack_trace(
    own_postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    told = asyncio.Event()

    def notice(record: logging.LogRecord) -> bool:
        if record.name == "asyncpg.pool":
            told.set()
        return True

    caplog.handler.addFilter(notice)
    async with await open_pool(own_postgres.url()) as pool:
        await ping(pool)
        own_postgres.stop()
        with pytest.raises(DatabaseUnavailableError):
            await ping(pool)
        async with asyncio.timeout(10):
            await told.wait()
    [line] = [record for record in caplog.records if record.name == "asyncpg.pool"][:1]
    text = logging.Formatter().format(line)
    assert "Failed to restore the pool connection floor; retrying: ConnectionRefusedError: " in text
    assert "\n" not in text


async def test_a_closed_pool_is_unavailable_not_a_crash(database_url: str) -> None:
    pool = await open_pool(database_url)
    await pool.close()
    with pytest.raises(DatabaseUnavailableError, match="pool is clos"):
        await ping(pool)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", DatabaseUnavailableError),
        ("SET statement_timeout = 1; SELECT pg_sleep(1)", DatabaseUnavailableError),
        ("BEGIN READ ONLY; CREATE TABLE t ()", DatabaseUnavailableError),
        ("SELECT 1/0", RecordRefusedError),
        ("INSERT INTO mm_configs (symbol) VALUES ('a'), ('a')", DuplicateError),
    ],
)
async def test_an_error_of_the_server_says_whether_to_try_again(
    database_url: str, sql: str, error: type[Exception]
) -> None:
    connection = await asyncpg.connect(database_url)
    with pytest.raises(error), database_errors():
        await connection.execute(sql)
    await connection.close()


async def test_a_value_that_cannot_be_sent_is_refused_not_unavailable(pool: asyncpg.Pool) -> None:
    with pytest.raises(RecordRefusedError), database_errors():
        await pool.fetchval("SELECT $1::bigint", "seven")


def test_what_is_shown_of_a_url_holds_no_secret() -> None:
    assert describe("postgresql://u:s3cret@db.example:6432/mm?sslmode=require") == "db.example:6432/mm"
    assert describe("postgresql://u:s3cret@/mm?host=/run/pg") == "/run/pg/mm"


async def test_a_pool_is_closed_in_time_though_a_connection_of_it_is_in_use(database_url: str) -> None:
    pool = await open_pool(database_url, max_size=2)
    held = await pool.acquire()
    async with asyncio.timeout(10):
        await close_pool(pool)
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError, OSError)):
        await held.fetchval("SELECT 1")
