import asyncpg

from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository

BTC, ETH = "BTCUSDT", "ETHUSDT"


async def test_a_kill_waits_for_the_owner_of_its_symbol(pool: asyncpg.Pool) -> None:
    orders = KillOrderRepository(Database(pool))
    await orders.order([BTC, ETH], "alice", "drill")
    [found] = await orders.open([BTC])
    assert (found.symbol, found.actor, found.reason) == (BTC, "alice", "drill")


async def test_a_kill_that_is_done_is_not_carried_out_again(pool: asyncpg.Pool) -> None:
    orders = KillOrderRepository(Database(pool))
    ids = await orders.order([BTC, ETH], "alice", "drill")
    [btc] = [order_id for order_id, symbol in ids.items() if symbol == BTC]
    assert await orders.done(list(ids)) == frozenset()
    assert await orders.mark_done([btc]) == 1
    assert await orders.mark_done([btc]) == 0
    assert await orders.open([BTC]) == []
    assert len(await orders.open([BTC, ETH])) == 1
    assert await orders.done(list(ids)) == {btc}


async def test_kills_are_read_in_the_order_in_which_they_were_asked(pool: asyncpg.Pool) -> None:
    orders = KillOrderRepository(Database(pool))
    for reason in ("first", "second", "third"):
        await orders.order([BTC], "alice", reason)
    assert [order.reason for order in await orders.open([BTC])] == ["first", "second", "third"]
