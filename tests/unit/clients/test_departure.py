"""An order that its gate holds back: not one byte of it leaves, whenever the gate shuts."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext, create_default_context

import pytest
import uvloop
from tests.support.raw_server import RawServer

from lab.order_server import OpenGate, checked_order, until
from lab.tls import Authority
from market_maker.clients import http_lane
from market_maker.clients.connection import HttpReply
from market_maker.clients.http_call import Request
from market_maker.clients.http_lane import HttpLane
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core.events import CancelAllAnswer, CancelAnswer, PlaceAnswer, RequestOutcome
from market_maker.telemetry.loop_lag import LoopLagMonitor

TURNS = 12
"""Turns of the loop within which an order on a kept connection has surely left."""


class Switch:
    """A gate that remembers when it was asked."""

    def __init__(self) -> None:
        self.open = True
        self.asked = 0

    def is_open(self) -> bool:
        return self.open

    def lets_pass(self) -> bool:
        self.asked += 1
        return self.open


class LastMoment(Switch):
    """Shut when it counts."""

    def lets_pass(self) -> bool:
        return False


@pytest.fixture
def server() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@pytest.fixture
def reports() -> list[RequestReport]:
    return []


@pytest.fixture
async def client(server: RawServer, reports: list[RequestReport]) -> AsyncIterator[OrderServiceClient]:
    made = OrderServiceClient(
        server.url,
        Account("account", "user"),
        LoopLagMonitor(),
        response_timeout_ns=5_000_000_000,
        on_report=reports.append,
    )
    yield made
    await made.close()


def never(late: PlaceAnswer | CancelAnswer | CancelAllAnswer) -> None:
    raise AssertionError(f"an answer in time was followed by {late}")


def place(
    client: OrderServiceClient, gate: OpenGate | Switch, client_order_id: str
) -> asyncio.Future[PlaceAnswer]:
    return asyncio.ensure_future(client.place(checked_order(client_order_id), None, gate, never))


async def keep_a_connection(
    client: OrderServiceClient, server: RawServer, client_order_id: str = "first"
) -> None:
    """Place one order, so that the next finds an open connection."""
    placing = place(client, OpenGate(), client_order_id)
    await until(lambda: client_order_id in server.orders())
    server.accept_order(len(server.peers) - 1, client_order_id)
    assert (await placing).outcome is RequestOutcome.OK


@pytest.mark.parametrize("connected", [False, True])
async def test_of_an_order_whose_gate_shuts_at_the_last_moment_no_byte_arrives(
    server: RawServer, client: OrderServiceClient, reports: list[RequestReport], *, connected: bool
) -> None:
    if connected:
        await keep_a_connection(client, server)
    before = server.bytes_of(0)
    reports.clear()
    answer = await place(client, LastMoment(), "second")
    assert (answer.outcome, answer.ended, answer.client_order_id) == (RequestOutcome.NOT_SENT, True, "second")
    await client.close()
    await until(lambda: server.has_ended(0))
    assert server.heard == [before]
    assert reports == []


async def test_the_next_order_leaves_on_the_same_connection(
    server: RawServer, client: OrderServiceClient
) -> None:
    await keep_a_connection(client, server)
    assert (await place(client, LastMoment(), "withheld")).outcome is RequestOutcome.NOT_SENT
    placing = place(client, OpenGate(), "next")
    await until(lambda: server.orders() == ["first", "next"])
    server.accept_order(0, "next")
    assert (await placing).outcome is RequestOutcome.OK


async def test_a_gate_that_is_shut_in_time_costs_no_connection(
    server: RawServer, client: OrderServiceClient
) -> None:
    await keep_a_connection(client, server)
    gate = Switch()
    gate.open = False
    assert (await place(client, gate, "withheld")).outcome is RequestOutcome.NOT_SENT
    assert gate.asked == 0
    placing = place(client, OpenGate(), "next")
    await until(lambda: server.orders() == ["first", "next"])
    server.accept_order(0, "next")
    assert (await placing).outcome is RequestOutcome.OK


async def test_between_the_gates_answer_and_the_bytes_in_the_kernel_nothing_else_runs(
    server: RawServer, client: OrderServiceClient
) -> None:
    seen: list[list[str]] = []

    class Asked(Switch):
        def lets_pass(self) -> bool:
            assert server.orders() == []
            asyncio.get_running_loop().call_soon(lambda: seen.append(server.orders()))
            return super().lets_pass()

    placing = place(client, Asked(), "c-1")
    await until(lambda: bool(seen))
    assert seen == [["c-1"]]
    server.accept_order(0, "c-1")
    assert (await placing).outcome is RequestOutcome.OK


async def test_an_order_on_a_kept_connection_has_left_when_it_has_been_decided(
    server: RawServer, client: OrderServiceClient
) -> None:
    await keep_a_connection(client, server)
    sending = client.place(checked_order("second"), None, OpenGate(), never)
    assert server.orders() == ["first", "second"]
    server.accept_order(0, "second")
    assert (await sending).outcome is RequestOutcome.OK


async def test_whichever_turn_of_the_loop_shuts_the_gate_an_order_has_left_before_or_never_leaves(
    server: RawServer, client: OrderServiceClient
) -> None:
    withheld = 0
    for turns in range(TURNS):
        gate, name = Switch(), f"c-{turns}"
        placing = place(client, gate, name)
        for _ in range(turns):
            await asyncio.sleep(0)
        gate.open = False
        left = name in server.orders()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert (name in server.orders()) is left, f"shut after {turns} turns"
        if left:
            server.accept_order(len(server.peers) - 1, name)
            assert (await placing).outcome is RequestOutcome.OK
        else:
            withheld += 1
            assert (await placing).outcome is RequestOutcome.NOT_SENT
        for connection in tuple(client.lanes[0]._open):
            connection.close()
        await until(lambda: client.lanes[0].standing == 0)
    assert 1 <= withheld < TURNS, "the gate shut at different stages of making the connection"


async def test_an_order_that_waited_for_a_connection_past_its_time_is_still_held_back(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_lane, "CONNECTIONS_MAX", 1)
    late: list[PlaceAnswer | CancelAnswer | CancelAllAnswer] = []
    client = OrderServiceClient(
        server.url,
        Account("account", "user"),
        LoopLagMonitor(),
        response_timeout_ns=50_000_000,
        on_report=lambda _report: None,
    )
    gate = Switch()
    first = asyncio.ensure_future(client.place(checked_order("first"), None, OpenGate(), late.append))
    second = asyncio.ensure_future(client.place(checked_order("second"), None, gate, late.append))
    # Late is late; on a machine that is busy enough this process itself stands still, and says so.
    late_outcomes = {RequestOutcome.TIMEOUT, RequestOutcome.STALLED}
    assert {answer.outcome for answer in await asyncio.gather(first, second)} <= late_outcomes
    gate.open = False
    assert server.orders() == ["first"]
    server.accept_order(0, "first")
    await until(lambda: len(late) == 2)
    assert {(answer.outcome, answer.ended) for answer in late} == {
        (RequestOutcome.OK, True),
        (RequestOutcome.NOT_SENT, True),
    }
    assert server.orders() == ["first"]
    await client.close()


async def test_a_cancel_leaves_at_once_and_says_when(
    server: RawServer, client: OrderServiceClient, reports: list[RequestReport]
) -> None:
    first = asyncio.ensure_future(client.cancel_all("BTC-USDT", never))
    await until(lambda: server.bytes_of(0).endswith(b"\r\n\r\n"))
    server.answer(0, "200 OK", {"cancelled": 1})
    assert (await first).outcome is RequestOutcome.OK
    before = len(server.bytes_of(0))
    asked_ns = time.monotonic_ns()
    under_way = client.cancel_all("BTC-USDT", never)
    line = server.bytes_of(0)[before:].partition(b"\r\n")[0]
    assert line == b"DELETE /v1/orders?account_id=account&symbol=BTC-USDT HTTP/1.1"
    seen_ns = time.monotonic_ns()
    server.answer(0, "200 OK", {"cancelled": 0})
    assert (await under_way).outcome is RequestOutcome.OK
    left_ns = reports[-1].began_ns
    assert left_ns is not None
    assert asked_ns < left_ns < seen_ns


async def test_an_answer_given_twice_is_never_taken_for_the_answer_to_the_next_order(
    server: RawServer, client: OrderServiceClient
) -> None:
    await keep_a_connection(client, server)
    server.accept_order(0, "first")
    await until_read(client)
    before = server.bytes_of(0)
    placing = place(client, OpenGate(), "second")
    await until(lambda: "second" in server.orders())
    assert (len(server.peers), server.bytes_of(0), server.has_ended(0)) == (2, before, True)
    server.accept_order(1, "second")
    answer = await placing
    assert (answer.outcome, answer.order_id) == (RequestOutcome.OK, "x-second")


async def until_read(client: OrderServiceClient) -> None:
    """Wait until the kept connection has read what nobody asked for."""
    await until(lambda: client.lanes[0].standing == 0)


async def test_nothing_leaves_on_a_connection_on_which_the_kernel_holds_what_nobody_asked_for(
    server: RawServer, client: OrderServiceClient
) -> None:
    await keep_a_connection(client, server)
    before = server.bytes_of(0)
    server.accept_order(0, "first")
    placing = place(client, OpenGate(), "second")
    await until(lambda: "second" in server.orders())
    assert (len(server.peers), server.bytes_of(0)) == (2, before)
    server.accept_order(1, "second")
    assert (await placing).order_id == "x-second"


@pytest.mark.parametrize("encrypted", [False, True])
def test_under_uvloop_too_a_request_is_in_the_kernel_when_the_call_returns(
    tmp_path: Path, *, encrypted: bool
) -> None:
    authority = Authority(tmp_path)
    with answering_thread(authority.server_context() if encrypted else None) as port:
        url = f"{'https' if encrypted else 'http'}://127.0.0.1:{port}"
        uvloop.run(_leaves_at_once(url, create_default_context(cafile=authority.ca_file)))


async def _leaves_at_once(url: str, tls: SSLContext) -> None:
    lane = HttpLane(url, {}, LoopLagMonitor(), tls=tls)
    assert isinstance((await lane.send(Request("GET", "/first"), 5_000_000_000, print)).result, HttpReply)
    await until(lambda: lane._idle[0].is_quiet)
    fd = lane._idle[0]._transport.get_extra_info("socket").fileno()  # type: ignore[union-attr]  # it stands
    before = bytes_sent(fd)
    second = lane.send(Request("GET", "/second"), 5_000_000_000, print)
    assert bytes_sent(fd) > before
    assert isinstance((await second).result, HttpReply)
    await lane.close()


@contextmanager
def answering_thread(tls: SSLContext | None) -> Iterator[int]:
    """A server for one connection, in a thread; gives its port."""

    def serve() -> None:
        peer, _ = listener.accept()
        with peer if tls is None else tls.wrap_socket(peer, server_side=True) as connection:
            while connection.recv(65_536):
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def bytes_sent(fd: int) -> int:
    """Bytes that the kernel was given on a connection so far: tcpi_bytes_sent of struct tcp_info."""
    with socket.socket(fileno=os.dup(fd)) as copy:
        info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(info[200:208], "little")


async def test_each_list_of_open_orders_is_asked_for_on_a_connection_of_its_own(
    server: RawServer, client: OrderServiceClient
) -> None:
    for number in range(3):
        listing = asyncio.ensure_future(client.open_orders("BTC-USDT"))
        await until(lambda number=number: server.bytes_of(number).endswith(b"\r\n\r\n"))  # type: ignore[misc]
        server.answer(number, "200 OK", {"orders": [], "next_cursor": None})
        assert (await listing).outcome is RequestOutcome.OK
