"""PostgreSQL answers nothing: until when orders leave, and what happens then."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from tests.support import surroundings
from tests.support.jumping_clock import JumpingClock
from tests.support.owning import BTC, LONG_NS, NEVER_NS, Instance, until
from tests.support.surroundings import Surroundings

from lab.postgres_server import PostgresServer
from lab.stalling_proxy import StallingProxy
from market_maker.bootstrap import kill_switch_feed
from market_maker.core.states import Cause, KillReason, State
from market_maker.ownership import tenancy

LEASE_S = LONG_NS / 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JumpingClock:
    return JumpingClock(monkeypatch)


@pytest.fixture
async def way(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StallingProxy]:
    """The instance's way to PostgreSQL, on which no answer to a renewal is waited for for long."""
    _wait_for_renewals(monkeypatch, 0.3)
    async with StallingProxy(postgres_server.port) as proxy:
        yield proxy


def _wait_for_renewals(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """How long an answer to a renewal is waited for."""
    for module, limit in ((tenancy, "RENEW_S_MAX"), (surroundings, "LEASE_COMMAND_S")):
        monkeypatch.setattr(module, limit, seconds)


async def test_at_the_leases_end_quoting_symbols_are_halted_and_their_cancels_still_go_out(
    around: Surroundings,
    way: StallingProxy,
    postgres_server: PostgresServer,
    database_url: str,
    clock: JumpingClock,
) -> None:
    north = await _quoting(around, way, postgres_server, database_url)
    lease = north.ownership.tenancy.lease
    way.freeze()
    clock.jump(LEASE_S)
    before = around.venue.heard()
    north.show_book(BTC)
    await until(lambda: north.state(BTC) is State.HALTED)
    assert north.symbol(BTC).kill.reason is KillReason.JOURNAL_FAILURE
    await until(lambda: around.venue.resting(BTC) == 0)
    assert not around.venue.placed_since(before)
    way.thaw()
    await until(lambda: lease.is_current)
    assert north.ownership.tenancy.failure == ""
    assert north.holds(BTC)
    assert north.failures == []


async def test_between_the_leases_end_and_postgresqls_word_the_cancels_of_our_own_orders_leave(
    around: Surroundings,
    way: StallingProxy,
    postgres_server: PostgresServer,
    database_url: str,
    clock: JumpingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _wait_for_renewals(monkeypatch, NEVER_NS / 1e9)
    north = await _quoting(around, way, postgres_server, database_url)
    lease = north.ownership.tenancy.lease
    resting = {order.order_id for order in north.symbol(BTC).orders}
    way.freeze()
    clock.jump(LEASE_S)
    before = around.venue.heard()
    north.supervisor.ask(BTC, 0, Cause.KILL, "operator", "now")
    await until(lambda: north.state(BTC) is State.HALTED)
    await until(lambda: around.venue.resting(BTC) == 0)
    assert not lease.is_settled, "PostgreSQL has not been given up yet"
    assert _orders_of(around, before) == {("DELETE", order_id) for order_id in resting}


async def test_at_the_leases_end_our_orders_leave_before_postgresql_is_given_up_and_return_with_its_answer(
    around: Surroundings,
    way: StallingProxy,
    postgres_server: PostgresServer,
    database_url: str,
    clock: JumpingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _wait_for_renewals(monkeypatch, NEVER_NS / 1e9)
    north = await _quoting(around, way, postgres_server, database_url)
    lease = north.ownership.tenancy.lease
    await until(lambda: around.venue.resting(BTC) == 2)
    way.freeze()
    renewal = asyncio.ensure_future(north.ownership.tenancy.renew())
    clock.jump(LEASE_S)
    before = around.venue.heard()
    await until(lambda: around.venue.resting(BTC) == 0)
    assert not lease.is_settled, "PostgreSQL has not been given up yet"
    assert {method for method, _ in _orders_of(around, before)} == {"DELETE"}
    assert (north.state(BTC), north.symbol(BTC).no_quote_reason) == (State.ACTIVE, "lease_ended")
    way.thaw()
    with capture_logs() as lines:
        await renewal
        await north.ownership.tenancy.renew()
        await until(lambda: around.venue.resting(BTC) == 2)
    told = [line for line in lines if line["event"] == "lease_runs_again"]
    assert told == [{"event": "lease_runs_again", "log_level": "info", "symbols": [BTC]}]


async def test_a_symbol_that_missed_that_the_lease_runs_again_is_told_once_more(
    around: Surroundings,
    way: StallingProxy,
    postgres_server: PostgresServer,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kill_switch_feed, "REPEAT_S", 0.0)
    north = await _quoting(around, way, postgres_server, database_url)
    health = north.symbol(BTC).health
    health.lease_ended = True
    await until(lambda: not health.lease_ended)


async def test_a_short_silence_of_postgresql_stops_nobody(
    around: Surroundings, way: StallingProxy, postgres_server: PostgresServer, database_url: str
) -> None:
    """Renewals fail, the lease goes on."""
    north = await _quoting(around, way, postgres_server, database_url)
    ours = north.ownership.tenancy
    way.freeze()
    await until(lambda: ours.failure != "")
    way.thaw()
    await until(lambda: ours.failure == "")
    assert north.state(BTC) is State.ACTIVE


async def test_a_paused_symbol_outlives_a_silence_of_postgresql(
    around: Surroundings,
    way: StallingProxy,
    postgres_server: PostgresServer,
    database_url: str,
    clock: JumpingClock,
) -> None:
    north = await _instance(around, way, postgres_server, database_url)
    north.assign(BTC)
    await north.taken(BTC)
    await north.clear(BTC)
    way.freeze()
    clock.jump(LEASE_S)
    await until(lambda: north.ownership.tenancy.lease.is_unanswered)
    way.thaw()
    await until(lambda: north.ownership.tenancy.lease.is_current)
    assert north.state(BTC) is State.PAUSED
    await until(lambda: not north.symbol(BTC).health.journal_failed)
    await north.activate(BTC)


async def test_symbols_wait_for_a_postgresql_that_hangs(
    around: Surroundings, way: StallingProxy, postgres_server: PostgresServer, database_url: str
) -> None:
    north = await _instance(around, way, postgres_server, database_url)
    way.freeze()
    north.assign(BTC)
    await until(lambda: bool(north.ownership.tenancy.failure))
    assert north.supervisor.worker(BTC) is None
    way.thaw()
    await north.taken(BTC)


async def _instance(
    around: Surroundings, way: StallingProxy, server: PostgresServer, database_url: str
) -> Instance:
    await around.configure(BTC)
    return await around.start("north", database_url.replace(str(server.port), str(way.port)))


def _orders_of(around: Surroundings, before: int) -> set[tuple[str, str]]:
    """What was ordered since, by which method, of which order. The half-minute's question may be due."""
    heard = around.venue.server.requests[before:]
    return {(seen.method, seen.path.rsplit("/", 1)[-1]) for seen in heard if seen.method != "GET"}


async def _quoting(
    around: Surroundings, way: StallingProxy, server: PostgresServer, database_url: str
) -> Instance:
    north = await _instance(around, way, server, database_url)
    north.assign(BTC)
    await north.activate(BTC)
    return north
