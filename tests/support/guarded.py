"""A service that asks for tokens. Fixture: `guarded`, shared by the tests of a module."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from tests.support.operator import Answer, until
from tests.support.sandbox import SandboxClient
from tests.support.service import ExchangeServers, service_environment, service_process

from lab.databases import Databases
from lab.postgres_server import PostgresServer
from lab.service_process import ServiceProcess

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A running service whose Auth Service is the sandbox's."""

    service: ServiceProcess
    exchange: SandboxClient

    async def ask(self, method: str, path: str, token: str | None = None, body: Any = None) -> Answer:
        """One request with this bearer token; the body of a stream is not waited for."""
        url = f"http://127.0.0.1:{self.service.environment['HTTP_PORT']}{path}"
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        timeout = aiohttp.ClientTimeout(total=10)
        session = self.exchange.session
        async with session.request(method, url, json=body, headers=headers, timeout=timeout) as response:
            endless = response.headers.get("Content-Type", "").startswith("text/event-stream")
            text = "" if endless else await response.text()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(response.status, json.loads(text) if is_json and text else text)

    async def live(self) -> None:
        """Wait until it answers."""

        async def answers() -> bool:
            return (await self.ask("GET", "/health/live")).status == 200

        await until("the guarded service answers", answers)

    async def audit(self) -> list[Row]:
        """Every row of the audit trail, oldest first."""
        connection = await asyncpg.connect(self.service.environment["POSTGRES_URL"])
        try:
            rows = await connection.fetch("SELECT * FROM mm_audit ORDER BY id")
        finally:
            await connection.close()
        return [_row(row) for row in rows]


def _row(row: asyncpg.Record) -> Row:
    found = dict(row)
    for name in ("roles", "before", "after"):
        if isinstance(found[name], str):
            found[name] = json.loads(found[name])
    return found


@pytest.fixture(scope="module")
def guarded_settings() -> dict[str, str]:
    """What the guarded service's environment has besides; a module may say something else."""
    return {}


@pytest.fixture(scope="module")
def _guarded_service(
    guarded_settings: dict[str, str],
    shared_exchange: ExchangeServers,
    postgres_server: PostgresServer,
    databases: Databases,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServiceProcess]:
    url = postgres_server.url(databases.take())
    environment = service_environment(shared_exchange, url, valkey_url, str(uuid4()))
    guard = {"DISABLE_AUTH": "false", "AUTH_SERVICE_URL": shared_exchange.url}
    process = service_process(
        {**environment, **guard, **guarded_settings}, tmp_path_factory.mktemp("guarded")
    )
    process.start()
    yield process
    process.close()


@pytest.fixture
async def guarded(
    _guarded_service: ServiceProcess, shared_exchange: ExchangeServers, http: aiohttp.ClientSession
) -> AsyncIterator[Guarded]:
    """A service that asks for tokens; the tests of a module share it."""
    service = Guarded(_guarded_service, SandboxClient(http, shared_exchange))
    await service.live()
    yield service
    await service.exchange.clear_faults()
    assert _guarded_service.runs, _guarded_service.log_tail()
