"""deploy/compose.yaml without its engine: our services with their commands, environments and health checks
from that file, in the image's root directory, on real Kafka, Apicurio Registry, PostgreSQL and Valkey."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.support.composed import USER, Container, replaced
from tests.support.deployment import compose
from tests.support.image_root import ImageRoot
from tests.support.operator import Operator, until

from lab.apache_kafka import ApacheKafka
from lab.apicurio import Apicurio
from lab.maven import registry_folder
from lab.postgres_server import free_port
from market_maker.repositories.migrations import shipped_versions

INSTANCES = ("market-maker-1", "market-maker-2")
SYMBOLS = ("BTCUSDT", "SOLUSDT")
"""Of different owners: with the file's partitions their keys fall into different halves."""


class Stack:
    """The services of the file that are ours, and the servers that stand for the others."""

    def __init__(
        self, image: ImageRoot, directory: Path, addresses: dict[str, str], postgres_url: str
    ) -> None:
        own = {"sandbox:3000": free_port(), "sandbox:50051": free_port(), "guard:9091": free_port()}
        outside = {
            **addresses,
            **{name: f"127.0.0.1:{port}" for name, port in own.items()},
            "--http-port=3000": f"--http-port={own['sandbox:3000']}",
            "--grpc-port=50051": f"--grpc-port={own['sandbox:50051']}",
            "127.0.0.1:3000": f"127.0.0.1:{own['sandbox:3000']}",
            "127.0.0.1:9091": f"127.0.0.1:{own['guard:9091']}",
            "=0.0.0.0": "=127.0.0.1",
        }
        self.sandbox_url = f"http://{outside['sandbox:3000']}"
        self.ports = {name: free_port() for name in INSTANCES}

        def container(name: str, **changes: object) -> Container:
            listening = {"HTTP_HOST": "127.0.0.1", **{key: str(value) for key, value in changes.items()}}
            database = {"POSTGRES_URL": postgres_url} if name != "sandbox" else {}
            return Container(name, image, directory, outside, {**listening, **database})

        self.migrate = container("migrate")
        self.sandbox = container("sandbox")
        self.guard = container("guard", GUARD_METRICS_PORT=own["guard:9091"])
        self.instances = {
            name: container(name, HTTP_PORT=port, METRICS_PORT=free_port())
            for name, port in self.ports.items()
        }

    @property
    def started(self) -> list[Container]:
        """Whatever goes on running."""
        return [self.sandbox, self.guard, *self.instances.values()]


@pytest.fixture
def kafka(jars: Path, tmp_path: Path) -> Iterator[ApacheKafka]:
    """A broker with the file's properties, on free ports of 127.0.0.1."""
    inside, controller, host = free_port(), free_port(), free_port()
    address = f"127.0.0.1:{inside}"
    properties = {"log.dirs": str(tmp_path / "data")}
    here = {
        "://:": "://127.0.0.1:",
        "localhost:": "127.0.0.1:",
        "kafka:": "127.0.0.1:",
        ":29092": f":{host}",
        ":9092": f":{inside}",
        ":9093": f":{controller}",
    }
    for variable, value in compose()["services"]["kafka"]["environment"].items():
        name = variable.removeprefix("KAFKA_").lower().replace("_", ".")  # as the image's start-up does
        properties.setdefault(name, replaced(value, here))
    broker = ApacheKafka(jars, tmp_path, properties)
    broker.address = address
    broker.start()
    yield broker
    broker.close()


@pytest.fixture
def registry(kafka: ApacheKafka, tmp_path: Path) -> Iterator[Apicurio]:
    """A registry with the file's environment; the file's health check finds it healthy, and a port without
    one not."""
    service = compose()["services"]["registry"]
    here = {"kafka:9092": kafka.address}
    environment = {name: replaced(value, here) for name, value in service["environment"].items()}
    running = Apicurio(registry_folder(), tmp_path, environment)
    for port, code in ((urlsplit(running.url).port, 0), (free_port(), 1)):
        check = [
            word.replace("127.0.0.1/8080", f"127.0.0.1/{port}") for word in service["healthcheck"]["test"]
        ]
        assert subprocess.run(check[1:], capture_output=True, timeout=10, check=False).returncode == code
    yield running
    running.close()


@pytest.fixture
def stack(
    image: ImageRoot,
    kafka: ApacheKafka,
    registry: Apicurio,
    empty_database_url: str,
    valkey_url: str,
    tmp_path: Path,
) -> Iterator[Stack]:
    addresses = {
        "kafka:9092": kafka.address,
        "registry:8080": urlsplit(registry.url).netloc,
        "valkey:6379": urlsplit(valkey_url).netloc,
        "collector:4318": f"127.0.0.1:{free_port()}",
    }
    made = Stack(image, tmp_path, addresses, empty_database_url)
    yield made
    for container in made.started:
        container.kill()


async def healthy(container: Container, timeout_s: float = 90.0) -> None:
    """Wait as Compose would. Beside two Java servers and the checks themselves a start takes its time."""

    async def is_healthy() -> bool:
        return await asyncio.to_thread(container.is_healthy)

    await until(f"{container.name} is healthy", is_healthy, timeout_s)


@pytest.mark.timeout(300)  # building the image and starting two Java servers count too
async def test_the_stack_comes_up_shares_its_symbols_and_ends_in_order(
    stack: Stack, http: aiohttp.ClientSession
) -> None:
    assert stack.migrate.run() == f"applied {', '.join(shipped_versions())}\n"
    stack.sandbox.start()
    await healthy(stack.sandbox)
    for instance in stack.instances.values():
        instance.start()
    stack.guard.start()
    await healthy(stack.guard)
    operators = {name: Operator(http, f"http://127.0.0.1:{port}") for name, port in stack.ports.items()}
    first, second = operators.values()
    for name, operator in operators.items():
        await healthy(stack.instances[name])
        await operator.ready()
    assert {container.owner() for container in stack.started} == {int(USER.partition(":")[0])}

    for symbol in SYMBOLS:
        await first.configure(symbol)
        await second.enable(symbol)
        await first.quoting(symbol)

    async def shared() -> bool:
        fleet = await first.get("/v1/mm/status")
        return {instance["instance"].rpartition("-")[0] for instance in fleet["instances"]} == set(INSTANCES)

    await until("each sees the other", shared)

    assert stack.instances[INSTANCES[0]].stop() == 0
    for symbol in SYMBOLS:
        status = await second.status(symbol)
        assert status["state"]["value"] in ("ACTIVE", "PAUSED"), status
    assert stack.instances[INSTANCES[1]].stop() == 0
    assert await open_orders(http, stack) == 0
    assert stack.guard.stop() == 0
    assert stack.sandbox.stop() == 0


async def open_orders(http: aiohttp.ClientSession, stack: Stack) -> int:
    """How many orders of ours the exchange holds."""
    account = stack.instances[INSTANCES[0]].environ["SYSTEM_ACCOUNT_ID"]
    async with http.get(f"{stack.sandbox_url}/sandbox/report", params={"account_id": account}) as answer:
        return int((await answer.json())["open_orders"])
