"""The end of the guard's process: nothing that hangs, or swallows a cancellation, keeps it from ending."""

import os
import signal
import subprocess
import sys

import pytest

from lab.fleet_secret import FLEET_SECRET
from lab.postgres_server import free_port

STUBBORN = """
import asyncio, os, sys
from market_maker.guard import command, watch

async def stubborn(self):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue

command.END_S_MAX = 0.5
watch.Watch.run = stubborn
sys.exit(command.guard(os.environ))
"""


@pytest.mark.timeout(30)
def test_a_guard_whose_watch_does_not_end_ends_all_the_same_and_says_so() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "POSTGRES_URL": "postgresql://u@127.0.0.1:1/x",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ORDER_SERVICE_URL": "http://127.0.0.1:1",
        "FLEET_SECRET": FLEET_SECRET,
        "GUARD_METRICS_PORT": str(free_port()),
        "LOG_FORMAT": "json",
    }
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], env=environment, stderr=subprocess.PIPE, text=True
    ) as guard:
        try:
            assert guard.stderr is not None
            while '"guard_started"' not in (line := guard.stderr.readline()):
                assert line, "it has ended"
            guard.send_signal(signal.SIGTERM)
            _, rest = guard.communicate(timeout=20)
        finally:
            guard.kill()
    assert guard.returncode == 1
    assert '"ended_by_the_deadline"' in rest
