"""What the service publishes, read back as TradeX would: Confluent's client, through the registry."""

from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from tests.support.events import Event, EventReader
from tests.support.operator import until
from tests.support.service import Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
STATE, RISK, QUOTE = "mm.state.changed.v1", "mm.risk.triggered.v1", "mm.quote.simulated.v1"


OpenReader = Callable[[Site, str], EventReader]


@pytest.fixture
def open_reader() -> Iterator[OpenReader]:
    """Open a reader of a topic of a site."""
    opened: list[EventReader] = []

    def open_one(site: Site, topic: str) -> EventReader:
        opened.append(EventReader(site, topic))
        return opened[-1]

    yield open_one
    for reader in opened:
        reader.close()


async def test_every_change_of_state_and_every_kill_is_published_once_and_in_order(
    site: Site, open_reader: OpenReader
) -> None:
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol)
        earlier = {row["event_id"] for row in await site.operator.rows(symbol, "events")}
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.operator.control(symbol, "pause")
        await site.operator.clear(symbol)
        await site.operator.control(symbol, "resume")
        await site.operator.quoting(symbol)
        await site.operator.emergency("kill", symbol)
        await site.operator.clear(symbol)
        await site.operator.emergency("reset", symbol)
        ways = [
            (event["data"]["from"], event["data"]["to"])
            for event in await _published(site, open_reader(site, STATE), symbol, earlier)
        ]
        assert ways == [
            ("PAUSED", "ACTIVE"),
            ("ACTIVE", "PAUSED"),
            ("PAUSED", "ACTIVE"),
            ("ACTIVE", "HALTED"),
            ("HALTED", "PAUSED"),
        ]
        [risk] = await _published(site, open_reader(site, RISK), symbol, earlier)
        assert risk["data"]["reason"] == "MANUAL"
        assert risk["data"]["open_orders"] >= 1


async def _published(site: Site, reader: EventReader, symbol: str, earlier: set[str]) -> list[Event]:
    """The symbol's events since `earlier`, as published; they are those of the history, in its order."""
    rows: list[Any] = []

    async def all_sent() -> bool:
        nonlocal rows
        rows = [
            row
            for row in await site.operator.rows(symbol, "events")
            if row["event_id"] not in earlier and row["event_type"] == reader.topic
        ]
        return bool(rows) and all(row["sent_at"] is not None for row in rows)

    await until(f"{symbol}: every event is sent", all_sent)
    known = [row["event_id"] for row in rows]
    events: list[Event] = []

    async def all_read() -> bool:
        events.extend(event for event in await reader.read() if event["event_id"] in known)
        return len(events) >= len(known)

    await until(f"{symbol}: every event can be read", all_read)
    assert [event["event_id"] for event in events] == known
    assert [event["data"] for event in events] == [row["data"] for row in rows]
    assert all(event["event_type"] == reader.topic for event in events)
    return events


# --- shadow mode -------------------------------------------------------------------------------


@pytest.fixture
async def order_requests() -> Any:
    """An Order Service that only notes what it is asked; its address and its notes."""
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        if request.path.startswith("/v1/orders"):
            asked.append(f"{request.method} {request.path_qs}")
        return web.json_response({"orders": [], "next_cursor": None, "cancelled": 0})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_shadow_mode_publishes_its_quotes_and_asks_the_order_service_for_nothing(
    start_site: Callable[..., Awaitable[Site]],
    order_requests: tuple[str, list[str]],
    open_reader: OpenReader,
) -> None:
    url, asked = order_requests
    site = await start_site(MM_SHADOW_MODE="true", ORDER_SERVICE_URL=url)
    await site.operator.configure(BTC, num_levels=3)
    await site.operator.enable(BTC)
    await site.operator.until(
        BTC, "20 quote sets", lambda status: status["counters"]["quotes_computed"] >= 20
    )
    assert (await site.operator.get("/v1/mm/status"))["shadow_mode"] is True
    await site.operator.control(BTC, "pause")
    reader = open_reader(site, QUOTE)

    events: list[Event] = []

    async def quoted() -> bool:
        events.extend(await reader.read())
        return len(events) >= 20

    await until("20 simulated quotes are published", quoted)
    for event in events:
        quote = event["data"]
        bids = [Decimal(level["price"]) for level in quote["levels"] if level["side"] == "BUY"]
        asks = [Decimal(level["price"]) for level in quote["levels"] if level["side"] == "SELL"]
        assert len(bids) == len(asks) == 3
        assert max(bids) < Decimal(quote["mid"]) < min(asks)
        assert all(level["verdict"] for level in quote["levels"])
    await site.operator.emergency("kill", BTC)
    await site.operator.halted(BTC, "MANUAL")
    assert site.service.terminate() == 0
    assert asked == []
