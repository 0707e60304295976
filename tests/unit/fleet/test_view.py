"""The status of the whole fleet, from any instance."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.support.fleet import BTC, ETH, NORTH, SOL, SOUTH, Fleet, running_fleet

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import NOW_NS, START, view_of
from market_maker import __version__
from market_maker.api.ports import StoredState
from market_maker.core.config import SymbolConfig
from market_maker.core.states import KillReason, State
from market_maker.core.view import KillView
from market_maker.fleet import view as fleet_module
from market_maker.fleet.pictures import PictureReader

STATUS = "/v1/mm/status"
KILLED = KillView(KillReason.MANUAL, "drill", "manual", NOW_NS)


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 0)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with running_fleet() as fleet:
        await fleet.hub.publish()
        yield fleet


async def status(api: Api) -> dict[str, Any]:
    answer = await api.get(STATUS)
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


async def test_every_symbol_is_shown_by_every_instance_with_its_owner(fleet: Fleet) -> None:
    for api in (fleet.north, fleet.south):
        body = await status(api)
        assert [(one["symbol"], one["owner"]) for one in body["symbols"]] == [(BTC, NORTH), (ETH, SOUTH)]


async def test_what_another_instance_shows_is_what_it_says_of_itself(fleet: Fleet) -> None:
    [_, through] = (await status(fleet.north))["symbols"]
    [_, direct] = (await status(fleet.south))["symbols"]
    assert through == direct


async def test_totals_are_those_of_the_whole_fleet(fleet: Fleet) -> None:
    fleet.north_desk.change(BTC, state=State.ACTIVE, open_orders=2)
    fleet.south_desk.change(ETH, state=State.HALTED, kill=KILLED, open_orders=1)
    await fleet.hub.publish()
    body = await status(fleet.north)
    totals = body["totals"]
    assert (totals["symbols"], totals["active"], totals["paused"], totals["halted"]) == (2, 1, 0, 1)
    assert totals["open_orders"] == 3
    assert body["kill_switch"] == {"latched": True, "symbols": [ETH]}


async def test_the_instances_are_listed_and_the_answering_one_is_marked(fleet: Fleet) -> None:
    instances = (await status(fleet.south))["instances"]
    assert [(one["instance"], one["symbols"], one["self"]) for one in instances] == [
        (NORTH, [BTC], False),
        (SOUTH, [ETH], True),
    ]
    assert instances[0]["latency_us"] == {"quote_p50": 12.5, "quote_p99": None}
    assert instances[0]["outbox_pending"] == 3
    assert instances[0]["at"].endswith("Z")


async def test_a_symbol_that_nobody_shows_comes_with_its_stored_state(fleet: Fleet) -> None:
    since = START - timedelta(hours=1)
    fleet.north_desk.stored[SOL] = StoredState(State.HALTED, "OWNER_LOST: 3.1", since)
    body = await status(fleet.north)
    assert body["without_owner"] == [
        {
            "symbol": SOL,
            "owner": None,
            "state": "HALTED",
            "reason": "OWNER_LOST: 3.1",
            "since": "2026-01-02T02:04:05.000000Z",
        }
    ]
    assert body["kill_switch"] == {"latched": True, "symbols": [SOL]}
    assert body["complete"] is False, "the totals lack it"


@pytest.mark.parametrize("told_by", ["owner row", "silence", "a start"])
async def test_a_symbol_that_was_halted_while_its_owner_fell_silent_is_not_shown_as_its_owner_left_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    """A picture outlives its instance for seconds; a service that has just started cannot tell its age."""
    if told_by != "a start":
        await status(fleet.north)
    fleet.south_desk.change(ETH, state=State.ACTIVE)
    await fleet.hub.publish()
    fleet.north_desk.stored[ETH] = StoredState(State.HALTED, "OWNER_LOST: 3.1", START)
    if told_by == "owner row":
        del fleet.hub.owners[ETH]
    if told_by == "silence":
        monkeypatch.setattr(fleet_module, "SILENT_S", 0.0)
    body = await status(fleet.north)
    assert [one["symbol"] for one in body["symbols"]] == [BTC]
    assert (ETH, "HALTED") in {(one["symbol"], one["state"]) for one in body["without_owner"]}
    assert body["kill_switch"] == {"latched": True, "symbols": [ETH]}
    assert body["totals"]["active"] == 0


async def test_without_the_database_a_symbol_that_nobody_shows_is_still_listed(fleet: Fleet) -> None:
    fleet.stop_database()
    [missing] = (await status(fleet.north))["without_owner"]
    assert (missing["symbol"], missing["state"], missing["reason"]) == (SOL, None, None)


async def test_without_redis_symbols_of_others_are_listed_with_owner_and_stored_state(fleet: Fleet) -> None:
    fleet.hub.redis_up = False
    body = await status(fleet.north)
    assert [one["symbol"] for one in body["symbols"]] == [BTC]
    assert body["complete"] is False
    assert [(one["symbol"], one["owner"], one["state"]) for one in body["without_owner"]] == [
        (ETH, SOUTH, "PAUSED"),
        (SOL, None, "PAUSED"),
    ]
    assert [one["instance"] for one in body["instances"]] == [NORTH]


async def test_of_two_pictures_of_a_symbol_that_of_its_owner_is_shown(fleet: Fleet) -> None:
    fleet.south_desk.views[BTC] = view_of(SymbolConfig(BTC))
    fleet.south_desk.change(BTC, state=State.ACTIVE, at_ns=NOW_NS + 1)
    await fleet.hub.publish()
    assert (await status(fleet.north))["symbols"][0]["state"]["value"] == "PAUSED"
    fleet.hub.owners[BTC] = SOUTH
    [shown, _] = (await status(fleet.north))["symbols"]
    assert (shown["symbol"], shown["state"]["value"]) == (BTC, "ACTIVE")
    assert (await status(fleet.north))["totals"]["symbols"] == 2


async def show_in_the_south(fleet: Fleet, **changes: object) -> bytes:
    """A picture of SOL as the south published it."""
    fleet.south_desk.views[SOL] = view_of(SymbolConfig(SOL))
    fleet.south_desk.change(SOL, **changes)
    await fleet.hub.publish()
    return fleet.hub.published[SOUTH]


@pytest.mark.parametrize(("owner", "shown"), [(None, "ACTIVE"), (SOUTH, "ACTIVE"), ("west-3", "PAUSED")])
@pytest.mark.parametrize("order", [(SOUTH, "west-3"), ("west-3", SOUTH)])
async def test_of_two_pictures_elsewhere_that_of_the_owner_is_shown_else_the_newer(
    fleet: Fleet, owner: str | None, shown: str, order: tuple[str, str]
) -> None:
    pictures = {
        "west-3": await show_in_the_south(fleet, state=State.PAUSED, at_ns=NOW_NS),
        SOUTH: await show_in_the_south(fleet, state=State.ACTIVE, at_ns=NOW_NS + 1_000_000),
    }
    fleet.hub.owners = {} if owner is None else {SOL: owner}
    fleet.hub.published = {instance: pictures[instance] for instance in order}
    assert (await status(fleet.north))["symbols"][-1]["state"]["value"] == shown


async def test_a_look_at_the_others_is_shared_for_a_moment(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 60)
    assert len((await status(fleet.north))["symbols"]) == 2
    fleet.hub.published.clear()
    assert len((await status(fleet.north))["symbols"]) == 2


async def test_a_symbol_that_is_here_since_the_last_look_is_shown_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 60)
    await status(fleet.north)
    fleet.north_desk.views[SOL] = view_of(fleet.north_desk.ownerless.pop(SOL))
    fleet.move(ETH, NORTH)
    body = await status(fleet.north)
    assert [one["symbol"] for one in body["symbols"]] == [BTC, ETH, SOL]
    assert body["without_owner"] == []


async def test_one_process_alone_shows_itself(api: Api, desk: FakeDesk) -> None:
    body = await status(api)
    assert [(one["instance"], one["self"]) for one in body["instances"]] == [("alone", True)]
    assert body["without_owner"] == []


# --- what is published -------------------------------------------------------------------------


def test_a_picture_that_cannot_be_read_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    reader = PictureReader()
    for _ in range(3):
        assert reader.read({NORTH: b"{}"}, 0.0) == {}
    assert caplog.text.count(NORTH) == 1


async def test_a_picture_of_a_newer_instance_is_read_as_far_as_known(fleet: Fleet) -> None:
    picture = json.loads(fleet.hub.published[SOUTH])
    picture["mood"] = picture["summaries"][0]["mood"] = picture["summaries"][0]["book"]["mood"] = "fine"
    read = PictureReader().read({SOUTH: json.dumps(picture).encode()}, 0.0)
    assert (
        read[SOUTH].picture.summaries
        == PictureReader().read(fleet.hub.published, 0.0)[SOUTH].picture.summaries
    )


async def test_each_instance_tells_its_version_and_an_older_one_that_does_not_is_shown_all_the_same(
    fleet: Fleet,
) -> None:
    async def versions() -> list[tuple[str, str | None]]:
        return [(one["instance"], one["version"]) for one in (await status(fleet.north))["instances"]]

    assert await versions() == [(NORTH, __version__), (SOUTH, __version__)]
    picture = json.loads(fleet.hub.published[SOUTH])
    fleet.hub.published[SOUTH] = json.dumps(picture | {"version": "99.1.0"}).encode()
    assert await versions() == [(NORTH, __version__), (SOUTH, "99.1.0")]
    del picture["version"]
    fleet.hub.published[SOUTH] = json.dumps(picture).encode()
    assert await versions() == [(NORTH, __version__), (SOUTH, None)]


async def test_a_picture_that_has_not_changed_is_not_read_again(fleet: Fleet) -> None:
    reader = PictureReader()
    first = reader.read(fleet.hub.published, 0.0)
    assert reader.read(dict(fleet.hub.published), 9.0)[SOUTH] is first[SOUTH]
    fleet.south_desk.change(ETH, open_orders=5)
    await fleet.hub.publish()
    assert reader.read(fleet.hub.published, 0.0)[SOUTH].picture.summaries[0].open_orders == 5


async def test_an_owner_that_gives_no_sign_of_life_is_shown_as_silent_with_the_age_of_its_picture(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.south_desk.change(ETH, state=State.ACTIVE)
    await fleet.hub.publish()
    alive = await status(fleet.north)
    assert alive["symbols"][1]["owner_silent_ms"] is None
    monkeypatch.setattr(fleet_module, "SILENT_S", 0.0)
    silent = await status(fleet.north)
    own, other = silent["symbols"]
    assert own["owner_silent_ms"] is None
    assert (other["owner_silent_ms"] >= 0, other["state"]["value"]) == (True, "ACTIVE")
    assert silent["complete"] is False
    assert [one["silent_ms"] is None for one in silent["instances"]] == [True, False]


def test_a_picture_is_as_old_as_it_has_been_the_same() -> None:
    reader = PictureReader()
    picture = b'{"at": "2026-01-02T03:04:05Z", "latency_us": {}, "outbox_pending": 0, "summaries": []}'
    assert reader.read({SOUTH: picture}, 10.0)[SOUTH].since_s == 10.0
    assert reader.read({SOUTH: picture}, 13.0)[SOUTH].since_s == 10.0
    assert reader.read({SOUTH: picture.replace(b": 0", b": 1")}, 14.0)[SOUTH].since_s == 14.0
