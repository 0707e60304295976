"""Who was late? The exchange, or this process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext, create_default_context
from threading import Semaphore
from urllib.parse import urlsplit

import pytest
from tests.support.jumping_clock import JumpingClock

from lab.order_server import OpenGate, OrderServer, accept, checked_order, drop, telling, until
from lab.stalling_proxy import StallingProxy
from lab.tls import Authority, tls_front
from market_maker.clients import http_call
from market_maker.clients.http_call import HANDSHAKE_NS_MAX, Lateness, lateness_of
from market_maker.clients.http_lane import CONNECTIONS_MAX, READ_TURNS
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core.events import CancelAllAnswer, CancelAnswer, PlaceAnswer, RequestOutcome
from market_maker.telemetry.loop_lag import LoopLagMonitor

LONG_MS = 30_000
LONGER_S = 45.0

LateAnswer = PlaceAnswer | CancelAnswer | CancelAllAnswer


@pytest.fixture
def server() -> Iterator[OrderServer]:
    with OrderServer() as running:
        yield running


class Desk:
    """A client and what it said."""

    def __init__(self, client: OrderServiceClient, reports: list[RequestReport]) -> None:
        self.client = client
        self.reports = reports
        self.late: list[LateAnswer] = []

    def place(self, client_order_id: str = "c-1") -> asyncio.Task[PlaceAnswer]:
        order = checked_order(client_order_id)

        async def placed() -> PlaceAnswer:
            return await placing

        placing = self.client.place(order, None, OpenGate(), self.late.append)
        return asyncio.get_running_loop().create_task(placed())


@asynccontextmanager
async def desk(
    server: OrderServer,
    timeout_ms: int = 100,
    limit_s: float = 10.0,
    *,
    url: str = "",
    tls: SSLContext | None = None,
) -> AsyncIterator[Desk]:
    monitor = LoopLagMonitor()
    monitor.start()
    reports: list[RequestReport] = []
    client = OrderServiceClient(
        url or server.url,
        Account("account", "user"),
        monitor,
        response_timeout_ns=timeout_ms * 1_000_000,
        on_report=reports.append,
        limit_s=limit_s,
        tls=tls,
    )
    try:
        yield Desk(client, reports)
    finally:
        await client.close()
        monitor.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JumpingClock:
    """Where the loop is to stand still for longer than a busy machine ever does."""
    return JumpingClock(monkeypatch)


async def test_an_exchange_that_does_not_answer_in_time_is_late_and_its_answer_follows(
    server: OrderServer,
) -> None:
    server.hold("POST")
    async with desk(server) as d:
        answer = await d.place()
        # On a machine that is busy enough this process itself stands still, and says so.
        assert answer.outcome in (RequestOutcome.TIMEOUT, RequestOutcome.STALLED)
        assert (answer.ended, answer.detail.startswith("no answer within ")) == (False, True)
        assert not answer.late
        assert d.late == []
        server.release()
        await until(lambda: bool(d.late))
        late = d.late[0]
        assert isinstance(late, PlaceAnswer)
        assert (late.outcome, late.ended, late.order_id) == (RequestOutcome.OK, True, "x-c-1")
        assert late.late
        assert [report.outcome for report in d.reports] == [answer.outcome]
        assert d.reports[0].latency_ns >= 100_000_000


async def test_an_answer_that_never_comes_ends_at_the_limit_and_closes_the_connection(
    server: OrderServer,
) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=20, limit_s=0.1) as d:
        assert (await d.place()).ended is False
        await until(lambda: bool(d.late))
        assert (d.late[0].outcome, d.late[0].ended) == (RequestOutcome.TIMEOUT, True)
        assert d.late[0].detail == "never answered; the connection was closed"
        await until(lambda: server.connections_lost == 1)


async def test_the_end_of_a_late_cancel_says_that_its_lateness_was_told(server: OrderServer) -> None:
    server.hold("DELETE")
    async with desk(server, timeout_ms=20) as d:
        answers = await asyncio.gather(
            d.client.cancel("c-0", "x-c-0", d.late.append), d.client.cancel_all("BTC-USDT", d.late.append)
        )
        assert [(answer.ended, answer.late) for answer in answers] == [(False, False)] * 2
        server.release()
        await until(lambda: len(d.late) == 2)
        assert [(answer.ended, answer.late) for answer in d.late] == [(True, True)] * 2


async def test_a_connection_that_breaks_after_the_timeout_leaves_the_order_uncertain(
    server: OrderServer,
) -> None:
    server.hold("POST")
    server.respond = drop
    async with desk(server, timeout_ms=20) as d:
        assert (await d.place()).ended is False
        server.release()
        await until(lambda: bool(d.late))
        assert (d.late[0].outcome, d.late[0].ended) == (RequestOutcome.UNCERTAIN, True)


async def test_an_answer_that_arrived_while_the_loop_stood_still_is_in_time(
    server: OrderServer, clock: JumpingClock
) -> None:
    server.hold("POST")
    server.respond = telling(accept, left := Semaphore(0))
    async with desk(server, timeout_ms=LONG_MS) as d:
        placing = d.place()
        await until(lambda: len(server.requests) == 1)
        server.release()
        clock.jump(LONGER_S, left)
        answer = await placing
        assert (answer.outcome, answer.ended, answer.order_id) == (RequestOutcome.OK, True, "x-c-1")
        assert d.reports[0].stalled_ns > LONG_MS * 1_000_000
        assert d.late == []


async def test_a_loop_that_stood_still_is_named_when_no_answer_is_there(
    server: OrderServer, clock: JumpingClock
) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=LONG_MS, limit_s=2 * LONG_MS) as d:
        placing = d.place()
        await until(lambda: len(server.requests) == 1)
        clock.jump(LONGER_S)
        answer = await placing
        assert (answer.outcome, answer.ended) == (RequestOutcome.STALLED, False)
        assert "this process itself stood still" in answer.detail
        server.release()
        await until(lambda: bool(d.late))
        assert d.late[0].outcome is RequestOutcome.OK


@pytest.mark.parametrize(
    ("stalled_ms", "lateness"),
    [(0, Lateness.TIMEOUT), (30, Lateness.TIMEOUT), (49, Lateness.TIMEOUT), (50, Lateness.STALLED)],
)
def test_only_a_stall_of_half_the_time_or_more_excuses_the_exchange(
    stalled_ms: int, lateness: Lateness
) -> None:
    assert lateness_of(stalled_ms * 1_000_000, timeout_ns=100_000_000) is lateness


async def test_time_counts_from_when_the_request_really_began(
    server: OrderServer, clock: JumpingClock
) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=LONG_MS) as d:
        asyncio.get_running_loop().call_soon(clock.jump, LONGER_S)
        placing = d.place()
        await until(lambda: len(server.requests) == 1)
        for _ in range(2 * READ_TURNS):
            await asyncio.sleep(0)
        server.release()
        assert (await placing).outcome is RequestOutcome.OK


async def test_a_handshake_does_not_count_against_the_time_for_an_answer(
    server: OrderServer, tmp_path: Path, clock: JumpingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_call, "HANDSHAKE_NS_MAX", 2 * LONG_MS * 1_000_000)
    authority = Authority(tmp_path)
    port = urlsplit(server.url).port or 0
    async with (
        tls_front(authority.server_context(), port) as encrypted,
        StallingProxy(encrypted) as proxy,
        desk(
            server,
            timeout_ms=4_000,
            url=f"https://127.0.0.1:{proxy.port}",
            tls=create_default_context(cafile=authority.ca_file),
        ) as d,
    ):
        proxy.freeze()
        placing = d.place()
        await until(lambda: proxy.withholds)
        clock.jump(6.0)
        proxy.thaw()
        answer = await placing
        assert answer.outcome is RequestOutcome.OK, answer.detail
        assert d.reports[0].latency_ns > 6_000_000_000
        proxy.freeze()
        placing = d.place("c-2")
        await until(lambda: proxy.withholds)
        clock.jump(6.0)
        assert (await placing).outcome is not RequestOutcome.OK, "the connection stands: now it counts"
        proxy.thaw()


async def test_a_handshake_that_never_ends_is_no_excuse(server: OrderServer) -> None:
    async with StallingProxy(urlsplit(server.url).port or 0) as proxy:
        proxy.freeze()
        async with desk(server, timeout_ms=100, url=f"https://127.0.0.1:{proxy.port}") as d:
            answer = await d.place()
            assert (answer.outcome, answer.ended) in {
                (RequestOutcome.TIMEOUT, False),
                (RequestOutcome.STALLED, False),
            }
            assert d.reports[0].latency_ns >= HANDSHAKE_NS_MAX


async def test_an_answer_that_arrived_while_a_sockets_callback_ran_is_in_time(
    server: OrderServer, clock: JumpingClock
) -> None:
    """The loop's worst moment: uvloop then runs the timers before it looks at the other sockets."""
    server.hold("POST")
    server.respond = telling(accept, left := Semaphore(0))
    async with desk(server, timeout_ms=LONG_MS) as d:
        near, far = socket.socketpair()
        with near, far:
            loop = asyncio.get_running_loop()

            def busy() -> None:
                loop.remove_reader(near)
                server.release()
                clock.jump(LONGER_S, left)

            placing = d.place()
            await until(lambda: len(server.requests) == 1)
            loop.add_reader(near, busy)
            far.send(b"x")
            answer = await placing
        assert (answer.outcome, answer.ended) == (RequestOutcome.OK, True)


async def test_a_caller_that_is_cancelled_still_gets_the_end_of_its_request(server: OrderServer) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=30_000, limit_s=60) as d:
        placing = d.place()
        await until(lambda: len(server.requests) == 1)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        assert placing.cancelled()
        server.release()
        await until(lambda: bool(d.late))
        assert (d.late[0].outcome, d.late[0].ended) == (RequestOutcome.OK, True)


async def test_placements_that_hang_and_fill_their_pool_do_not_delay_a_cancel(server: OrderServer) -> None:
    server.hold("POST")

    async with desk(server, timeout_ms=60_000, limit_s=60) as d:
        hanging = [d.place(f"c-{n}") for n in range(CONNECTIONS_MAX + 10)]
        await until(lambda: len(server.requests) == CONNECTIONS_MAX)

        answer = await d.client.cancel("c-0", "x-c-0", d.late.append)
        assert answer.ended
        assert server.requests[-1].method == "DELETE"
        assert not any(task.done() for task in hanging)
        server.release()
        assert {task.outcome for task in await asyncio.gather(*hanging)} == {RequestOutcome.OK}


async def test_who_awaits_an_answer_while_the_client_closes_is_told_to_end(server: OrderServer) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=60_000, limit_s=60) as d:
        placing = d.place()
        await until(lambda: len(server.requests) == 1)
        await d.client.close()
        async with asyncio.timeout(10):
            await asyncio.gather(placing, return_exceptions=True)
        assert placing.cancelled()
        assert d.late == []


async def test_after_closing_nothing_more_is_answered_and_nothing_can_be_sent(server: OrderServer) -> None:
    server.hold("POST")
    async with desk(server, timeout_ms=20) as d:
        await d.place()
        await d.client.close()
        await until(lambda: server.connections_lost == 1)
        assert d.late == []
        with pytest.raises(RuntimeError, match="closed"):
            await d.place()
