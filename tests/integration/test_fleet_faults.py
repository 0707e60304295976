"""Two instances while Kafka, PostgreSQL or the schema registry is away, as DESIGN's table says."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import asyncpg
import pytest
from tests.support.instances import NORTH, SOUTH, Fleet, StartFleet
from tests.support.kafka_exchange import KafkaExchange
from tests.support.operator import until
from tests.support.service import small

from lab.postgres_server import PostgresServer
from market_maker.repositories.migrations import migrate

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")


async def trade_and_compare(fleet: Fleet) -> None:
    """Everything quotes, trades, and comes to the exchange's own figures."""
    for symbol in SYMBOLS:
        await fleet.south.operator.quoting(symbol)
        await fleet.south.trade_against(symbol)
    assert (await fleet.south.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await fleet.south.operator.clear(symbol)
        assert len(await fleet.south.require_equal_fills(symbol)) >= 1
    assert await fleet.south.orders_at_exchange() == 0


async def reset_all(fleet: Fleet, timeout_s: float = 20.0) -> None:
    """Every symbol is HALTED and proven clear; all are reset through one instance."""
    for symbol in SYMBOLS:
        await fleet.south.operator.clear(symbol, timeout_s)

    async def is_reset() -> bool:
        return (await fleet.south.operator.emergency("reset")).status == 200

    await until("all are reset", is_reset, timeout_s)


# --- Kafka ---------------------------------------------------------------------------------------

OUTAGE_S = 15.0
LAG_THRESHOLD_S = 2.0


@pytest.fixture
def exchange(shared_exchange: KafkaExchange) -> Iterator[KafkaExchange]:
    """The shared exchange, whose broker the test may stop."""
    yield shared_exchange
    shared_exchange.broker.recover()


@pytest.mark.long
async def test_a_broker_that_is_away_for_15_s_halts_the_whole_fleet_and_after_a_reset_all_quotes_again(
    start_fleet: StartFleet, exchange: KafkaExchange
) -> None:
    fleet = await start_fleet(KILL_SWITCH_KAFKA_LAG_THRESHOLD=f"{LAG_THRESHOLD_S:g}s")
    await fleet.quote(SYMBOLS)
    exchange.broker.kill()
    began = time.monotonic()
    for symbol, side in itertools.product(SYMBOLS, ("sell", "buy")):
        await fleet.north.exchange.trade(symbol, side, small(symbol))  # nobody tells the service of fills now
    for symbol in SYMBOLS:
        await fleet.north.operator.halted(symbol, "KAFKA_LAG", LAG_THRESHOLD_S + 3.0)
    await fleet.north.empty_at_exchange(timeout_s=1.0)
    await asyncio.sleep(began + OUTAGE_S - time.monotonic())
    assert await fleet.interventions() == 0  # both are alive
    exchange.broker.launch()
    await fleet.all_owned(SYMBOLS, NORTH, SOUTH)
    await reset_all(fleet, 30.0)
    await fleet.enable(SYMBOLS)
    await trade_and_compare(fleet)


# --- PostgreSQL ----------------------------------------------------------------------------------


@pytest.fixture
async def own_database(own_postgres: PostgresServer) -> PostgresServer:
    """A server with the schema, which the test may stop and start."""
    await migrate(own_postgres.url())
    return own_postgres


async def test_a_database_that_stops_halts_the_whole_fleet_and_gets_everything_when_it_is_back(
    start_fleet: StartFleet, own_database: PostgresServer
) -> None:
    fleet = await start_fleet(POSTGRES_URL=own_database.url())
    await fleet.quote(SYMBOLS)
    owners = await fleet.owners()
    await asyncio.to_thread(own_database.kill)
    for symbol in SYMBOLS:  # what happens must be written, so that each symbol learns of it
        await fleet.sites[owners[symbol].name].operator.halted(symbol, "JOURNAL_FAILURE", 8.0)
    await fleet.north.empty_at_exchange(timeout_s=1.0)
    own_database.start()

    async def halted_in_the_database() -> bool:
        connection = await asyncpg.connect(own_database.url())
        try:
            rows = await connection.fetch("SELECT state, kill_reason FROM mm_states")
        finally:
            await connection.close()
        return [tuple(row) for row in rows] == [("HALTED", "JOURNAL_FAILURE")] * len(SYMBOLS)

    await until("the kills are durable", halted_in_the_database)
    assert await fleet.interventions() == 0
    assert await fleet.owners() == owners
    await reset_all(fleet)
    await fleet.enable(SYMBOLS)
    await trade_and_compare(fleet)


# --- the registry --------------------------------------------------------------------------------


async def test_a_registry_that_is_away_changes_nothing_even_across_a_hand_over(
    start_fleet: StartFleet,
) -> None:
    fleet = await start_fleet()
    await fleet.quote(SYMBOLS, resume_on_clean_handover=True)
    await fleet.north.exchange.fault("registry", "error")
    for symbol in SYMBOLS:
        await fleet.north.trade_against(symbol)
    assert await asyncio.to_thread(fleet.north.service.terminate) == 0, fleet.north.service.log_tail()
    await fleet.all_owned(SYMBOLS, SOUTH)
    await trade_and_compare(fleet)
