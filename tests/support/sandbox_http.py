"""The sandbox's HTTP services in the test's own process, on a real socket; the market stands still."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import pytest
from aiohttp import ClientSession, web

from tradex_sandbox.app import registered_schemas, web_application
from tradex_sandbox.clock import MarketClock
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.faults import FaultTable
from tradex_sandbox.feed_faults import FeedFaults
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.messages import Message
from tradex_sandbox.venue import Venue

TOKEN = "a-secret"


@dataclass
class KeptMessages:
    """An outlet that keeps what it is given."""

    messages: list[Message] = field(default_factory=list)

    def send(self, messages: Iterable[Message]) -> None:
        self.messages.extend(messages)

    def of(self, topic: str) -> list[Message]:
        return [message for message in self.messages if message.topic == topic]


@dataclass
class Servers:
    """One sandbox without Kafka."""

    url: str
    session: ClientSession
    venue: Venue
    faults: FaultTable
    outlet: KeptMessages
    stopped: list[bool]


@pytest.fixture
async def servers(request: pytest.FixtureRequest) -> AsyncIterator[Servers]:
    """BTCUSDT around 60000 on a paused clock; parametrize indirectly with a bearer token to ask for one."""
    exchange = Exchange(session="test")
    exchange.add_simulated(parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000), seed=7)
    outlet, faults, stopped = KeptMessages(), FaultTable(Random(1)), [False]  # noqa: S311 - a test's chance
    venue = Venue(exchange, MarketClock(), FeedFaults(), outlet, snapshot_interval_s=1, paused=True)
    venue.open()

    def stop() -> None:
        stopped[0] = True

    token = getattr(request, "param", None)
    application = web_application(venue, faults, registered_schemas(), token, stop, None)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as session:
        yield Servers(url, session, venue, faults, outlet, stopped)
    await runner.cleanup()
