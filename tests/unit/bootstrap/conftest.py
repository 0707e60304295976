"""Instances on one PostgreSQL, one Order Service and one Metadata Service."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from tests.support.owning import LEASE_COMMAND_S, LONG_NS, RENEW_EVERY_NS
from tests.support.owning_parts import Venue
from tests.support.surroundings import Surroundings, surroundings

from lab.order_server import OrderServer
from market_maker.bootstrap import checkpoints, ending, errands, history_check
from market_maker.ownership import rows, shell, taking, tenancy, turns


@pytest.fixture
def venue() -> Iterator[Venue]:
    """An honest Order Service."""
    with OrderServer() as server:
        yield Venue(server)


@pytest.fixture
async def around(
    database_url: str, pool: asyncpg.Pool, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Surroundings]:
    """What instances share; `await around.start(name)` starts one.

    No step of theirs is given up because the machine stands still for a moment.
    """
    monkeypatch.setattr(turns, "CLEAR_NS", LONG_NS)
    for step in ("CLEAR_S_MAX", "FLUSH_S_MAX", "RELEASE_S_MAX", "LEAVE_S_MAX"):
        monkeypatch.setattr(ending, step, LONG_NS / 1e9)
    async with surroundings(database_url, pool, venue) as around:
        yield around


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried or looked at again once a second is so after a moment here."""
    monkeypatch.setattr(rows, "RETRY_S", 0.02)
    monkeypatch.setattr(taking, "AGAIN_NS", 20_000_000)
    monkeypatch.setattr(shell, "TICK_S", 0.05)
    monkeypatch.setattr(errands, "INTERVAL_S", 0.05)
    monkeypatch.setattr(checkpoints, "LOOK_S", 0.02)
    monkeypatch.setattr(history_check, "LOOK_S", 0.02)
    monkeypatch.setattr(tenancy, "RENEW_S_MAX", LEASE_COMMAND_S)
    monkeypatch.setattr(tenancy, "RENEWALS_PER_LEASE", LONG_NS // RENEW_EVERY_NS)
