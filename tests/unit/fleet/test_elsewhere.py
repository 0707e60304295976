"""Kill, flatten and reset over symbols of several instances, and of none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.fleet import BTC, ETH, NORTH, SOL, SOUTH, Fleet, running_fleet

from lab.api import Answer, eventually
from lab.desk_records import view_of
from market_maker.api.ports import StoredState
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State
from market_maker.fleet import elsewhere, forward

KILL, FLATTEN, RESET = "/v1/mm/emergency/kill", "/v1/mm/emergency/flatten", "/v1/mm/reset"
ALL = {"reason": "drill"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "POLL_S", 0.001)
    wait_at_most(monkeypatch, 60)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that wait until an answer can come no more."""
    wait_at_most(monkeypatch, 0.02)


def wait_at_most(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (elsewhere, forward):
        monkeypatch.setattr(module, "ANSWER_S_MAX", seconds)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with running_fleet() as fleet:
        yield fleet


async def some_turns() -> None:
    """Let everything that can go on do so."""
    for _ in range(50):
        await asyncio.sleep(0)


def named(*symbols: str) -> dict[str, Any]:
    return {"symbols": symbols, "reason": "drill"}


def by_symbol(answer: Answer) -> dict[str, dict[str, Any]]:
    return {result["symbol"]: result for result in answer.body["results"]}


def states(answer: Answer) -> dict[str, tuple[str | None, bool, bool]]:
    return {
        symbol: (result.get("state"), result["accepted"], result["pending"])
        for symbol, result in by_symbol(answer).items()
    }


def code(answer: Answer, symbol: str) -> str:
    [problem] = by_symbol(answer)[symbol]["problems"]
    return str(problem["code"])


async def test_a_kill_reaches_every_instance_and_nobodys_symbol_is_on_record(fleet: Fleet) -> None:
    answer = await fleet.north.post(KILL, ALL)
    assert answer.status == 200
    assert states(answer) == {
        BTC: ("HALTED", True, False),
        ETH: ("HALTED", True, False),
        SOL: ("PAUSED", True, True),
    }
    assert fleet.north_desk.views[BTC].state is State.HALTED
    assert fleet.south_desk.views[ETH].state is State.HALTED
    assert [(symbol, reason) for symbol, _, reason in fleet.hub.orders.values()] == [
        (ETH, "drill"),
        (SOL, "drill"),
    ]


async def test_whoever_executes_a_kill_records_it_and_whoever_orders_one_records_that(fleet: Fleet) -> None:
    await fleet.north.post(KILL, ALL)
    await eventually(lambda: len(fleet.north_desk.trail) + len(fleet.south_desk.trail) == 3)
    assert [row.symbol for row in fleet.north_desk.trail] == [BTC, SOL]
    assert [row.symbol for row in fleet.south_desk.trail] == [ETH]
    ordered = fleet.north_desk.trail[1].after
    assert ordered is not None
    assert ordered["pending"] is True


async def test_a_kill_of_named_symbols_leaves_the_others_of_every_instance(fleet: Fleet) -> None:
    fleet.south_desk.views["XRP-USDT"] = view_of(SymbolConfig("XRP-USDT"))
    fleet.hub.owners["XRP-USDT"] = SOUTH
    answer = await fleet.north.post(KILL, named(ETH))
    assert states(answer) == {ETH: ("HALTED", True, False)}
    assert fleet.south_desk.views["XRP-USDT"].state is State.PAUSED
    assert fleet.north_desk.views[BTC].state is State.PAUSED
    assert fleet.north_desk.controls == []


async def test_a_kill_of_everything_stops_what_another_instance_has_and_this_one_does_not_know(
    fleet: Fleet,
) -> None:
    fleet.north_desk.known = [BTC]
    fleet.south_desk.views["NEW-USDT"] = view_of(SymbolConfig("NEW-USDT"))
    answer = await fleet.north.post(KILL, ALL)
    assert [(one["symbol"], one["state"]) for one in answer.body["results"]] == [
        (BTC, "HALTED"),
        (ETH, "HALTED"),
        ("NEW-USDT", "HALTED"),
    ]
    assert fleet.south_desk.views["NEW-USDT"].state is State.HALTED


async def test_a_local_kill_waits_for_nobody(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(fleet.hub, "ask", never)
    monkeypatch.setattr(fleet.hub, "order_kill", never)
    calling = asyncio.create_task(fleet.north.post(KILL, ALL))
    await eventually(lambda: fleet.north_desk.views[BTC].state is State.HALTED)
    assert not calling.done()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)


async def test_an_order_that_is_carried_out_does_not_wait_for_the_owners_silence(
    fleet: Fleet,
) -> None:
    fleet.hub.silent = {SOUTH}
    async with asyncio.timeout(10):
        assert states(await fleet.north.post(KILL, named(ETH))) == {ETH: ("HALTED", True, False)}
    await eventually(lambda: len(fleet.north_desk.trail) == 1)
    assert fleet.north_desk.trail[0].symbol == ETH
    assert fleet.south_desk.trail == []


async def test_an_answer_of_the_owner_does_not_wait_for_the_order_to_be_carried_out(
    fleet: Fleet,
) -> None:
    fleet.hub.reads_orders = False
    async with asyncio.timeout(10):
        assert states(await fleet.north.post(KILL, named(ETH)))[ETH] == ("HALTED", True, False)
    assert len(fleet.hub.orders) == 1


async def test_an_owners_word_is_not_enough_before_the_kill_is_on_record(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = asyncio.Event()
    order_kill = fleet.hub.order_kill

    async def slow(*order: Any) -> Any:
        await recorded.wait()
        return await order_kill(*order)

    monkeypatch.setattr(fleet.hub, "order_kill", slow)
    calling = asyncio.create_task(fleet.north.post(KILL, named(ETH)))
    await eventually(lambda: fleet.south_desk.views[ETH].state is State.HALTED)
    await some_turns()
    assert not calling.done()
    recorded.set()
    assert (await calling).status == 200
    assert len(fleet.hub.orders) == 1


async def test_a_kill_on_record_that_nobody_has_confirmed_is_pending(fleet: Fleet, impatient: None) -> None:
    fleet.hub.silent, fleet.hub.reads_orders = {SOUTH}, False
    fleet.north_desk.stored[ETH] = StoredState(State.ACTIVE, "enable")
    answer = await fleet.north.post(KILL, named(BTC, ETH))
    assert answer.status == 200
    assert states(answer) == {BTC: ("HALTED", True, False), ETH: ("ACTIVE", True, True)}


async def test_a_kill_arrives_without_the_database(fleet: Fleet) -> None:
    fleet.stop_database()
    answer = await fleet.north.post(KILL, named(BTC, ETH))
    assert (answer.status, answer.body["audit"]) == (200, "pending")
    assert states(answer) == {BTC: ("HALTED", True, False), ETH: ("HALTED", True, False)}


async def test_a_kill_arrives_without_redis(fleet: Fleet) -> None:
    fleet.hub.redis_up = False
    assert states(await fleet.north.post(KILL, ALL)) == {
        BTC: ("HALTED", True, False),
        ETH: ("HALTED", True, False),
        SOL: ("PAUSED", True, True),
    }


async def test_without_redis_and_the_database_only_the_local_kill_is_claimed(fleet: Fleet) -> None:
    fleet.hub.redis_up = False
    fleet.stop_database()
    answer = await fleet.north.post(KILL, ALL)
    assert answer.status == 200
    assert states(answer) == {
        BTC: ("HALTED", True, False),
        ETH: (None, False, False),
        SOL: (None, False, False),
    }
    assert (code(answer, ETH), code(answer, SOL)) == ("NO_ANSWER", "NO_ANSWER")
    alone = await fleet.north.post(KILL, named(ETH, SOL))
    assert (alone.status, alone.code) == (503, "NO_ANSWER")
    assert fleet.north_desk.trail == []


async def test_a_symbol_that_runs_here_and_belongs_to_another_is_killed_in_both_places(fleet: Fleet) -> None:
    fleet.south_desk.views[BTC] = view_of(SymbolConfig(BTC))
    fleet.hub.owners[BTC] = SOUTH
    answer = await fleet.north.post(KILL, named(BTC))
    assert states(answer) == {BTC: ("HALTED", True, False)}
    assert fleet.north_desk.views[BTC].state is State.HALTED
    assert fleet.south_desk.views[BTC].state is State.HALTED


async def test_an_owner_that_has_lost_the_symbol_meanwhile_is_no_answer_to_a_kill(fleet: Fleet) -> None:
    fleet.hub.owners[SOL] = SOUTH
    calling = asyncio.create_task(fleet.north.post(KILL, named(SOL)))
    await eventually(lambda: fleet.hub.answered == 1)
    await some_turns()
    assert not calling.done()
    fleet.hub.done |= fleet.hub.orders.keys()
    assert states(await calling) == {SOL: ("HALTED", True, False)}


async def test_an_unknown_symbol_saves_none_of_those_elsewhere(fleet: Fleet) -> None:
    answer = await fleet.north.post(KILL, named("NOPE", ETH))
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert "the kill took place for ETH-USDT" in answer.body["detail"]
    assert fleet.south_desk.views[ETH].state is State.HALTED


async def test_a_flatten_is_split_and_says_which_symbols_nobody_has(fleet: Fleet) -> None:
    fleet.south_desk.change(ETH, state=State.ACTIVE)
    fleet.north_desk.stored[SOL] = StoredState(State.HALTED, "drill")
    answer = await fleet.north.post(FLATTEN, named(ETH, SOL))
    assert answer.status == 200
    assert states(answer) == {ETH: ("PAUSED", True, False), SOL: ("HALTED", False, False)}
    assert code(answer, SOL) == "NO_OWNER"
    assert fleet.hub.orders == {}
    assert fleet.north_desk.stopped == [SOL]


async def test_a_flatten_of_a_silent_owner_alone_is_503(fleet: Fleet, impatient: None) -> None:
    fleet.hub.silent = {SOUTH}
    answer = await fleet.north.post(FLATTEN, named(ETH))
    assert (answer.status, answer.code) == (503, "OWNER_SILENT")
    fleet.north_desk.change(BTC, state=State.ACTIVE)
    both = await fleet.north.post(FLATTEN, ALL)
    assert both.status == 200
    assert [result["accepted"] for result in both.body["results"]] == [True, False, False]
    assert code(both, ETH) == "OWNER_SILENT"


async def test_a_reset_is_split_and_hands_on_the_rebase(fleet: Fleet) -> None:
    await fleet.north.post(KILL, named(BTC, ETH))
    answer = await fleet.north.post(RESET, {**named(ETH, BTC), "rebase_pnl": True})
    assert answer.status == 200
    assert [result["symbol"] for result in answer.body["results"]] == [ETH, BTC]
    assert states(answer) == {ETH: ("PAUSED", True, False), BTC: ("PAUSED", True, False)}
    assert fleet.south_desk.controls[-1][4] is True
    assert answer.body["audit"] == "recorded"


async def test_a_reset_is_recorded_only_when_every_instance_has_recorded_it(fleet: Fleet) -> None:
    await fleet.north.post(KILL, named(BTC, ETH))
    await eventually(lambda: fleet.south.app.state.audit.pending == 0)
    fleet.south_desk.database_up = False
    assert (await fleet.north.post(RESET, named(BTC, ETH))).body["audit"] == "pending"


async def test_a_refusal_of_every_symbol_of_the_fleet_is_409_with_each_reason(fleet: Fleet) -> None:
    answer = await fleet.north.post(RESET, named(BTC, ETH))
    assert (answer.status, answer.code) == (409, "REFUSED")
    assert {code(answer, BTC), code(answer, ETH)} == {"WRONG_STATE"}


async def test_a_worker_elsewhere_that_does_not_answer_is_told_as_here(fleet: Fleet) -> None:
    fleet.south_desk.silent = {ETH}
    answer = await fleet.north.post(FLATTEN, named(ETH))
    assert (answer.status, answer.code) == (503, "NO_ANSWER")


async def test_what_was_sent_on_is_not_split_again(fleet: Fleet) -> None:
    fleet.hub.owners[SOL] = NORTH
    await fleet.north.post(KILL, ALL)
    assert [instance for instance, _ in fleet.hub.asked] == [SOUTH]
    assert fleet.hub.orders.keys() == {"order-0", "order-1"}
