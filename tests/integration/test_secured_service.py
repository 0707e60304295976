"""The whole service and its guard with every connection encrypted, by settings alone."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
from tests.support.guard_process import GuardProcess
from tests.support.operator import Operator, until
from tests.support.sandbox import ACCOUNT, SandboxClient, SandboxServers

from lab.apache_kafka import ApacheKafka
from lab.encrypted_postgres import PASSWORD, USER, EncryptedPostgres, programs
from lab.kafka_topics import Topics
from lab.postgres_server import free_port
from lab.processes import ServerProcess
from lab.secured_kafka import client_settings
from lab.service_process import ServiceProcess
from lab.tls import Authority, tls_front
from market_maker.repositories.migrations import migrate
from market_maker.streams.topics import CONSUMED, PUBLISHED

BTC = "BTCUSDT"
FOLDER = programs()


@pytest.fixture(scope="module")
def postgres_url(authority: Authority) -> Iterator[str]:
    if FOLDER is None:
        pytest.skip("no PostgreSQL with TLS is installed (Debian: postgresql)")
    directory = Path(tempfile.mkdtemp(prefix="mm-encrypted-postgres-"))
    server = EncryptedPostgres(FOLDER, directory, authority)
    server.start()
    trust = f"sslmode=verify-full&sslrootcert={quote(str(authority.ca_file))}"
    yield f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/postgres?{trust}"
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def sandbox(secured_kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The exchange itself is plain; what the service sees of it is encrypted."""
    broker = secured_kafka.address
    arguments = ("--broker", broker, "--symbols", BTC, "--snapshot-interval", "1", "--partitions", "1")
    process = ServerProcess("tradex_sandbox", *arguments, directory=tmp_path_factory.mktemp("sandbox"))
    Topics(broker).await_leaders((*CONSUMED, *PUBLISHED))
    yield process
    process.close()


@pytest.fixture
async def environ(
    authority: Authority,
    secured_kafka: ApacheKafka,
    sandbox: ServerProcess,
    postgres_url: str,
    valkey_url: str,
) -> AsyncIterator[dict[str, str]]:
    """Settings that reach every server by TLS."""
    async with AsyncExitStack() as fronts:

        async def encrypted(address: str, *, asks_clients: bool = False) -> int:
            context = authority.server_context("127.0.0.1", asks_clients=asks_clients)
            return await fronts.enter_async_context(tls_front(context, int(address.rpartition(":")[2])))

        https = f"https://127.0.0.1:{await encrypted(sandbox.ready['control'])}"
        redis = await encrypted(urlsplit(valkey_url).netloc, asks_clients=True)
        ours = authority.issue("market-maker.test")
        ca_file = str(authority.ca_file)
        yield {
            **client_settings(secured_kafka.second_address, authority),
            "POSTGRES_URL": postgres_url,
            "REDIS_URL": f"rediss://127.0.0.1:{redis}/0",
            "REDIS_SSL_CA_FILE": ca_file,
            "REDIS_SSL_CERTIFICATE_FILE": str(ours.certificate),
            "REDIS_SSL_KEY_FILE": str(ours.key),
            "SCHEMA_REGISTRY_URL": https,
            "ORDER_SERVICE_URL": https,
            "AUTH_SERVICE_URL": https,
            "HTTP_CA_FILE": ca_file,
            "METADATA_SERVICE_GRPC_URL": f"127.0.0.1:{await encrypted(sandbox.ready['metadata'])}",
            "METADATA_SERVICE_TLS": "true",
            "METADATA_SERVICE_CA_FILE": ca_file,
            "HTTP_PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            "KILL_SWITCH_RESPONSE_TIMEOUT_MS": "1000",
            "SYSTEM_ACCOUNT_ID": ACCOUNT,
            "SYSTEM_USER_ID": ACCOUNT,
            "LOG_FORMAT": "json",
        }


async def test_it_migrates_quotes_and_ends_in_order_and_no_log_line_holds_a_password(
    environ: dict[str, str], http: aiohttp.ClientSession, sandbox: ServerProcess, tmp_path: Path
) -> None:
    await migrate(environ["POSTGRES_URL"])
    service = ServiceProcess({**environ, "LOG_LEVEL": "DEBUG"}, tmp_path / "service.log")
    guard = GuardProcess(environ, tmp_path / "guard.log")
    service.start()
    guard.start()
    try:
        exchange = SandboxClient(http, SandboxServers(sandbox, "", sandbox.ready["control"], ""))
        token = await exchange.token("mm:read", "mm:operate", "mm:emergency")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            operator = Operator(session, f"http://127.0.0.1:{environ['HTTP_PORT']}")
            await operator.live()
            await operator.ready()
            checks = {check["name"]: check["status"] for check in (await operator.get("/health"))["checks"]}
            assert set(checks.values()) == {"ok"}, checks
            await operator.configure(BTC)
            await operator.enable(BTC)
            await operator.quoting(BTC)
        await until("the guard sees the instance", lambda: sees_one(guard))
        assert await asyncio.to_thread(service.terminate) == 0
        assert await asyncio.to_thread(guard.terminate) == 0
    except AssertionError as error:
        raise AssertionError(f"{error}\n{service.log_tail()}\n{guard.log_tail()}") from None
    finally:
        service.close()
        guard.close()
    for process in (service, guard):
        said = process.log.read_text("utf-8")
        assert said
        assert not [
            word for word in ("hunter2", "hunter3", PASSWORD, quote(PASSWORD, safe="")) if word in said
        ]


async def sees_one(guard: GuardProcess) -> bool:
    """Whether the guard knows one live instance, by both of its ways."""
    metrics = await guard.metrics()
    return metrics.get("mm_guard_instances{state=alive}") == 1.0 and metrics.get("mm_guard_blind") == 0.0
