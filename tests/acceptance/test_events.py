"""What the service publishes, read back as TradeX would: Confluent's client, through the registry."""

from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.kafka import TopicReader
from tests.support.operator import until
from tests.support.service import ExchangeServers, Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
STATE, RISK, QUOTE = "mm.state.changed.v1", "mm.risk.triggered.v1", "mm.quote.simulated.v1"


class EventReader:
    """Reads a topic from its beginning and decodes what it finds."""

    def __init__(self, exchange: ExchangeServers, topic: str) -> None:
        self.topic = topic
        self._reader = TopicReader(exchange.kafka, topic)
        self._registry = SchemaRegistryClient({"url": exchange.url})
        self._decode = AvroDeserializer(self._registry)
        self.events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """Every event so far; those of one symbol in the order of its partition."""
        context = SerializationContext(self.topic, MessageField.VALUE)
        for message in self._reader.read_all():
            event = self._decode(message.value(), context)
            assert message.key() == event["data"]["symbol"].encode()
            self.events.append(event)
        return self.events

    def close(self) -> None:
        self._reader.close()
        self._registry.close()


@pytest.fixture
def open_reader(shared_exchange: ExchangeServers) -> Iterator[Callable[[str], EventReader]]:
    """Open a reader of a topic of the shared exchange."""
    opened: list[EventReader] = []

    def open_one(topic: str) -> EventReader:
        opened.append(EventReader(shared_exchange, topic))
        return opened[-1]

    yield open_one
    for reader in opened:
        reader.close()


async def test_every_change_of_state_and_every_kill_is_published_once_and_in_order(
    site: Site, open_reader: Callable[[str], EventReader]
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
            for event in await _published(site, open_reader(STATE), symbol, earlier)
        ]
        assert ways == [
            ("PAUSED", "ACTIVE"),
            ("ACTIVE", "PAUSED"),
            ("PAUSED", "ACTIVE"),
            ("ACTIVE", "HALTED"),
            ("HALTED", "PAUSED"),
        ]
        [risk] = await _published(site, open_reader(RISK), symbol, earlier)
        assert risk["data"]["reason"] == "MANUAL"
        assert risk["data"]["open_orders"] >= 1


async def _published(site: Site, reader: EventReader, symbol: str, earlier: set[str]) -> list[dict[str, Any]]:
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
    events: list[dict[str, Any]] = []

    async def all_read() -> bool:
        nonlocal events
        events = [event for event in reader.read() if event["event_id"] in known]
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
    open_reader: Callable[[str], EventReader],
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
    reader = open_reader(QUOTE)

    async def quoted() -> bool:
        return len(reader.read()) >= 20

    await until("20 simulated quotes are published", quoted)
    for event in reader.events:
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
