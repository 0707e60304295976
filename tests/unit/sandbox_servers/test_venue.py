import asyncio
from collections.abc import Iterable
from decimal import Decimal

from tests.support.sandbox import ACCOUNT, new_order

from tradex_sandbox import topics
from tradex_sandbox.clock import MarketClock
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.feed_faults import FeedFaults
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.messages import Message
from tradex_sandbox.order_requests import parse_new_order
from tradex_sandbox.venue import SLICE, STEP_US, Venue

START_US = 1_700_000_000_000_000


class Slices:
    """An outlet that keeps what came with each call."""

    def __init__(self) -> None:
        self.slices: list[list[Message]] = []

    def send(self, messages: Iterable[Message]) -> None:
        self.slices.append(list(messages))

    @property
    def messages(self) -> list[Message]:
        return [message for piece in self.slices for message in piece]


class World:
    """A venue whose clock a test moves; market time runs 1000 times as fast."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.outlet = Slices()
        exchange = Exchange("test")
        exchange.add_simulated(parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000), seed=7)
        clock = MarketClock(
            1000,
            monotonic_ns=lambda: self.now_ns,
            wall_ns=lambda: START_US * 1000 + self.now_ns,
        )
        self.venue = Venue(exchange, clock, FeedFaults(), self.outlet, snapshot_interval_s=3600)

    def place(self) -> int:
        """Enter an order; its time since the start, in market microseconds."""
        body = new_order("BTCUSDT", "buy", "30000.00", "0.001", ACCOUNT)
        new = parse_new_order(str(body).replace("'", '"').replace("True", "true").encode())
        return self.venue.submit(new, None).order.created_at_us - START_US

    async def until_sent(self) -> None:
        """Let everything that is waiting go out."""
        before = -1
        while before != len(self.outlet.slices):
            before = len(self.outlet.slices)
            await asyncio.sleep(0)


async def test_an_order_does_not_wait_until_a_market_that_is_behind_has_caught_up() -> None:
    world = World()
    world.venue.open()
    world.now_ns = 60_000_000
    assert world.place() <= STEP_US
    assert world.place() <= 2 * STEP_US


async def test_a_market_that_is_behind_catches_up_step_by_step_and_says_everything_in_order() -> None:
    world = World()
    world.venue.open()
    world.now_ns = 5_000_000
    running = asyncio.create_task(world.venue.run())
    async with asyncio.timeout(5):
        while world.place() < 5_000_000:  # noqa: ASYNC110 - a market has no event for a test to await
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await world.until_sent()
    sequences = [
        message.data["sequence"] for message in world.outlet.messages if message.topic == topics.DELTA
    ]
    assert sequences == list(range(2, len(sequences) + 2))
    assert len(sequences) > 50
    times = [message.at_us for message in world.outlet.messages if message.topic == topics.DELTA]
    assert times == sorted(times)


async def test_a_burst_goes_out_in_slices_with_a_turn_of_the_event_loop_between_them() -> None:
    world = World()
    world.venue.open()
    await world.until_sent()
    world.outlet.slices.clear()
    snapshot = world.venue.exchange.snapshot("BTCUSDT")
    turns: list[int] = []

    async def somebody_else() -> None:
        while True:
            turns.append(len(world.outlet.slices))
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    world.venue.publish([snapshot] * (2 * SLICE + 1))
    await world.until_sent()
    other.cancel()
    assert [len(piece) for piece in world.outlet.slices] == [SLICE, SLICE, 1]
    assert {1, 2} <= set(turns)


async def test_a_snapshot_comes_after_what_it_already_counts() -> None:
    world = World()
    world.venue.open()
    world.now_ns = 1_000_000
    world.place()
    world.venue.publish_snapshot("BTCUSDT")
    await world.until_sent()
    told = [message for message in world.outlet.messages if message.topic in (topics.DELTA, topics.SNAPSHOT)]
    assert told[-1].topic == topics.SNAPSHOT
    assert told[-1].data["sequence"] == told[-2].data["sequence"]
