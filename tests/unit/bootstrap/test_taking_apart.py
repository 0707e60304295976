"""What is wrong with one symbol while symbols are taken concerns that symbol only; its market is cleared."""

import asyncio

import asyncpg
import pytest
from tests.support.counted import sample
from tests.support.owning import BTC, ETH, Instance, until
from tests.support.surroundings import Surroundings

from market_maker.bootstrap.markets import Markets
from market_maker.core.instrument import Instrument
from market_maker.core.states import Cause, KillReason, State
from market_maker.repositories.executor import Database
from market_maker.repositories.owners import OwnerRepository

FILL = """
    INSERT INTO mm_fills (symbol, trade_id, side, price, quantity, fee, order_id, is_maker, sequence,
                          executed_at, recorded_at)
    VALUES ($1, 't-1', 'BUY', 60000, 1, $2, 'x-1', true, 1, now(), now())
"""
STATE = """
    INSERT INTO mm_states (symbol, state, reason, actor, kill_reason, since, last_event_id)
    VALUES ($1, 'HALTED', 'of a newer version', 'system', $2, now(), gen_random_uuid())
"""


async def test_the_cancel_of_everything_leaves_before_anything_of_a_taken_symbol_is_read(
    around: Surroundings,
) -> None:
    await around.configure(BTC)
    await OwnerRepository(Database(around.pool)).claim([BTC], "dead")
    north = await around.start("north")
    async with around.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE mm_fills, mm_orders, mm_states IN ACCESS EXCLUSIVE MODE")
        north.assign(BTC)
        await until(lambda: around.venue.heard() > 0)
        assert north.supervisor.worker(BTC) is None, "its history cannot be read yet"
        [heard] = around.venue.server.requests
        assert (heard.method, heard.query["symbol"]) == ("DELETE", BTC)
    await north.taken(BTC)


async def test_a_symbol_whose_description_is_slow_keeps_no_other_back(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    instrument, answers = Markets.instrument, asyncio.Event()

    async def slow(markets: Markets, symbol: str) -> Instrument:
        if symbol == ETH:
            await answers.wait()
        return await instrument(markets, symbol)

    monkeypatch.setattr(Markets, "instrument", slow)
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    assert ETH in north.ownership.expected
    assert north.supervisor.worker(ETH) is None
    answers.set()
    await north.taken(ETH)


async def test_a_row_that_cannot_be_read_leaves_its_symbol_out_with_an_alarm_and_its_market_cleared(
    around: Surroundings, capsys: pytest.CaptureFixture[str]
) -> None:
    await around.configure(BTC, ETH)
    await around.pool.execute(FILL, ETH, float("nan"))
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    await _left_out(north, ETH)
    await until(lambda: _heard(around, ETH)[-1:] == ["GET"])
    assert _heard(around, ETH)[0] == "DELETE"
    assert "symbol_left_out" in capsys.readouterr().out
    assert sample(north.meters.metrics, "mm_worker_failures_total", symbol=ETH) not in {None, 0}
    assert north.failures == []


async def test_a_kill_reason_of_another_version_is_a_symbol_that_is_halted(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    await around.pool.execute(STATE, ETH, "SOLAR_FLARE")
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC, ETH)
    assert (north.state(BTC), north.state(ETH)) == (State.PAUSED, State.HALTED)
    assert north.symbol(ETH).kill.reason is KillReason.MANUAL
    assert north.symbol(ETH).kill.measured == "of a newer version"
    await north.clear(ETH)
    assert (await north.ask(ETH, Cause.RESET)).problems == ()


async def test_a_record_that_postgresql_refuses_is_not_tried_for_ever(
    around: Surroundings, pool: asyncpg.Pool
) -> None:
    await around.configure(BTC, ETH)
    await pool.execute(FILL, ETH, 0)
    await pool.execute(
        "INSERT INTO mm_positions (symbol, position, open_cost, realized_pnl, fees, fill_count, volume, "
        "updated_at) VALUES ($1, 7, 7, 0, 0, 1, 7, now())",
        ETH,
    )
    await pool.execute(f"ALTER TABLE mm_positions ADD CHECK (symbol <> '{ETH}' OR position = 7)")
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    await _left_out(north, ETH)
    assert north.failures == []


async def test_a_claim_that_postgresql_refuses_takes_no_other_with_it(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    await around.pool.execute(f"ALTER TABLE mm_owners ADD CHECK (symbol <> '{ETH}')")
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    await _left_out(north, ETH)
    assert north.failures == []


async def test_whatever_is_raised_while_a_symbol_is_restored_the_others_are_taken(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Markets.start

    async def failing(markets: Markets, symbol: str, *given: object) -> object:
        if symbol == ETH:
            raise KeyError("a defect")
        return await start(markets, symbol, *given)  # type: ignore[arg-type] # as given

    monkeypatch.setattr(Markets, "start", failing)
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    await north.taken(BTC)
    await _left_out(north, ETH)
    monkeypatch.undo()
    north.assign(BTC, ETH)
    await north.taken(BTC, ETH)
    assert north.failures == []


async def test_an_engine_that_cannot_begin_is_halted(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_maker.core.engine.engine.SymbolEngine.start", _defect)
    await around.configure(BTC)
    north = await around.start("north")
    north.assign(BTC)
    await until(lambda: north.holds(BTC) and north.state(BTC) is State.HALTED)
    assert north.symbol(BTC).kill.reason is KillReason.WORKER_FAILURE
    await north.clear(BTC)
    assert north.failures == []


def _defect(*_: object) -> None:
    raise KeyError("a defect")


def _heard(around: Surroundings, symbol: str) -> list[str]:
    return [seen.method for seen in around.venue.server.requests if seen.query.get("symbol") == symbol]


async def _left_out(north: Instance, symbol: str) -> None:
    """Wait until the symbol is left out: no actor, and nothing waits for one."""
    await until(lambda: symbol not in north.ownership.expected)
    assert north.supervisor.worker(symbol) is None
