"""Enable, pause and resume of several symbols or all, with one answer for each."""

from collections.abc import AsyncIterator

import pytest
from tests.support.fleet import BTC, ETH, SOL, Fleet, running_fleet

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.core.commands import Problem
from market_maker.core.states import Cause, State


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with running_fleet() as fleet:
        yield fleet


def taken(body: dict[str, list[dict[str, object]]]) -> dict[object, object]:
    return {one["symbol"]: one["state"] for one in body["results"]}


async def test_all_symbols_are_enabled_paused_and_resumed(api: Api, desk: FakeDesk) -> None:
    for verb, state in (("enable", "ACTIVE"), ("pause", "PAUSED"), ("resume", "ACTIVE")):
        answer = await api.post(f"/v1/mm/{verb}", {"reason": "drill"})
        assert (answer.status, taken(answer.body)) == (200, {BTC: state, ETH: state})
        assert answer.body["audit"] == "recorded"
    assert [row.route for row in desk.trail] == [
        *["POST /v1/mm/enable"] * 2,
        *["POST /v1/mm/pause"] * 2,
        *["POST /v1/mm/resume"] * 2,
    ]


async def test_each_symbol_answers_for_itself(api: Api, desk: FakeDesk) -> None:
    desk.change(ETH, enable_problems=(Problem("LOSS_BREACH", "measured -501, allowed -500"),))
    answer = await api.post("/v1/mm/enable", {"symbols": [BTC, ETH], "reason": "morning"})
    assert (answer.status, taken(answer.body)) == (200, {BTC: "ACTIVE", ETH: "PAUSED"})
    assert [problem["code"] for problem in answer.body["results"][1]["problems"]] == ["LOSS_BREACH"]


async def test_an_enable_that_every_symbol_refuses_is_409(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(Problem("LOSS_BREACH", "measured -501, allowed -500"),))
    answer = await api.post("/v1/mm/enable", {"symbol": BTC, "reason": "morning"})
    assert (answer.status, answer.code) == (409, "REFUSED")


@pytest.mark.parametrize("verb", ["enable", "resume"])
async def test_a_misspelt_symbol_starts_none(api: Api, desk: FakeDesk, verb: str) -> None:
    answer = await api.post(f"/v1/mm/{verb}", {"symbols": [BTC, "NOPE"], "reason": "x"})
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert desk.controls == []


async def test_a_misspelt_symbol_saves_none_of_the_others_from_a_pause(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, state=State.ACTIVE)
    answer = await api.post("/v1/mm/pause", {"symbols": [BTC, "NOPE"], "reason": "x"})
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert desk.views[BTC].state is State.PAUSED


@pytest.mark.parametrize("verb", ["enable", "pause", "resume"])
async def test_nothing_is_done_to_all_symbols_without_a_reason(api: Api, desk: FakeDesk, verb: str) -> None:
    assert (await api.post(f"/v1/mm/{verb}")).status == 422
    assert (await api.post(f"/v1/mm/{verb}", {"reason": " "})).fields == {"reason"}
    assert desk.controls == []


async def test_the_owners_of_a_fleet_carry_it_out(fleet: Fleet) -> None:
    answer = await fleet.north.post("/v1/mm/enable", {"reason": "morning"})
    assert taken(answer.body) == {BTC: "ACTIVE", ETH: "ACTIVE", SOL: "PAUSED"}
    refused = {one["symbol"]: [p["code"] for p in one["problems"]] for one in answer.body["results"]}
    assert refused[SOL] == ["NO_OWNER"]
    assert fleet.south_desk.controls == [(None, Cause.ENABLE, "anonymous", "morning", False)]
    assert [row.symbol for row in fleet.south_desk.trail] == [ETH]


async def test_pausing_what_nobody_runs_keeps_it_from_going_on_by_itself(fleet: Fleet) -> None:
    await fleet.north.post("/v1/mm/pause", {"reason": "evening"})
    assert fleet.north_desk.stopped == [SOL]
