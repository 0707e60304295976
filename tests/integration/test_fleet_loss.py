"""Two instances and their guard on a recorded market: one dies, or stands still and comes back."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import aiohttp
import pytest
from tests.support.demo_run import SPOT, cut
from tests.support.instances import (
    GUARD_SILENCE_S,
    NORTH,
    SESSION_TIMEOUT_S,
    SHARE_S_MAX,
    SOUTH,
    Fleet,
    Owner,
    StartFleet,
)
from tests.support.kafka_exchange import KafkaExchange
from tests.support.operator import until
from tests.support.order_proxy import OrderProxy, Passed, proxy_before

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.processes import ServerProcess
from market_maker.streams.topics import CONSUMED, PUBLISHED

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not SPOT.exists(), reason=f"the recorded markets are not at {SPOT.parent}"),
]

SYMBOLS = ("XRPUSDT", "ADAUSDT", "ETHUSDT", "SOLUSDT", "BTCUSDT", "DOTUSDT", "BNBUSDT", "LTCUSDT")
"""The one recorded market under eight names, of which two fall into each partition."""
LINES = 30_000
"""Of the capture: about four minutes."""
THROUGH_THE_CROWD = "20"
"""A market order that gets past what is recorded, to our quotes."""
GUARD_S_MAX = GUARD_SILENCE_S + 2.5
TAKE_S_MAX = SESSION_TIMEOUT_S + 5.0


@pytest.fixture(scope="module")
def recorded(
    start_kafka: Callable[..., ApacheKafka], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaExchange]:
    """Eight markets on a broker of their own, which stand still until a test lets them move."""
    broker = start_kafka("recorded-kafka")
    directory = tmp_path_factory.mktemp("recorded")
    captures = [cut(SPOT, LINES, directory / f"{symbol}.gz", symbol) for symbol in SYMBOLS]
    arguments = [word for capture in captures for word in ("--capture", str(capture))]
    process = ServerProcess(
        "tradex_sandbox",
        *("--broker", broker.address, "--snapshot-interval", "1", "--start-paused", *arguments),
        directory=directory,
    )
    Topics(broker.address).await_leaders((*CONSUMED, *PUBLISHED))
    yield KafkaExchange(process, broker.address, process.ready["control"], process.ready["metadata"], broker)
    process.close()
    broker.close()


async def quoting_fleet(
    start_fleet: StartFleet, exchange: KafkaExchange, of_north: Mapping[str, str] = MappingProxyType({})
) -> Fleet:
    """All eight symbols quote, and each has traded."""
    fleet = await start_fleet(exchange, of_north, KILL_SWITCH_RESPONSE_TIMEOUT_MS="3000")
    await fleet.north.exchange.start()
    await fleet.quote(SYMBOLS, order_size_usdt="50")
    await asyncio.gather(
        *(fleet.north.trade_against(symbol, quantity=THROUGH_THE_CROWD) for symbol in SYMBOLS)
    )
    for symbol in SYMBOLS:
        await fleet.north.operator.quoting(symbol)
    return fleet


async def fill_what_rests(fleet: Fleet, symbol: str) -> None:
    """Hit whatever is left of a silent instance's quotes, of which nobody who lives is told."""
    for side in ("sell", "buy"):
        await fleet.south.exchange.trade(symbol, side, THROUGH_THE_CROWD)


async def require_equal_fills(fleet: Fleet) -> None:
    """Nothing quotes any more, and every execution is one row."""
    assert (await fleet.south.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await fleet.south.operator.clear(symbol)
        assert len(await fleet.south.require_equal_fills(symbol)) >= 1
    assert await fleet.south.orders_at_exchange() == 0


async def test_after_kill_9_no_order_stays_and_the_survivor_owns_everything(
    start_fleet: StartFleet, recorded: KafkaExchange
) -> None:
    fleet = await quoting_fleet(start_fleet, recorded)
    north, south = fleet.north, fleet.south
    lost, kept = await fleet.owned_by(NORTH), await fleet.owned_by(SOUTH)
    answer = await south.operator.change(lost[0], resume_on_clean_handover=True)
    assert answer.status == 200, answer.body
    events = {symbol: len(await south.operator.rows(symbol, "events")) for symbol in kept}
    killed = time.monotonic()
    north.service.kill()
    assert await south.orders_at_exchange(*lost) > 0
    counted = await south.executions(lost[0])
    await fill_what_rests(fleet, lost[0])
    await south.empty_at_exchange(*lost, timeout_s=killed + GUARD_S_MAX - time.monotonic())
    assert await south.executions(lost[0]) > counted
    await fleet.all_owned(SYMBOLS, SOUTH, timeout_s=killed + TAKE_S_MAX - time.monotonic())
    for symbol in lost:  # one of them may go on after a clean hand-over, which this was not
        await south.operator.halted(symbol, "OWNER_LOST", killed + TAKE_S_MAX - time.monotonic())
    for symbol in kept:  # whose owner lives: nothing of all this concerns them
        await south.operator.quoting(symbol)
        assert len(await south.operator.rows(symbol, "events")) == events[symbol]
    assert await south.orders_at_exchange(*lost) == 0
    assert await fleet.interventions() == len(lost)
    for symbol in lost:
        await south.operator.clear(symbol)
    assert (await south.operator.emergency("reset", *lost)).status == 200
    await fleet.enable(lost, SOUTH)
    await require_equal_fills(fleet)


# --- an instance that stands still -----------------------------------------------------------------

STANDS_S = 30.0
ON_ITS_WAY_S = 0.5
"""What the kernel had in the moment of the stop still arrives."""


async def test_an_instance_that_stood_still_sends_nothing_until_it_is_a_fresh_owner(
    start_fleet: StartFleet, recorded: KafkaExchange, http: aiohttp.ClientSession
) -> None:
    async with proxy_before(recorded.url, http) as proxy:
        fleet = await quoting_fleet(start_fleet, recorded, {"ORDER_SERVICE_URL": proxy.url})
        lost, before = await fleet.owned_by(NORTH), await fleet.owners()
        stopped = time.time()
        fleet.north.service.freeze()
        await fill_what_rests(fleet, lost[0])
        await fleet.south.empty_at_exchange(*lost, timeout_s=stopped + GUARD_S_MAX - time.time())
        await fleet.all_owned(SYMBOLS, SOUTH, timeout_s=stopped + TAKE_S_MAX - time.time())
        for symbol in lost:
            await fleet.south.operator.halted(symbol, "OWNER_LOST")
            await fleet.south.operator.clear(symbol)
        assert (await fleet.south.operator.emergency("reset", *lost)).status == 200
        await fleet.enable(lost, SOUTH)
        await asyncio.sleep(stopped + STANDS_S - time.time())
        assert about_orders(proxy, since=stopped + ON_ITS_WAY_S) == []

        fleet.north.service.thaw()
        first_claim = await rejoined(fleet, before)
        await fleet.all_owned(SYMBOLS, NORTH, SOUTH)
        sent = about_orders(proxy, since=stopped + ON_ITS_WAY_S)
        assert [one for one in sent if one.at < first_claim and not cancels_one_order(one)] == []
        assert [request for request in sent if request.method == "POST"] == []
        for symbol in await fleet.owned_by(NORTH):
            await fleet.north.operator.state(symbol, "PAUSED")
        for symbol in await fleet.owned_by(SOUTH):
            await fleet.south.operator.quoting(symbol)
        await require_equal_fills(fleet)


def about_orders(proxy: OrderProxy, since: float) -> list[Passed]:
    """What was asked of the Order Service, other than how it is."""
    return [
        request for request in proxy.passed if request.path.startswith("/v1/orders") and request.at > since
    ]


def cancels_one_order(request: Passed) -> bool:
    """Whether it can hit no order but the one that it names, which was the sender's own: such never wait."""
    return request.method == "DELETE" and request.path.startswith("/v1/orders/")


async def rejoined(fleet: Fleet, before: Mapping[str, Owner]) -> float:
    """Wait until the instance that was lost owns symbols again; the wall time of its first claim."""
    claims: list[float] = []

    async def owns() -> bool:
        owned = {symbol: one for symbol, one in (await fleet.owners()).items() if one.name == NORTH}
        claims.extend(one.claimed_at.timestamp() for one in owned.values())
        return any(one.epoch > before[symbol].epoch for symbol, one in owned.items())

    await until("the instance that stood still owns symbols again", owns, SHARE_S_MAX)
    return min(claims)
