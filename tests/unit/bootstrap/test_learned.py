"""What a model learned survives its process: written under the owner's epoch, read by the next."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.owning import BTC, MID, Instance, found, until
from tests.support.surroundings import Surroundings

from market_maker.bootstrap import checkpoints, learned
from market_maker.core.pricing.model_quotes import ModelQuotes
from market_maker.core.pricing.models.proposal import BookSeen, NotReady, TradeSeen
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.side import Side

START_US = 1_790_000_000_000_000
GLFT = {"model": "glft"}


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written at every look, and looked at all the time."""
    monkeypatch.setattr(learned, "EVERY_S", 0.0)
    monkeypatch.setattr(checkpoints, "LOOK_S", 0.02)


async def owner(around: Surroundings, name: str) -> Instance:
    instance = await around.start(name)
    instance.assign(BTC)
    await instance.taken(BTC)
    return instance


async def teacher(around: Surroundings) -> Instance:
    """An instance whose model has learned enough to quote, and has written it down."""
    await around.configure(BTC, **GLFT)
    north = await owner(around, "north")
    teach(model(north))

    async def written() -> bool:
        return bool(await stored(around) == text(north))

    await found(written)
    return north


def teach(pupil: ModelQuotes) -> None:
    """Two minutes of a market: a mid that moves each second, and takers that thin out with the depth."""
    rng = Random(3)  # noqa: S311 - a market, not a secret
    for step in range(1_300):
        at_us = START_US + step * 100_000
        pupil.learn(BookSeen(at_us, 2 * MID + 1 + 2 * (step // 10 % 2)))
        depth = 1 + int(rng.expovariate(0.6))
        pupil.learn(TradeSeen(at_us + 50_000, Side.BUY, MID + depth + step // 10 % 2))


def model(instance: Instance) -> ModelQuotes:
    quotes: ModelQuotes | None = instance.symbol(BTC).model_quotes
    assert quotes is not None
    return quotes


def text(instance: Instance) -> str:
    return model(instance).learned("glft", instance.symbol(BTC).instrument)


def quotes_itself(instance: Instance) -> bool:
    """Whether the model quotes, rather than say why not."""
    mid = ReferenceMid(2 * MID + 1, 2, MidSource.BOOK)
    said = model(instance).quote(mid, instance.symbol(BTC).inventory.position, None, None)
    return not isinstance(said, NotReady)


async def stored(around: Surroundings) -> Any:
    return await around.pool.fetchval("SELECT learned FROM mm_learned WHERE symbol = $1", BTC)


async def test_a_model_quotes_by_what_it_had_learned_before_its_process_was_killed(
    around: Surroundings,
) -> None:
    north = await teacher(around)
    assert quotes_itself(north)
    told = text(north)
    await north.stop()  # as by kill -9: nothing is given up, nothing more is written
    south = await owner(around, "south")
    assert text(south) == told
    assert quotes_itself(south)


async def test_what_the_last_minute_taught_goes_on_with_a_release_in_order(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned, "EVERY_S", 3600.0)
    await around.configure(BTC, **GLFT)
    north = await owner(around, "north")
    teach(model(north))
    told = text(north)
    assert await north.revoke()
    south = await owner(around, "south")
    assert text(south) == told


async def test_an_owner_whose_epoch_is_over_writes_nothing(around: Surroundings) -> None:
    north = await teacher(around)
    before = await stored(around)
    await around.pool.execute("UPDATE mm_owners SET epoch = epoch + 1 WHERE symbol = $1", BTC)
    worker = north.supervisor.worker(BTC)
    assert worker is not None
    teach(model(north))
    await learned.LearnedWriter(north.database, north.supervisor).write(worker)
    assert await stored(around) == before


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ("UPDATE mm_learned SET made_at = made_at - interval '1 day 2 hours'", "what it learned is too old"),
        ("UPDATE mm_learned SET tick_size = tick_size * 2", "it learned of another model or grid"),
        ("UPDATE mm_learned SET model = 'avellaneda_stoikov'", "it learned of another model or grid"),
        ("UPDATE mm_learned SET learned = '{}'", "what was learned of the market cannot be read"),
    ],
)
async def test_what_is_of_no_use_is_left_and_linear_skew_quotes_visibly(
    around: Surroundings, spoilt: str, why: str
) -> None:
    north = await teacher(around)
    await north.stop()
    await around.pool.execute(spoilt)
    with capture_logs() as lines:
        south = await owner(around, "south")
    [said] = {line["reason"] for line in lines if line["event"] == "model_begins_anew"}
    assert why in said
    assert not quotes_itself(south)


async def test_a_symbol_without_a_model_writes_nothing(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await owner(around, "north")
    await until(lambda: north.supervisor.worker(BTC) is not None)
    worker = north.supervisor.worker(BTC)
    assert worker is not None
    writer = learned.LearnedWriter(north.database, north.supervisor)
    assert not writer.is_due(worker)
    await writer.write(worker)
    assert await stored(around) is None


def test_what_is_older_than_a_day_and_an_hour_is_older_than_any_window() -> None:
    assert timedelta(seconds=learned.AGE_S_MAX) == timedelta(days=1, hours=1)
