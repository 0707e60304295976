"""Ends of the fleet's bus on a real Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.valkey import Valkey

from lab.fleet_secret import FLEET_SECRET
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.heartbeat import Heartbeat
from market_maker.fleet.seal import Seal

SECRET = FLEET_SECRET.encode()
SEAL = Seal(SECRET)
BORN = datetime(2026, 11, 20, 9, 33, tzinfo=UTC)
A_LITTLE_S = 0.3
WAIT_S_MAX = 30.0


def heartbeat(instance_id: str, beat: int = 1, *symbols: str) -> Heartbeat:
    return Heartbeat(instance_id, beat, BORN, symbols, "0.1.0")


def signed(place: str, text: bytes, ago_ms: int = 0) -> bytes:
    """As one of the fleet signs it; Redis runs on this machine, by this clock."""
    return SEAL.sealed(place, text, int(time.time() * 1000) - ago_ms)


async def echo(body: bytes) -> bytes:
    return b"echo " + body


@asynccontextmanager
async def bus(
    valkey: Valkey, instance_id: str, answer: Callable[[bytes], Awaitable[bytes]] | None = echo
) -> AsyncIterator[FleetBus]:
    """One end of the bus; it serves requests unless `answer` is None."""
    end = FleetBus(valkey.url, instance_id, SECRET)
    serving = None if answer is None else asyncio.get_running_loop().create_task(end.run(answer))
    try:
        yield end
    finally:
        if serving is not None:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        await end.close()


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not await condition():  # noqa: ASYNC110 -- made true by another process
            await asyncio.sleep(0.01)


async def answers(asker: FleetBus, instance_id: str, body: bytes = b"there?") -> bool:
    return await asker.ask(instance_id, body, WAIT_S_MAX / 3) == b"echo " + body


async def told(logged: Any, event: str) -> bool:
    return any(line["event"] == event for line in logged)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis answers, it is not given up because the machine stands still for a moment."""
    for limit in ("fleet.link.ANSWER_S_MAX", "fleet.questions.ANSWER_S_MAX"):
        monkeypatch.setattr(f"market_maker.{limit}", WAIT_S_MAX)
