"""What was measured under one assignment of partitions says nothing about the next one."""

import asyncio
import time
from itertools import pairwise

from tests.support.owning import BTC, ETH, Instance, until
from tests.support.owning_parts import keys_of
from tests.support.surroundings import Surroundings

from market_maker.core.risk import kill_switch
from market_maker.streams.lag import LagReport
from market_maker.streams.topics import CONSUMED


def nothing_behind(generation: int, *symbols: str) -> LagReport:
    keys = keys_of(symbols or [BTC])
    generations = dict.fromkeys(keys, generation)
    return LagReport(time.monotonic_ns(), dict.fromkeys(CONSUMED, 0), dict.fromkeys(keys, 0), generations)


def problems(instance: Instance) -> set[str]:
    """Why the symbol could not be enabled now."""
    return {problem.code for problem in instance.worker(BTC).engine.view().enable_problems}


async def quotable(around: Surroundings) -> Instance:
    """BTC, cleared and with a book, in its first assignment."""
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.taken(BTC)
    await until(lambda: north.worker(BTC).engine.is_clear)
    north.feed.on_lag(nothing_behind(1))
    north.show_book(BTC)
    await until(lambda: not problems(north))
    return north


async def test_a_symbol_that_was_assigned_anew_waits_for_a_new_measurement(around: Surroundings) -> None:
    north = await quotable(around)
    north.assign(BTC)
    north.feed.tell_lag(BTC)
    await until(lambda: problems(north) == {"KAFKA_LAG"})
    north.feed.on_lag(nothing_behind(2))
    await until(lambda: not problems(north))


async def test_a_measurement_that_arrives_after_its_assignment_is_over_tells_nothing(
    around: Surroundings,
) -> None:
    north = await quotable(around)
    north.assign(BTC)
    north.feed.on_lag(nothing_behind(1))
    await until(lambda: problems(north) == {"KAFKA_LAG"})


async def both_taken(around: Surroundings) -> tuple[Instance, list[kill_switch.Surroundings]]:
    """An instance of BTC and ETH, and what they know of their surroundings."""
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    for symbol in (BTC, ETH):
        await north.taken(symbol)
        await north.clear(symbol)
    return north, [north.worker(symbol).engine.symbol.health for symbol in (BTC, ETH)]


async def test_symbols_hear_of_the_lag_one_each_turn_of_the_loop(around: Surroundings) -> None:
    north, healths = await both_taken(around)
    report = nothing_behind(1, BTC, ETH)
    seen = [0]
    north.feed.on_lag(report)
    for _ in range(10):
        await asyncio.sleep(0)
        seen.append(sum(health.lag_known_ns == report.at_ns for health in healths))
    assert seen[-1] == 2
    assert max(after - before for before, after in pairwise(seen)) == 1


async def test_every_symbol_hears_of_the_lag_when_turns_take_longer_than_it_stays_the_latest(
    around: Surroundings,
) -> None:
    north, healths = await both_taken(around)
    began_ns = time.monotonic_ns()
    for _ in range(10):
        north.feed.on_lag(nothing_behind(1, BTC, ETH))
        north.feed.on_lag(nothing_behind(1, BTC, ETH))
        await asyncio.sleep(0)
    assert all(health.lag_known_ns is not None and health.lag_known_ns > began_ns for health in healths)
