"""Fixtures: a real PostgreSQL and a fresh database for every test.

One server per test process (so one per xdist worker), in a directory of its own, on a free port of
127.0.0.1 and a socket.
"""

import shutil
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from lab.databases import Databases
from lab.postgres_server import PostgresServer, start_server
from market_maker.repositories.database import close_pool, open_pool


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this test process; tests must not stop it (see `own_postgres`)."""
    server, directory = start_server()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that the test may stop, kill and start again; nothing is in it."""
    server, directory = start_server()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def databases(postgres_server: PostgresServer) -> Iterator[Databases]:
    """The databases of this test process."""
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer, databases: Databases) -> Iterator[str]:
    """A fresh database with nothing in it."""
    name = databases.take(empty=True)
    yield postgres_server.url(name)
    databases.give_back(name, reusable=False)


@pytest.fixture
def database_url(postgres_server: PostgresServer, databases: Databases) -> Iterator[str]:
    """A fresh database with the current schema."""
    name = databases.take()
    yield postgres_server.url(name)
    databases.give_back(name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a fresh database with the current schema."""
    pool = await open_pool(database_url, max_size=4)
    yield pool
    await close_pool(pool)
