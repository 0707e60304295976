"""Maintenance in small batches on a database with history."""

import asyncpg
import pytest
from tests.support.maintaining import BTC, Desk

from market_maker.bootstrap import checkpoints, restore
from market_maker.maintenance import command
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BATCH_ROWS", 2)
    monkeypatch.setattr(checkpoints, "FILLS_MAX", 1)
    monkeypatch.setattr(restore, "FILLS_MAX", 1)


@pytest.fixture
async def desk(database_url: str, pool: asyncpg.Pool) -> Desk:
    await OwnerRepository(Database(pool)).claim([BTC], "north")
    return Desk(database_url, pool)
