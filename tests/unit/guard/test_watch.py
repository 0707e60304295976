"""The guard on a real PostgreSQL, a real Valkey and an Order Service over HTTP, with quick instances."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import structlog
from tests.support.guard import RestingOrders
from tests.support.guard_site import Site
from tests.support.valkey import Valkey

from lab.fleet_secret import FLEET_SECRET
from lab.postgres_server import PostgresServer
from market_maker.core.states import KillReason, State
from market_maker.fleet.bus import FleetBus
from market_maker.guard.intervention import Intervention
from market_maker.repositories.database import open_pool
from market_maker.repositories.migrations import migrate

BTC, ETH, SOL = "BTCUSDT", "ETHUSDT", "SOLUSDT"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market_maker.guard.watch.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("market_maker.guard.intervention.BACKOFF_MAX_S", 0.1)
    monkeypatch.setattr("market_maker.guard.intervention.SETTLE_NS", 0)


@pytest.fixture
async def site(
    pool: asyncpg.Pool, database_url: str, valkey: Valkey, resting: RestingOrders
) -> AsyncIterator[Site]:
    site = Site(pool, database_url, valkey, resting)
    yield site
    await site.close()


@pytest.fixture
async def own_site(
    own_postgres: PostgresServer, valkey: Valkey, resting: RestingOrders
) -> AsyncIterator[Site]:
    """On a PostgreSQL that the test may stop."""
    url = own_postgres.url()
    await migrate(url)
    pool = await open_pool(url, max_size=4, command_timeout_s=2)
    site = Site(pool, url, valkey, resting)
    yield site
    await site.close()
    pool.terminate()


async def test_the_orders_of_an_instance_that_falls_silent_are_cancelled_and_its_symbols_halted(
    site: Site,
) -> None:
    lost = await site.instance("lost-1", BTC, ETH)
    other = await site.instance("other-1", SOL)
    watch = await site.guard()
    await lost.die()
    with structlog.testing.capture_logs() as logged:
        await site.until(lambda: site.resting.left(BTC, ETH) == 0)
        await site.until(lambda: site.is_halted(BTC))
        await site.until(lambda: site.is_halted(ETH))
        await site.until(lambda: not watch.running)
    for symbol in (BTC, ETH):
        assert await site.topics(symbol) == ["mm.state.changed.v1", "mm.risk.triggered.v1"]
    assert site.resting.left(SOL) == 2
    assert site.resting.requests(SOL) == []
    assert (await other.owners.look("")).owners == {SOL: "other-1"}
    assert site.value("mm_guard_interventions_total") == 2
    [line] = [line for line in logged if line["event"] == "instance_lost"]
    assert (line["instance"], line["symbols"]) == ("lost-1", [BTC, ETH])


async def test_of_a_lost_instance_nothing_is_left_to_watch(site: Site) -> None:
    lost = await site.instance("lost-1", BTC)
    watch = await site.guard()
    await lost.die()
    await site.until(lambda: site.is_halted(BTC))

    async def is_forgotten() -> bool:
        return await lost.owners.beats() == {}

    await site.until(is_forgotten)
    await site.until(lambda: not watch.running)
    before = len(site.resting.requests(BTC))
    await site.for_a_while(watch)
    assert len(site.resting.requests(BTC)) == before
    assert site.value("mm_guard_instances", state="lost") == 0


async def test_a_living_fleet_is_left_alone(site: Site) -> None:
    await site.instance("a-1", BTC)
    await site.instance("b-1", ETH)
    watch = await site.guard()
    await site.for_a_while(watch)
    assert site.resting.left(BTC, ETH) == 4
    assert site.resting.server.requests == []
    assert site.value("mm_guard_instances", state="alive") == 2


async def test_an_orderly_end_causes_nothing(site: Site) -> None:
    ending = await site.instance("a-1", BTC)
    watch = await site.guard()
    await ending.end()
    await site.for_a_while(watch)
    assert site.resting.server.requests == []
    assert await site.state(BTC) is None


@pytest.mark.parametrize("place", ["beats_in_redis", "beats_in_postgres"])
async def test_signs_of_life_in_one_place_are_enough(site: Site, place: str) -> None:
    instance = await site.instance("a-1", BTC)
    watch = await site.guard()
    setattr(instance, place, False)
    await site.for_a_while(watch)
    assert site.resting.left(BTC) == 2
    await instance.die()
    await site.until(lambda: site.is_halted(BTC))


async def test_with_redis_gone_a_dead_instance_is_found_and_a_living_one_is_left_alone(site: Site) -> None:
    dead, _ = await site.instance("a-1", BTC), await site.instance("b-1", ETH)
    watch = await site.guard()
    site.valkey.stop()
    await dead.die()
    await site.until(lambda: site.is_halted(BTC))
    await site.for_a_while(watch)
    assert (site.resting.left(BTC), site.resting.left(ETH)) == (0, 2)


async def test_with_postgresql_gone_orders_are_cancelled_and_the_symbols_are_halted_when_it_is_back(
    own_site: Site, own_postgres: PostgresServer
) -> None:
    site = own_site
    dead, _ = await site.instance("a-1", BTC), await site.instance("b-1", ETH)
    watch = await site.guard()
    own_postgres.stop()
    await dead.die()
    await site.until(lambda: site.resting.left(BTC) == 0)
    await site.for_a_while(watch)
    assert site.resting.left(ETH) == 2
    await site.until(lambda: watch.running == {BTC})
    own_postgres.start()
    await site.until(lambda: site.is_halted(BTC))
    await site.until(lambda: not watch.running)
    assert await site.topics(BTC) == ["mm.state.changed.v1", "mm.risk.triggered.v1"]


async def test_a_postgresql_that_hangs_is_one_that_is_away(
    own_site: Site, own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_maker.guard.records.READ_S_MAX", 0.2)
    site = own_site
    dead, _ = await site.instance("a-1", BTC), await site.instance("b-1", ETH)
    watch = await site.guard()
    await dead.die()
    own_postgres.freeze()
    try:
        await site.until(lambda: site.resting.left(BTC) == 0)
        assert site.resting.left(ETH) == 2
    finally:
        own_postgres.thaw()
    await site.until(lambda: site.is_halted(BTC))
    await site.until(lambda: not watch.running)


async def test_blind_the_guard_does_nothing_and_says_so(own_site: Site, own_postgres: PostgresServer) -> None:
    site = own_site
    dead = await site.instance("a-1", BTC)
    watch = await site.guard()
    site.valkey.stop()
    own_postgres.stop()
    await dead.die()
    with structlog.testing.capture_logs() as logged:
        await site.for_a_while(watch)
    assert [line["event"] for line in logged].count("guard_blind") == 1
    assert site.resting.server.requests == []
    assert site.value("mm_guard_blind") == 1
    own_postgres.start()
    await site.until(lambda: site.value("mm_guard_blind") == 0)
    await site.until(lambda: site.is_halted(BTC))
    assert site.resting.left(BTC) == 0


async def test_a_symbol_that_another_instance_takes_meanwhile_is_left_to_it(site: Site) -> None:
    lost = await site.instance("lost-1", BTC)
    watch = await site.guard()
    site.resting.down = True
    await lost.die()
    await site.until(lambda: site.is_halted(BTC))
    taker = await site.instance("taker-1", BTC)
    await site.until(lambda: not watch.running)
    site.resting.down = False
    before = len(site.resting.requests(BTC))
    await site.for_a_while(watch)
    assert len(site.resting.requests(BTC)) == before
    assert site.resting.left(BTC) == 2
    assert (await taker.owners.look("")).owners == {BTC: "taker-1"}
    assert taker.symbols == {BTC: 3}


async def test_a_halted_symbol_keeps_its_reason(site: Site) -> None:
    lost = await site.instance("lost-1", BTC)
    await site.pool.execute(
        "INSERT INTO mm_states (symbol, state, reason, actor, kill_reason, since, last_event_id) "
        "VALUES ($1, 'HALTED', 'loss', 'system', 'LOSS_BREACH', now(), gen_random_uuid())",
        BTC,
    )
    watch = await site.guard()
    await lost.die()
    await site.until(lambda: site.value("mm_guard_interventions_total") == 1 and not watch.running)
    stored = await site.state(BTC)
    assert stored is not None
    assert (stored.state, stored.kill_reason, stored.reason) == (State.HALTED, KillReason.LOSS_BREACH, "loss")
    assert site.resting.left(BTC) == 0
    assert await site.topics(BTC) == []


async def test_while_the_order_service_is_down_the_guard_goes_on_until_nothing_is_left(site: Site) -> None:
    lost = await site.instance("lost-1", BTC)
    watch = await site.guard()
    site.resting.down = True
    await lost.die()
    await site.until(lambda: len(site.resting.requests(BTC)) > 10)
    assert watch.running == {BTC}
    site.resting.down = False
    await site.until(lambda: not watch.running)
    assert site.resting.left(BTC) == 0
    assert site.resting.requests(BTC)[-1] == "GET"


async def test_two_guards_halt_a_symbol_once(site: Site) -> None:
    lost = await site.instance("lost-1", BTC, ETH)
    first, second = await site.guard("guard-1"), await site.guard("guard-2")
    await lost.die()
    await site.until(lambda: site.is_halted(BTC))
    await site.until(lambda: site.is_halted(ETH))
    await site.until(lambda: not first.running and not second.running)
    for symbol in (BTC, ETH):
        assert await site.topics(symbol) == ["mm.state.changed.v1", "mm.risk.triggered.v1"]
    assert site.resting.left(BTC, ETH) == 0
    assert (await lost.owners.look("")).owners == {}


async def test_a_guard_goes_on_with_what_an_earlier_one_has_left_unfinished(site: Site) -> None:
    await site.pool.execute("INSERT INTO mm_owners (symbol, epoch, claimed_at) VALUES ($1, 6, now())", BTC)
    site.resting.place(BTC)
    watch = await site.guard()
    await site.until(lambda: site.resting.left(BTC) == 0)
    await site.until(lambda: not watch.running)
    before = len(site.resting.requests(BTC))
    await site.for_a_while(watch)
    assert len(site.resting.requests(BTC)) == before
    assert await site.topics(BTC) == []


async def test_instances_see_how_many_guards_there_are(site: Site) -> None:
    await site.guard("guard-1")
    await site.guard("guard-2")
    bus = FleetBus(site.valkey.url, "a-1", FLEET_SECRET.encode())
    assert await bus.guards() == 2
    await bus.close()


async def test_a_defect_of_ours_in_one_symbol_does_not_stop_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await site.instance("lost-1", BTC, ETH)
    watch = await site.guard()
    begin = watch._intervene

    def broken(case: Any) -> Intervention:
        if case.symbol == BTC:
            raise ZeroDivisionError("a defect")
        return begin(case)

    monkeypatch.setattr(watch, "_intervene", broken)
    with structlog.testing.capture_logs() as logged:
        await lost.die()
        await site.until(lambda: site.is_halted(ETH))
    assert any(line["event"] == "guard_intervention_failed" and line["symbol"] == BTC for line in logged)
    monkeypatch.undo()
    await site.until(lambda: site.is_halted(BTC))
