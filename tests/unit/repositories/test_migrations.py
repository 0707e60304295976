import asyncio
import subprocess
import sysconfig
from pathlib import Path

import asyncpg
import pytest
from tools.make_migration import differences

from lab.postgres_server import PASSWORD_USER, PostgresServer, free_port
from market_maker.repositories.database import open_pool
from market_maker.repositories.errors import DatabaseUnavailableError, DatabaseUrlError
from market_maker.repositories.migrations import (
    MIGRATIONS_TABLE,
    MigrationError,
    dbmate_url,
    migrate,
    pending_migrations,
    shipped_versions,
)

SQL = Path("src/market_maker/repositories/sql")
SCHEMA = (SQL / "schema.sql").read_text()
TABLES = [
    "mm_audit",
    "mm_checkpoints",
    "mm_config_versions",
    "mm_configs",
    "mm_day_marks",
    "mm_drills",
    "mm_fills",
    "mm_instances",
    "mm_kill_orders",
    "mm_learned",
    "mm_markouts",
    "mm_orders",
    "mm_owners",
    "mm_pnl",
    "mm_positions",
    "mm_presence",
    "mm_proposals",
    "mm_pruned",
    "mm_quoting_time",
    "mm_states",
    "outbox",
]


async def test_migrations_and_schema_give_the_same_database(
    postgres_server: PostgresServer, database_url: str, empty_database_url: str
) -> None:
    declared = await asyncpg.connect(empty_database_url)
    await declared.execute(SCHEMA)
    await declared.close()
    migrated_dump = dump(postgres_server, database_url)
    assert all(f"CREATE TABLE public.{table}" in migrated_dump for table in TABLES)
    assert migrated_dump == dump(postgres_server, empty_database_url)


async def test_the_migration_tool_finds_no_difference_between_migrations_and_schema(
    postgres_server: PostgresServer,
) -> None:
    assert await differences(postgres_server) == ("", "")


async def test_a_change_of_the_schema_alone_is_seen(
    postgres_server: PostgresServer, database_url: str, empty_database_url: str
) -> None:
    declared = await asyncpg.connect(empty_database_url)
    await declared.execute(SCHEMA.replace("num_levels <= 100", "num_levels <= 101"))
    await declared.close()
    assert dump(postgres_server, database_url) != dump(postgres_server, empty_database_url)


async def test_migrating_twice_applies_everything_once(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == shipped_versions()
    assert await migrate(empty_database_url) == ()
    connection = await asyncpg.connect(empty_database_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    await connection.close()
    assert [row["tablename"] for row in rows] == sorted([*TABLES, MIGRATIONS_TABLE])


async def test_two_instances_may_migrate_at_the_same_moment(empty_database_url: str) -> None:
    await asyncio.gather(migrate(empty_database_url), migrate(empty_database_url))
    assert await migrate(empty_database_url) == ()


async def test_pending_migrations_are_named_until_they_are_applied(empty_database_url: str) -> None:
    async with await open_pool(empty_database_url) as pool:
        assert await pending_migrations(pool) == shipped_versions()
        await migrate(empty_database_url)
        assert await pending_migrations(pool) == ()


def test_every_migration_can_be_taken_back(postgres_server: PostgresServer, database_url: str) -> None:
    program = Path(sysconfig.get_path("scripts")) / "dbmate"
    for _ in shipped_versions():
        command = [
            *(str(program), "--url", f"{database_url}?sslmode=disable", "--no-dump-schema"),
            *("--migrations-dir", str(SQL / "migrations")),
            *("--migrations-table", MIGRATIONS_TABLE, "rollback"),
        ]
        subprocess.run(command, check=True, capture_output=True)
    assert "CREATE TABLE" not in dump(postgres_server, database_url).replace(
        f"CREATE TABLE public.{MIGRATIONS_TABLE}", ""
    )


async def test_migrating_works_over_a_socket(
    postgres_server: PostgresServer, empty_database_url: str
) -> None:
    name = empty_database_url.rpartition("/")[2]
    assert await migrate(postgres_server.socket_url(name)) == shipped_versions()


async def test_migrating_works_with_a_password_full_of_special_characters(
    postgres_server: PostgresServer, empty_database_url: str
) -> None:
    await set_password(postgres_server, "p@ss:w/o?r%d#")
    in_url = "p%40ss%3Aw%2Fo%3Fr%25d%23"
    url = empty_database_url.replace("postgres@", f"{PASSWORD_USER}:{in_url}@")
    assert await migrate(url) == shipped_versions()


async def test_a_wrong_password_is_refused_without_repeating_it(
    postgres_server: PostgresServer, empty_database_url: str
) -> None:
    await set_password(postgres_server, "right")
    with pytest.raises(DatabaseUrlError, match="refuses the user or password") as caught:
        await migrate(empty_database_url.replace("postgres@", f"{PASSWORD_USER}:s3cret@"))
    assert "s3cret" not in str(caught.value)


async def test_a_database_that_is_down_is_one_clear_error() -> None:
    port = free_port()
    with pytest.raises(DatabaseUnavailableError, match=rf"127\.0\.0\.1:{port}/mm cannot be reached"):
        await migrate(f"postgresql://postgres@127.0.0.1:{port}/mm")


async def test_a_database_that_does_not_exist_is_one_clear_error(postgres_server: PostgresServer) -> None:
    with pytest.raises(DatabaseUrlError, match=r"no such database at .*/nowhere; create it first"):
        await migrate(postgres_server.url("nowhere"))


async def test_a_migration_that_fails_changes_nothing_and_says_why(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE TABLE mm_orders (note text)")
    with pytest.raises(MigrationError, match='"mm_orders" already exists'):
        await migrate(empty_database_url)
    assert await connection.fetchval("SELECT to_regclass('mm_configs')") is None
    await connection.close()


async def test_what_dbmate_says_is_repeated_without_the_password(
    postgres_server: PostgresServer,
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    await set_password(postgres_server, "s3/cret")
    stand_in(monkeypatch, tmp_path, "echo cannot use $DATABASE_URL with s3/cret; exit 1")
    with pytest.raises(MigrationError, match=r"cannot use postgres://.*\*\*\*") as caught:
        await migrate(empty_database_url.replace("postgres@", f"{PASSWORD_USER}:s3%2Fcret@"))
    assert "cret" not in str(caught.value)


async def test_a_server_that_hangs_is_given_up_after_the_time_limit(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(MigrationError, match=r"did not end within 0\.2 s"):
        await migrate(database_url, timeout_s=0.2)


@pytest.mark.parametrize(
    ("url", "encrypted", "expected"),
    [
        ("postgresql://u:p@h:1/d", False, "postgres://u:p@h:1/d?sslmode=disable"),
        ("postgres://u@h/d?sslmode=prefer", True, "postgres://u@h/d?sslmode=require"),
        ("postgresql://h/d?sslmode=verify-full", True, "postgres://h/d?sslmode=verify-full"),
        ("postgresql:///d?host=/run/pg", False, "postgres:///d?sslmode=disable&socket=%2Frun%2Fpg"),
        ("postgresql://u@/d?host=h2", False, "postgres://u@h2/d?sslmode=disable"),
    ],
)
def test_the_url_for_dbmate_says_what_its_driver_needs(url: str, encrypted: bool, expected: str) -> None:
    assert dbmate_url(url, encrypted=encrypted) == expected


def stand_in(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """A program in place of dbmate, for what the real one cannot be made to do."""
    program = directory / "dbmate"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("market_maker.repositories.migrations._dbmate", lambda: str(program))


async def set_password(server: PostgresServer, password: str) -> None:
    admin = await asyncpg.connect(server.url())
    if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", PASSWORD_USER):
        await admin.execute(f"CREATE USER {PASSWORD_USER} SUPERUSER")
    await admin.execute(f"ALTER USER {PASSWORD_USER} PASSWORD '{password}'")
    await admin.close()


def dump(server: PostgresServer, url: str) -> str:
    """The whole catalog as SQL, without what is dbmate's own or differs with each dump."""
    command = [str(server.programs / "pg_dump"), "--schema-only", f"--exclude-table={MIGRATIONS_TABLE}", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if "restrict " not in line)
