"""Checkpoints are their owner's, and of one version."""

from dataclasses import dataclass
from decimal import Decimal

import asyncpg
import pytest

from market_maker.core.ledger.fold import Fold, UnreadableFoldError
from market_maker.core.side import Side
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository

BTC = "BTC-USDT"


@dataclass(frozen=True)
class Stored:
    id: int
    order_id: str
    side: Side = Side.BUY
    price: Decimal = Decimal("60000.10")
    quantity: Decimal = Decimal("0.300")
    fee: Decimal = Decimal("-0.0000001")
    mid: Decimal | None = Decimal("60000.15")


def folded(*ids: int) -> Fold:
    fold = Fold()
    for number in ids:
        fold.apply(Stored(number, f"o{number % 2}"))
    return fold


async def claim(pool: asyncpg.Pool, instance: str) -> int:
    [claim] = await OwnerRepository(Database(pool)).claim([BTC], instance)
    return claim.epoch


async def test_a_checkpoint_comes_back_as_it_was_written(pool: asyncpg.Pool) -> None:
    checkpoints, epoch = CheckpointRepository(pool), await claim(pool, "north")
    assert await checkpoints.get(BTC) is None
    for fold in (folded(3, 4), folded(3, 4, 9)):
        assert await checkpoints.save(BTC, epoch, fold)
        stored = await checkpoints.get(BTC)
        assert stored is not None
        assert (stored.last_id, stored.to_json()) == (fold.last_id, fold.to_json())
    assert await checkpoints.get("ETH-USDT") is None


async def test_a_checkpoint_of_an_older_epoch_is_refused(pool: asyncpg.Pool) -> None:
    checkpoints, older = CheckpointRepository(pool), await claim(pool, "north")
    newer = await claim(pool, "south")
    assert await checkpoints.save(BTC, newer, folded(3, 4))
    assert not await checkpoints.save(BTC, older, folded(3, 4, 5))
    await checkpoints.drop(BTC, older)
    stored = await checkpoints.get(BTC)
    assert stored is not None
    assert stored.last_id == 4
    await checkpoints.drop(BTC, newer)
    assert await checkpoints.get(BTC) is None


async def test_a_checkpoint_of_a_symbol_that_nobody_ever_owned_is_refused(pool: asyncpg.Pool) -> None:
    assert not await CheckpointRepository(pool).save(BTC, 1, folded(3))


async def test_a_checkpoint_of_another_version_is_not_read(pool: asyncpg.Pool) -> None:
    checkpoints, epoch = CheckpointRepository(pool), await claim(pool, "north")
    await checkpoints.save(BTC, epoch, folded(3))
    await pool.execute("UPDATE mm_checkpoints SET fold = fold || '{\"version\": 999}'")
    with pytest.raises(UnreadableFoldError, match="version 999"):
        await checkpoints.get(BTC)
