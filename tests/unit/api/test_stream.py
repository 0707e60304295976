import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from tests.support.fleet import BTC, ETH, NORTH, SOL, SOUTH, Fleet, HubPeers, running_fleet

from lab.api import VERSION, Alone, eventually, served
from lab.desk import FakeDesk
from market_maker.actors.changes import ChangeFeed
from market_maker.api import board, stream
from market_maker.api.app import create_app
from market_maker.api.security import NoAuth
from market_maker.api.server import ApiServer
from market_maker.core.states import State
from market_maker.fleet import view as fleet_module
from market_maker.fleet.view import FleetView, SeenHere

PATH = "/v1/mm/stream"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MIN_INTERVAL_S", 0.001)
    monkeypatch.setattr(board, "LOOK_S", 0.005)
    monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 0)


async def events(
    response: aiohttp.ClientResponse, *, heartbeats: bool = False
) -> AsyncIterator[dict[str, str]]:
    """The blocks of an event stream, field by field; signs of life only for who asks for them."""
    block: dict[str, str] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(":")
            block[name] = value.strip()
        else:
            if block.get("event") not in ("fleet", *(() if heartbeats else ("heartbeat",))):
                yield block
            block = {}


async def test_every_symbol_comes_first_and_then_what_changes(desk: FakeDesk) -> None:
    async with served(desk) as url, aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        blocks = events(response)
        assert "retry" in await anext(blocks)
        first = [json.loads((await anext(blocks))["data"])["symbol"] for _ in range(2)]
        assert first == ["BTC-USDT", "ETH-USDT"]
        desk.change("ETH-USDT", state=State.ACTIVE)
        block = await anext(blocks)
        assert block["event"] == "status"
        data = json.loads(block["data"])
        assert (data["symbol"], data["state"]["value"]) == ("ETH-USDT", "ACTIVE")


async def test_a_change_is_rendered_once_for_all_who_listen(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    event_of = board._event_of

    def counting(symbol: str, shown: board.Shown) -> bytes:
        rendered.append(symbol)
        return event_of(symbol, shown)

    monkeypatch.setattr(board, "_event_of", counting)
    async with AsyncExitStack() as open_streams:
        url = await open_streams.enter_async_context(served(desk))
        session = await open_streams.enter_async_context(aiohttp.ClientSession(url))
        listeners = []
        for _ in range(5):
            blocks = events(await open_streams.enter_async_context(session.get(PATH)))
            for _ in range(3):
                await anext(blocks)
            listeners.append(blocks)
        rendered.clear()
        desk.change("ETH-USDT", state=State.ACTIVE)
        for blocks in listeners:
            assert json.loads((await anext(blocks))["data"])["state"]["value"] == "ACTIVE"
        assert rendered == ["ETH-USDT"]


async def test_a_status_that_did_not_change_is_not_sent_again(desk: FakeDesk) -> None:
    async with served(desk) as url, aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        blocks = events(response)
        for _ in range(3):
            await anext(blocks)
        desk.change("BTC-USDT")
        desk.change("ETH-USDT", state=State.ACTIVE)
        assert json.loads((await anext(blocks))["data"])["symbol"] == "ETH-USDT"


async def test_a_symbol_that_is_deleted_is_said_to_be_removed(desk: FakeDesk) -> None:
    async with served(desk) as url, aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        blocks = events(response)
        for _ in range(3):
            await anext(blocks)
        await desk.delete_config("ETH-USDT", "bob", "test")
        assert await anext(blocks) == {"event": "removed", "data": "ETH-USDT"}


async def test_a_stream_begins_with_the_version_and_says_when_every_symbol_has_been_told(
    desk: FakeDesk,
) -> None:
    async with served(desk) as url, aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        blocks = events(response, heartbeats=True)
        assert await anext(blocks) == {"retry": "2000", "event": "begin", "data": VERSION}
        assert [(await anext(blocks))["event"] for _ in range(3)] == ["status", "status", "heartbeat"]


async def test_an_idle_stream_gives_signs_of_life_that_a_script_hears(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "HEARTBEAT_S", 0.001)
    async with served(desk) as url, aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        blocks = events(response, heartbeats=True)
        for _ in range(3):
            await anext(blocks)
        for _ in range(3):
            assert (await anext(blocks))["event"] == "heartbeat"


async def test_behind_a_heartbeat_stands_what_surrounds_the_symbols_once_it_has_changed(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "HEARTBEAT_S", 0.001)
    around = [SeenHere(lag_ns=1_234_000_000, guards=1)]
    app = create_app(desk, NoAuth(), VERSION, FleetView(desk, Alone(), around=lambda: around[-1]))
    server = ApiServer(app, "127.0.0.1", 0)
    await server.start()
    url = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession(url) as session, session.get(PATH) as response:
        told = (
            json.loads(line[6:]) async for line in response.content if line.startswith(b'data: {"instances')
        )
        first = await anext(told)
        assert (first["instances"], first["silent"], first["house_limits"]) == (1, [], [])
        assert (first["guards"], first["lag_ms"]) == (1, 1_200)
        around.append(SeenHere(lag_ns=1_239_000_000, guards=0))
        assert (await anext(told))["guards"] == 0
    await server.stop()


async def test_stopping_the_server_ends_its_streams(desk: FakeDesk) -> None:
    async with aiohttp.ClientSession() as session:
        async with served(desk) as url:
            response = await session.get(f"{url}{PATH}")
            blocks = events(response)
            for _ in range(3):
                await anext(blocks)
        assert [block async for block in blocks] == []
        response.close()


async def test_a_stream_that_is_left_frees_its_place(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)
    monkeypatch.setattr(board, "HEARTBEAT_S", 0.001)
    async with served(desk) as url, aiohttp.ClientSession(url) as session:
        async with session.get(PATH) as first, session.get(PATH) as second:
            assert first.status == 200
            assert second.status == 503
            assert (await second.json())["code"] == "TOO_MANY_STREAMS"
            first.close()
        async with asyncio.timeout(5):
            while (third := await session.get(PATH)).status != 200:
                third.release()
        third.close()


async def test_nothing_more_is_sent_once_the_token_has_ended_in_the_middle_of_a_turn(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "TOGETHER_MAX", 1)
    ended: list[str] = []
    told = board.Board(desk, FleetView(desk, Alone()))
    pieces = stream._events(told, VERSION, lambda: bool(ended), lambda: ended.append("stream"))
    assert b"event: begin" in await anext(pieces)
    assert b'"symbol":"BTC-USDT"' in await anext(pieces)
    ended.append("token")
    assert [piece async for piece in pieces] == []
    assert ended == ["token", "stream"]


async def test_changes_of_a_slow_reader_coalesce() -> None:
    feed = ChangeFeed()
    reader = feed.subscribe()
    for _ in range(1_000):
        feed.publish("A")
    feed.publish("B")
    assert await reader.next(1) == frozenset({"A", "B"})
    assert await reader.next(0) == frozenset()


async def test_a_closed_subscription_ends_and_gets_nothing_more() -> None:
    feed = ChangeFeed()
    reader = feed.subscribe()
    waiting = asyncio.ensure_future(reader.next(10))
    await asyncio.sleep(0)
    reader.close()
    feed.publish("A")
    assert await waiting is None


# --- symbols of other instances ----------------------------------------------------------------


class Watcher:
    """A reader of the stream of the instance in the north."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._blocks = events(response)
        self.passed: set[str] = set()
        """The events that came so far."""

    async def until(self, event: str, symbol: str) -> dict[str, Any]:
        """The data of the next such event; what comes before is passed over."""
        async with asyncio.timeout(5):
            async for block in self._blocks:
                data = block.get("data", "")
                self.passed.add(block.get("event", ""))
                if block.get("event") == event and (data == symbol or f'"{symbol}"' in data):
                    found: dict[str, Any] = json.loads(data) if data.startswith("{") else {}
                    return found
        raise AssertionError(f"the stream ended before {event} of {symbol}")


@asynccontextmanager
async def watching(fleet: Fleet) -> AsyncIterator[Watcher]:
    await fleet.hub.publish()
    async with (
        served(fleet.north_desk, peers=HubPeers(fleet.hub, NORTH)) as url,
        aiohttp.ClientSession(url) as session,
        session.get(PATH) as response,
    ):
        yield Watcher(response)


async def test_symbols_of_other_instances_come_too_and_again_when_they_change() -> None:
    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", BTC)
        assert (await watcher.until("status", ETH))["owner"] == fleet.hub.owners[ETH]
        fleet.south_desk.change(ETH, open_orders=7)
        await fleet.hub.publish()
        assert (await watcher.until("status", ETH))["open_orders"] == 7


async def test_what_does_not_change_elsewhere_is_not_sent_again() -> None:
    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", ETH)
        before = fleet.hub.looks
        await eventually(lambda: fleet.hub.looks > before + 5)
        fleet.south_desk.change(ETH, open_orders=1)
        await fleet.hub.publish()
        assert (await watcher.until("status", ETH))["open_orders"] == 1


async def test_a_symbol_that_vanishes_and_comes_back_is_shown_as_both() -> None:
    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", ETH)
        assert (await watcher.until("without_owner", SOL))["state"] == "PAUSED"
        fleet.hub.published.clear()
        assert (await watcher.until("without_owner", ETH))["owner"] == fleet.hub.owners[ETH]
        await fleet.hub.publish()
        await watcher.until("status", ETH)
        fleet.hub.redis_up = False
        await watcher.until("without_owner", ETH)


async def test_a_symbol_that_moves_between_instances_goes_on_being_shown() -> None:
    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", ETH)
        fleet.move(ETH, NORTH)
        fleet.north_desk.change(ETH, open_orders=3)
        await fleet.hub.publish()
        while (await watcher.until("status", ETH))["open_orders"] != 3:
            pass
        fleet.north_desk.change(ETH, open_orders=4)
        while (await watcher.until("status", ETH))["open_orders"] != 4:
            pass


async def test_a_symbol_that_has_just_left_is_not_said_to_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    others = fleet_module.FleetView.elsewhere

    async def counted(view: fleet_module.FleetView) -> fleet_module.Others:
        nonlocal asked
        asked += 1
        return await others(view)

    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", ETH)
        monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 60)  # what was seen last still knows nothing of it
        monkeypatch.setattr(fleet_module.FleetView, "elsewhere", counted)
        fleet.move(BTC, SOUTH)
        await eventually(lambda: asked >= 3)
        monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 0)
        await fleet.hub.publish()
        while (await watcher.until("status", BTC))["owner"] != SOUTH:
            pass
    assert "removed" not in watcher.passed


async def test_a_symbol_of_another_instance_that_is_deleted_is_said_to_be_removed() -> None:
    async with running_fleet() as fleet, watching(fleet) as watcher:
        await watcher.until("status", ETH)
        await watcher.until("without_owner", SOL)
        await fleet.south_desk.delete_config(ETH, "bob", "test")
        await fleet.hub.publish()
        await watcher.until("removed", ETH)
        del fleet.north_desk.ownerless[SOL]
        await watcher.until("removed", SOL)
