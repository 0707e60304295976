"""One operation has one time: in its engine events, in the book's change, and in the answer."""

import asyncio
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from tests.support.sandbox import new_order
from tests.support.sandbox_http import KeptMessages, Servers

from tradex_sandbox import topics
from tradex_sandbox.clock import MarketClock
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.feed_faults import FeedFaults
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.messages import Message
from tradex_sandbox.order_requests import created_answer, described, parse_new_order, timestamp
from tradex_sandbox.venue import Venue

START_US = 1_700_000_000_000_000


def ticking_clock(speed: float) -> MarketClock:
    """A clock that is later at each look, its two sources by different amounts."""
    monotonic, wall = count(0, 7_013), count(START_US * 1000, 11_027)
    return MarketClock(speed, monotonic_ns=lambda: next(monotonic), wall_ns=lambda: next(wall))


class Market:
    """A venue with one simulated market whose clock never stands still between two looks."""

    def __init__(self, speed: float, *, paused: bool, feed_delay_s: float = 0.0) -> None:
        self.outlet = KeptMessages()
        exchange = Exchange("test")
        exchange.add_simulated(parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000), seed=7)
        clock, feed = ticking_clock(speed), FeedFaults()
        self.venue = Venue(exchange, clock, feed, self.outlet, 3600, feed_delay_s=feed_delay_s, paused=paused)
        self.venue.open()

    def place(self, **changes: Any) -> dict[str, Any]:
        body = {**new_order("BTCUSDT", "buy", "59950.00", "0.001"), **changes}
        new = parse_new_order(str(body).replace("'", '"').replace("True", "true").encode())
        return created_answer(self.venue.submit(new, None).order, self.venue.clock.wall_us)

    async def told(self) -> list[Message]:
        """What was published since the last look."""
        await asyncio.sleep(0)
        messages = list(self.outlet.messages)
        self.outlet.messages.clear()
        return messages

    async def late(self) -> list[Message]:
        """What comes next, once it comes."""
        async with asyncio.timeout(5):
            while not (messages := await self.told()):  # noqa: ASYNC110 - an outlet has no event to await
                await asyncio.sleep(0)
        return messages


@pytest.mark.parametrize("speed", [1.0, 3.7])
@pytest.mark.parametrize("paused", [True, False])
async def test_an_order_has_one_time_in_its_answer_its_event_and_the_books_change(
    paused: bool, speed: float
) -> None:
    market = Market(speed, paused=paused)
    for _ in range(5):
        await market.told()
        placed = market.place()
        told = await market.told()
        (accepted,) = [message for message in told if message.topic == topics.ENGINE]
        delta = [message for message in told if message.topic == topics.DELTA][-1]
        assert timestamp(accepted.at_us) == timestamp(delta.at_us) == placed["created_at"]
        order = market.venue.exchange.order(placed["order_id"])
        assert described(order, market.venue.clock.wall_us)["created_at"] == placed["created_at"]


async def test_operations_in_a_market_that_stands_still_have_later_and_later_times() -> None:
    market = Market(1.0, paused=True)
    times = [market.place()["created_at"] for _ in range(3)]
    assert times == sorted(set(times))


async def test_a_snapshot_is_of_the_time_to_which_the_market_has_moved() -> None:
    market = Market(1.0, paused=True)
    await market.told()
    market.place()
    market.venue.publish_snapshot("BTCUSDT")
    told = [message for message in await market.told() if message.topic in (topics.DELTA, topics.SNAPSHOT)]
    market.place()
    (later,) = [message for message in await market.told() if message.topic == topics.DELTA]
    assert [message.topic for message in told] == [topics.DELTA, topics.SNAPSHOT]
    assert told[0].at_us < told[1].at_us < later.at_us


async def test_a_delayed_feed_brings_market_data_later_with_its_true_times() -> None:
    market = Market(1.0, paused=True, feed_delay_s=0.05)
    opened = await market.told()
    assert {message.topic for message in opened} == {topics.INSTRUMENT_CREATED}
    await market.late()
    placed = [market.place()["created_at"] for _ in range(2)]
    at_once = await market.told()
    assert [timestamp(message.at_us) for message in at_once] == placed
    assert {message.topic for message in at_once} == {topics.ENGINE}
    books: list[Message] = []
    while len(books) < len(placed):
        books += [message for message in await market.late() if message.topic == topics.DELTA]
    assert [timestamp(message.at_us) for message in books] == placed


async def test_a_paused_market_starts_where_it_stood_and_its_clock_went_on() -> None:
    market = Market(1.0, paused=True)
    before = (await market.told())[-1].at_us
    assert market.venue.start()
    assert not market.venue.start()
    running = asyncio.create_task(market.venue.run())
    told: list[Message] = []
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0)
            told = [message for message in await market.told() if message.topic == topics.DELTA]
    running.cancel()
    assert told[0].data["sequence"] == 2
    assert told[0].at_us > before


async def test_a_market_halted_while_paused_stands_until_both_have_ended() -> None:
    exchange = Exchange("test")
    exchange.add_simulated(parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000), seed=7)
    exchange.start(START_US)
    exchange.pause(START_US)
    exchange.halt(START_US + 1, "BTCUSDT", "")
    exchange.go_on(START_US + 2)
    assert exchange.next_event_us() is None
    exchange.resume(START_US + 3, "BTCUSDT", "")
    assert exchange.next_event_us() is not None


async def test_an_answered_cancel_says_when_the_order_was_cancelled(servers: Servers) -> None:
    async with servers.session.post(
        f"{servers.url}/v1/orders", json=new_order("BTCUSDT", "buy", "50000.00", "0.001")
    ) as response:
        order_id = (await response.json())["order_id"]
    async with servers.session.delete(f"{servers.url}/v1/orders/{order_id}") as response:
        cancelled = await response.json()
    event = servers.outlet.of(topics.ENGINE)[-1]
    delta = servers.outlet.of(topics.DELTA)[-1]
    assert event.data["kind"] == "ORDER_CANCELED"
    assert cancelled["updated_at"] == timestamp(event.at_us) == timestamp(delta.at_us)
