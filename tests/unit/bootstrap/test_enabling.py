"""What the desk answers while PostgreSQL does not take what was decided, or the exchange owes a proof."""

import pytest
from tests.support.owning import BTC, ETH, Instance, until
from tests.support.surroundings import Surroundings

from market_maker.api import ports
from market_maker.api.problems import of_desk_error
from market_maker.bootstrap.desk import ServiceDesk
from market_maker.bootstrap.obligations import FleetObligations
from market_maker.core.states import Cause, State
from market_maker.telemetry.metrics import Metrics


def desk_of(instance: Instance) -> ServiceDesk:
    return ServiceDesk(
        instance.trading,
        instance.markets,
        instance.database,
        ports.ServiceHealth,
        instance.gauges.figures,
        instance.ownership,
        instance.errands.carry_out_kills,
        FleetObligations((), instance.database, Metrics()).standings,
        shadow_mode=False,
    )


async def test_a_symbol_that_was_just_paused_is_not_deleted_before_zero_is_proven(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    desk = desk_of(north)
    around.venue.broken = BTC
    await north.ask(BTC, Cause.PAUSE)
    with pytest.raises(ports.NotProvenZeroError) as refused:
        await desk.delete_config(BTC, "operator", "test")
    answer = of_desk_error(refused.value)
    assert (answer.status, answer.code) == (409, "NOT_PROVEN_ZERO")
    around.venue.broken = ""
    await north.clear(BTC)
    await desk.delete_config(BTC, "operator", "test")


async def test_a_kill_is_told_to_be_durable_only_once_the_database_has_it(around: Surroundings) -> None:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    desk = desk_of(north)
    async with around.pool.acquire() as holder, holder.transaction():
        await holder.execute("LOCK TABLE mm_states IN ACCESS EXCLUSIVE MODE")
        replies = await desk.control([BTC], Cause.KILL, "operator", "test")
        assert (replies[BTC].state, await desk.durable([BTC])) == (State.HALTED, frozenset())
    while not await desk.durable([BTC]):  # each look waits for the database by itself
        pass
    stored = await desk.stored_states([BTC])
    assert stored[BTC].state is State.HALTED


async def test_an_enable_that_cannot_be_stored_leaves_no_active_symbol_behind(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC, ETH)
    await north.clear(BTC)
    await north.clear(ETH)
    await around.pool.execute(f"ALTER TABLE mm_configs ADD CHECK (symbol <> '{ETH}' OR NOT enabled)")
    for symbol in (BTC, ETH):
        north.show_book(symbol)
    replies = await desk_of(north).control([BTC, ETH], Cause.ENABLE, "operator", "morning")
    assert replies[BTC].problems == ()
    assert [problem.code for problem in replies[ETH].problems] == ["DATABASE_UNAVAILABLE"]
    assert "paused again" in replies[ETH].problems[0].detail
    assert (north.state(BTC), north.state(ETH)) == (State.ACTIVE, State.PAUSED)
    await north.clear(ETH)
    await until(lambda: around.venue.resting(ETH) == 0)


async def test_a_symbol_that_no_database_can_hold_has_had_no_configuration(around: Surroundings) -> None:
    north = await around.start("north")
    assert await desk_of(north).versions("\0", None, 10) == []
