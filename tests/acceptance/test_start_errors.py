"""What prevents a start is told once, in words that name the setting and the way out, with an exit code."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from tests.support.sandbox import SandboxClient
from tests.support.service import ExchangeServers, service_environment

from lab import forked
from lab.postgres_server import free_port
from lab.service_process import INHERITED

REQUIRED = ("POSTGRES_URL", "REDIS_URL", "KAFKA_BROKERS", "SCHEMA_REGISTRY_URL")
BROKER = ("--broker", "127.0.0.1:1")
END_S_MAX = 30.0


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line with nothing in its environment but these settings."""
    return forked.run("market_maker", *words, environ=inherited() | environment, timeout_s=END_S_MAX)


def run_interpreter(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same, as a user starts it: by an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-m", "market_maker", *words],
        env=inherited() | environment,
        capture_output=True,
        text=True,
        timeout=END_S_MAX,
        check=False,
    )


def inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def require_one_error(ended: subprocess.CompletedProcess[str], code: int, *words: str) -> str:
    """It ended with this code and one error, which has these words and no stack."""
    text = ended.stderr + ended.stdout
    assert ended.returncode == code, text
    assert "Traceback" not in text
    errors = [line for line in text.splitlines() if '"level": "ERROR"' in line]
    assert len(errors) <= 1, errors
    for word in words:
        assert word in text, text
    return text


@pytest.fixture
def environment(shared_exchange: ExchangeServers, database_url: str, valkey_url: str) -> dict[str, str]:
    """Settings with which the service would start."""
    return service_environment(shared_exchange, database_url, valkey_url, str(uuid4()))


# --- settings ----------------------------------------------------------------------------------


def test_missing_settings_are_one_list_of_all_that_is_missing() -> None:
    text = require_one_error(run_interpreter("serve"), 2, *REQUIRED, "AUTH_SERVICE_URL", "DISABLE_AUTH")
    assert all(len(re.findall(rf"^  - {name} is not set", text, re.MULTILINE)) == 1 for name in REQUIRED)


def test_without_auth_service_and_without_disable_auth_nothing_starts(environment: dict[str, str]) -> None:
    del environment["DISABLE_AUTH"]
    text = require_one_error(run("serve", **environment), 2, "AUTH_SERVICE_URL", "DISABLE_AUTH=true")
    assert "1 setting must be corrected" in text


def test_malformed_settings_are_listed_together_without_their_secrets(environment: dict[str, str]) -> None:
    wrong = {
        "HTTP_PORT": "eighty",
        "QUOTE_UPDATE_INTERVAL": "100",
        "MAX_ORDERS_PER_SECOND": "0",
        "MM_SHADOW_MODE": "perhaps",
        "SYSTEM_ACCOUNT_ID": "me",
        "POSTGRES_URL": "mysql://mm:hunter2@localhost/mm",
    }
    text = require_one_error(run("serve", **(environment | wrong)), 2, *wrong)
    assert f"{len(wrong)} settings must be corrected" in text
    assert "hunter2" not in text


# --- ports -------------------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[str]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("setting", ["HTTP_PORT", "METRICS_PORT"])
def test_a_port_in_use_names_the_setting(environment: dict[str, str], taken_port: str, setting: str) -> None:
    environment[setting] = taken_port
    require_one_error(run("serve", **environment), 1, setting, taken_port)


# --- servers -----------------------------------------------------------------------------------


def test_a_database_that_is_down_is_told_without_its_password(environment: dict[str, str]) -> None:
    environment["POSTGRES_URL"] = f"postgresql://mm:hunter2@127.0.0.1:{free_port()}/mm"
    text = require_one_error(run("serve", **environment), 1, "POSTGRES_URL")
    assert "hunter2" not in text


def test_a_database_without_the_schema_names_the_command_that_makes_it(
    environment: dict[str, str], empty_database_url: str
) -> None:
    environment["POSTGRES_URL"] = empty_database_url
    require_one_error(run("serve", **environment), 1, "POSTGRES_URL", "market-maker migrate")
    migrated = run("migrate", POSTGRES_URL=empty_database_url)
    assert (migrated.returncode, "applied" in migrated.stdout) == (0, True), migrated
    again = run("migrate", POSTGRES_URL=empty_database_url)
    assert (again.returncode, again.stdout) == (0, "the database is current\n")


async def test_metadata_that_is_down_stops_a_start_that_needs_it(
    environment: dict[str, str], shared_exchange: ExchangeServers, http: aiohttp.ClientSession
) -> None:
    environment["METADATA_SERVICE_GRPC_URL"] = f"127.0.0.1:{free_port()}"
    connection = await asyncpg.connect(environment["POSTGRES_URL"])
    await connection.execute("INSERT INTO mm_configs (symbol) VALUES ('BTCUSDT')")
    await connection.close()
    require_one_error(run("serve", **environment), 1, "METADATA_SERVICE_GRPC_URL")
    report = await SandboxClient(http, shared_exchange).report(environment["SYSTEM_ACCOUNT_ID"])
    assert report["open_orders"] == 0


# --- the command line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no command"),
        (("quote",), 2, "unknown command 'quote'"),
        (("serve", "--fast"), 2, "takes no arguments"),
        (("migrate",), 1, "POSTGRES_URL is not set"),
        (("demo", "--for", "soon"), 2, "--for"),
        (("demo", "--capture", "/nowhere.gz"), 2, "/nowhere.gz is not a file"),
        (("demo", "--levels", "99"), 2, "--levels"),
        (("demo", "--http-port", "99999"), 2, "--http-port"),
        (("sandbox", *BROKER, "--instrument", "BTCUSDT:0.01"), 2, "SYMBOL:tick:lot:min_notional"),
        (("sandbox", *BROKER, "--symbols", "btc-usdt"), 2, "--symbols"),
        (("sandbox", *BROKER, "--speed", "0"), 2, "--speed"),
        (("sandbox", "--symbols", "BTCUSDT"), 2, "--broker"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_wrong_command_line_is_one_sentence(words: tuple[str, ...], code: int, said: str) -> None:
    require_one_error(run(*words), code, said)


def test_migrate_on_a_database_that_is_down_is_one_sentence() -> None:
    url = f"postgresql://mm:hunter2@127.0.0.1:{free_port()}/mm"
    text = require_one_error(run_interpreter("migrate", POSTGRES_URL=url), 1, "POSTGRES_URL")
    assert "hunter2" not in text


def test_a_capture_that_cannot_be_played_ends_the_demo_with_one_error(tmp_path: Path) -> None:
    capture = tmp_path / "broken.gz"
    capture.write_bytes(b"not gzip")
    ended = run("demo", "--for", "1s", "--json", "--capture", str(capture), PYTHONUNBUFFERED="1")
    require_one_error(ended, 2, "--capture", "broken.gz")
    assert ended.stdout == ""
