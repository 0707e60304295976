"""Trying the kill switch by the API."""

import time
from dataclasses import replace

import pytest

from lab.api import Api, eventually
from lab.desk import FakeDesk
from market_maker.core.states import Cause, KillReason, State
from market_maker.repositories.drills import Drill

BTC = "/v1/mm-configs/BTC-USDT"


async def test_a_drill_halts_for_a_reason_of_its_own_and_is_listed(api: Api, desk: FakeDesk) -> None:
    proven = time.monotonic_ns() + 10**9
    desk.change("BTC-USDT", state=State.ACTIVE, open_orders=4, proven_zero_at_ns=proven)
    answer = await api.post(f"{BTC}/drill", {"reason": "monthly"})
    assert answer.status == 200, answer.text
    assert (answer.body["state_before"], answer.body["open_orders"]) == ("ACTIVE", 4)
    assert answer.body["proven_zero_us"] > 0
    kill = desk.views["BTC-USDT"].kill
    assert kill is not None
    assert kill.reason is KillReason.DRILL
    (listed,) = (await api.get("/v1/mm/drills")).body["items"]
    assert answer.body == {**listed, "durable": True}
    assert (await api.get("/v1/mm/drills?symbol=ETH-USDT")).body["items"] == []
    assert (desk.trail[-1].route, desk.trail[-1].why) == ("POST /v1/mm-configs/{symbol}/drill", "monthly")


async def test_a_halted_symbol_refuses_and_keeps_its_reason(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm/emergency/kill", {"symbol": "BTC-USDT", "reason": "real"})
    answer = await api.post(f"{BTC}/drill", {"reason": "monthly"})
    assert answer.status == 409
    assert desk.views["BTC-USDT"].state_reason == "real"
    assert desk.drill_rows == []
    await eventually(lambda: len(desk.trail) == 2)
    row = desk.trail[-1]
    assert (row.route, row.symbol, row.why) == ("POST /v1/mm-configs/{symbol}/drill", "BTC-USDT", "monthly")
    assert row.after is not None
    assert (row.after["accepted"], row.before) == (False, {"state": "HALTED"})


async def test_without_the_database_nothing_is_tried(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    assert (await api.post(f"{BTC}/drill", {"reason": "x"})).code == "DATABASE_UNAVAILABLE"
    assert not any(cause is Cause.DRILL for _, cause, *_ in desk.controls)


async def test_a_drill_whose_end_the_database_does_not_take_says_so_and_that_the_symbol_is_halted(
    api: Api, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = desk.begin_drill

    async def then_gone(drill: Drill) -> int:
        number = await begin(drill)
        desk.database_up = False
        desk.change("BTC-USDT", proven_zero_at_ns=time.monotonic_ns() + 10**9)
        return number

    monkeypatch.setattr(desk, "begin_drill", then_gone)
    answer = await api.post(f"{BTC}/drill", {"reason": "monthly"})
    assert (answer.status, answer.body["durable"]) == (200, False)
    assert desk.views["BTC-USDT"].state is State.HALTED


async def test_in_shadow_mode_there_is_nothing_to_prove(api: Api, desk: FakeDesk) -> None:
    desk.shadow_mode = True
    desk.views["BTC-USDT"] = replace(desk.views["BTC-USDT"], shadow_mode=True)
    answer = await api.post(f"{BTC}/drill", {"reason": "x"})
    assert (answer.status, answer.body["proven_zero_us"]) == (200, None)
