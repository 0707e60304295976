"""Enable and resume that wait for what only needs time."""

import asyncio

import pytest
from tests.support.fleet import BTC, ETH, Fleet, running_fleet

from lab.api import Api, eventually
from lab.desk import FakeDesk
from market_maker.api import waits
from market_maker.core.commands import Problem
from market_maker.core.states import State

BTC_PATH = f"/v1/mm-configs/{BTC}"
NO_BOOK = Problem("NO_VALID_BOOK", "no valid order book: waiting for the first snapshot")
UNVALUED = Problem("INVENTORY_UNKNOWN", "the position cannot be valued: it needs a book, a mark or a trade")
TOO_MUCH = Problem("EXPOSURE_BREACH", "measured 200 USDT, allowed 100 USDT")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "POLL_S", 0.0)


async def asked_again(desk: FakeDesk) -> None:
    await eventually(lambda: len(desk.controls) >= 3)


async def test_a_position_that_no_book_values_yet_only_needs_time(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK, UNVALUED))
    asking = asyncio.create_task(api.post(f"{BTC_PATH}/enable", {"wait": 30}))
    await asked_again(desk)
    desk.change(BTC, enable_problems=())
    assert (await asking).status == 200


@pytest.mark.parametrize(("verb", "enabled"), [("enable", False), ("resume", True)])
async def test_enable_waits_until_the_book_is_there(
    api: Api, desk: FakeDesk, verb: str, enabled: bool
) -> None:
    if enabled:
        await api.put(BTC_PATH, {"enabled": True})
    desk.change(BTC, enable_problems=(NO_BOOK,))
    asking = asyncio.create_task(api.post(f"{BTC_PATH}/{verb}", {"wait": 30}))
    await asked_again(desk)
    desk.change(BTC, enable_problems=())
    answer = await asking
    assert (answer.status, answer.body["state"]) == (200, "ACTIVE")
    assert [row.route for row in desk.trail][-1:] == [f"POST /v1/mm-configs/{{symbol}}/{verb}"]
    assert len([row for row in desk.trail if row.route.startswith("POST")]) == 1


async def test_a_reason_that_needs_a_person_answers_at_once(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK, TOO_MUCH))
    answer = await api.post(f"{BTC_PATH}/enable", {"wait": 30})
    assert (answer.status, answer.code) == (409, "REFUSED")
    assert len(desk.controls) == 1


async def test_without_wait_every_reason_answers_at_once(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK,))
    assert (await api.post(f"{BTC_PATH}/enable")).status == 409
    assert len(desk.controls) == 1


async def test_when_the_time_is_up_the_reasons_are_told(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK,))
    answer = await api.post(f"{BTC_PATH}/enable", {"wait": 1})
    assert [problem["code"] for problem in answer.body["problems"]] == ["NO_VALID_BOOK"]
    assert len(desk.controls) > 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{BTC_PATH}/pause", {}),
        ("/v1/mm/pause", {"symbol": BTC, "reason": "no"}),
        ("/v1/mm/emergency/flatten", {"reason": "no"}),
        ("/v1/mm/emergency/kill", {"symbol": BTC, "reason": "no"}),
    ],
)
async def test_whoever_stops_the_symbol_meanwhile_has_the_last_word(
    api: Api, desk: FakeDesk, path: str, body: dict[str, object]
) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK,))
    asking = asyncio.create_task(api.post(f"{BTC_PATH}/enable", {"wait": 30}))
    await asked_again(desk)
    await api.post(path, body)
    desk.change(BTC, enable_problems=())
    assert (await asking).status == 409
    assert desk.views[BTC].state is not State.ACTIVE


async def test_disabling_the_symbol_ends_the_waiting(api: Api, desk: FakeDesk) -> None:
    desk.change(BTC, enable_problems=(NO_BOOK,))
    asking = asyncio.create_task(api.post(f"{BTC_PATH}/enable", {"wait": 30}))
    await asked_again(desk)
    await api.put(BTC_PATH, {"enabled": False})
    assert (await asking).status == 409


async def test_only_so_many_requests_wait(api: Api, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "WAITS_MAX", 0)
    desk.change(BTC, enable_problems=(NO_BOOK,))
    assert (await api.post(f"{BTC_PATH}/enable", {"wait": 30})).status == 409
    assert len(desk.controls) == 1


@pytest.mark.parametrize("wait", [-1, 31, "5", 1.5, True, None])
async def test_a_wait_outside_its_range_is_named(api: Api, desk: FakeDesk, wait: object) -> None:
    answer = await api.post(f"{BTC_PATH}/enable", {"wait": wait})
    assert (answer.status, answer.fields) == (422, {"wait"})
    assert desk.controls == []


async def test_a_reset_says_what_enable_still_waits_for(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm/emergency/kill", {"reason": "drill"})
    desk.change(BTC, enable_problems=(NO_BOOK,))
    answer = await api.post("/v1/mm/reset", {"reason": "drill over"})
    waiting = {
        one["symbol"]: [reason["code"] for reason in one["enable_waits_for"]]
        for one in answer.body["results"]
    }
    assert waiting == {BTC: ["NO_VALID_BOOK"], ETH: []}


class Slow:
    """Every symbol of the south waits for its book."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        fleet.south_desk.change(ETH, enable_problems=(NO_BOOK,))

    async def ready(self) -> None:
        await asked_again(self.fleet.south_desk)
        self.fleet.south_desk.change(ETH, enable_problems=())


async def test_the_owner_is_given_the_time_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market_maker.fleet.forward.ANSWER_S_MAX", 0.0)
    async with running_fleet() as fleet:
        slow = Slow(fleet)
        asking = asyncio.create_task(fleet.north.post(f"/v1/mm-configs/{ETH}/enable", {"wait": 20}))
        await slow.ready()
        assert (await asking).status == 200


async def test_several_symbols_wait_at_their_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market_maker.fleet.elsewhere.ANSWER_S_MAX", 0.0)
    monkeypatch.setattr("market_maker.fleet.forward.ANSWER_S_MAX", 0.0)
    async with running_fleet() as fleet:
        slow = Slow(fleet)
        body = {"symbols": [BTC, ETH], "reason": "morning", "wait": 20}
        asking = asyncio.create_task(fleet.north.post("/v1/mm/enable", body))
        await slow.ready()
        answer = await asking
        assert [(one["symbol"], one["state"]) for one in answer.body["results"]] == [
            (BTC, "ACTIVE"),
            (ETH, "ACTIVE"),
        ]
