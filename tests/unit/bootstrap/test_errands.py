"""What others leave in PostgreSQL for the symbols of an instance."""

import asyncio
from typing import Any

import pytest
from tests.support.owning import BTC, Instance, Surroundings

from market_maker.api.ports import Figures, Health
from market_maker.bootstrap.desk import ServiceDesk
from market_maker.core.states import Cause, State
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository


async def owner_of_btc(around: Surroundings) -> Instance:
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await north.activate(BTC)
    return north


async def order_kill(around: Surroundings) -> KillOrderRepository:
    orders = KillOrderRepository(Database(around.pool))
    await orders.order([BTC], "desk", "through another instance")
    return orders


def desk_of(instance: Instance) -> ServiceDesk:
    """The API's way in; what has nothing to do with control must not be asked."""

    def health() -> Health:
        raise NotImplementedError

    def figures() -> Figures:
        raise NotImplementedError

    return ServiceDesk(
        instance.supervisor,
        instance.fleet,
        instance.controls,
        instance.changes,
        instance.database,
        health,
        figures,
        instance.ownership.removed,
        instance.ownership.removed,
        instance.owning.resumptions,
        instance.owning.errands.carry_out_kills,
        shadow_mode=False,
    )


async def test_a_reset_comes_after_the_kills_that_were_on_record_before_it(around: Surroundings) -> None:
    north = await owner_of_btc(around)
    desk = desk_of(north)
    # As another instance kills: it asks the owner, and leaves an order in the database besides.
    await desk.control([BTC], Cause.KILL, "desk", "asked directly")
    await north.clear(BTC)
    orders = await order_kill(around)
    replies = await desk.control([BTC], Cause.RESET, "desk", "over")
    assert replies[BTC].problems == ()
    assert await orders.open([BTC]) == []
    await north.owning.errands.carry_out_kills([BTC])
    assert north.state(BTC) is State.PAUSED


async def test_an_order_that_two_looks_would_find_is_carried_out_by_one_of_them(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = await owner_of_btc(around)
    orders = await order_kill(around)
    asked: list[Cause] = []
    ask = north.supervisor.ask

    def counted(symbol: str, request_id: int, cause: Cause, *others: Any, **options: Any) -> None:
        asked.append(cause)
        ask(symbol, request_id, cause, *others, **options)

    monkeypatch.setattr(north.supervisor, "ask", counted)
    look = north.owning.errands.carry_out_kills
    await asyncio.gather(look([BTC]), look([BTC]), look([BTC]))
    assert asked == [Cause.KILL]
    assert await orders.open([BTC]) == []
    assert north.state(BTC) is State.HALTED
