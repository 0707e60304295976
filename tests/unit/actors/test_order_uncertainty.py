"""What becomes of an order whose answer is uncertain: worker, engine, effects and client on real sockets."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Semaphore
from typing import Any

import pytest
from aiohttp import web
from tests.support.jumping_clock import JumpingClock
from tests.support.uncertain_venue import CONFIG, PATIENT, SYMBOL, Fault, Process, Venue, quoting

from lab.order_server import OrderServer, Seen, telling
from lab.trading_side import MID, until
from market_maker.clients import order_contract
from market_maker.core.commands import OrderStatus
from market_maker.core.engine import clearing
from market_maker.core.events import Control
from market_maker.core.states import Cause, KillReason, State

IMPATIENT = replace(PATIENT, response_timeout_ns=200_000_000)
LONGER_S = 45.0
"""Than an answer may take where we are patient."""

LATE = (KillReason.RESPONSE_TIMEOUT, KillReason.EVENT_LOOP_STALL)
"""An answer that does not come; a machine that is busy enough makes this process itself stand still, too."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JumpingClock:
    return JumpingClock(monkeypatch)


@pytest.fixture
def venue() -> Iterator[Venue]:
    with OrderServer() as server:
        yield Venue(server)


# --- faults ------------------------------------------------------------------------------------


def error(_request: web.Request, _process: Process) -> web.Response:
    return web.Response(status=502, body=b"<html>bad gateway</html>")


def error_although_done(_request: web.Request, process: Process) -> web.Response:
    process()
    return web.Response(status=500)


def broken(request: web.Request, _process: Process) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def broken_although_done(request: web.Request, process: Process) -> web.Response:
    process()
    return broken(request, process)


def refused(_request: web.Request, _process: Process) -> web.Response:
    return web.Response(status=422, body=b'{"code": "OFF_TICK", "message": "price: not on a tick"}')


def twice(request: web.Request, process: Process) -> web.Response:
    answer = process()
    assert request.transport is not None
    assert isinstance(answer.body, bytes)
    head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    request.transport.write(head.encode() + answer.body)
    return answer


# --- 5xx and broken connections ----------------------------------------------------------------


@pytest.mark.parametrize("fault", [error_although_done, broken_although_done])
async def test_an_order_that_was_taken_without_saying_so_is_found_and_cancelled(
    venue: Venue, fault: Fault
) -> None:
    venue.fault = fault
    async with quoting(venue) as desk:
        await desk.halted(KillReason.ORDER_UNCERTAIN)
        await desk.gone()
        statuses = desk.records.statuses[venue.faulty]
        assert statuses[:2] == [OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN]
        assert statuses[-1] is OrderStatus.CANCELLED


@pytest.mark.parametrize("fault", [error, broken])
async def test_an_order_that_never_arrived_is_unknown_until_the_exchange_has_denied_it(
    venue: Venue, fault: Fault
) -> None:
    venue.fault = fault
    async with quoting(venue) as desk:
        await desk.halted(KillReason.ORDER_UNCERTAIN)
        assert desk.symbol.orders.live_count() >= 1
        await desk.gone()
        asked = [seen.path for seen in venue.server.requests if seen.path.endswith(venue.faulty)]
        assert len(asked) >= 2
        assert desk.records.statuses[venue.faulty] == [
            OrderStatus.PENDING_NEW,
            OrderStatus.UNKNOWN,
            OrderStatus.REJECTED,
        ]


# --- late answers ------------------------------------------------------------------------------


async def test_while_a_request_has_no_end_its_order_counts_as_live_however_long_it_takes(
    venue: Venue,
) -> None:
    venue.server.hold("POST")
    async with quoting(venue, IMPATIENT) as desk:
        await desk.halted(*LATE)
        await until(lambda: desk.symbol.clearing.rounds >= 4)
        assert {order.status for order in desk.symbol.orders} == {OrderStatus.UNKNOWN}
        assert desk.symbol.orders.live_count() == 2
        reset = await desk.side.ask(SYMBOL, Cause.RESET)
        assert [problem.code for problem in reset.problems] == ["ORDERS_OPEN"]
        venue.server.release()
        await desk.gone()


async def test_an_order_that_is_accepted_late_after_the_kill_is_cancelled(venue: Venue) -> None:
    venue.server.hold("POST")
    async with quoting(venue, IMPATIENT) as desk:
        await desk.halted(*LATE)
        await until(lambda: {order.status for order in desk.symbol.orders} == {OrderStatus.UNKNOWN})
        venue.server.release()
        await until(lambda: len(venue.exchange.received) == 2)
        await desk.gone()
        assert {tuple(statuses[:2]) for statuses in desk.records.statuses.values()} == {
            (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
        }
        assert {statuses[-1] for statuses in desk.records.statuses.values()} == {OrderStatus.CANCELLED}


async def test_an_order_that_is_refused_late_was_never_in_the_market(venue: Venue) -> None:
    venue.server.hold("POST")
    venue.fault = refused
    async with quoting(venue, IMPATIENT) as desk:
        await desk.halted(*LATE)
        await until(lambda: {order.status for order in desk.symbol.orders} == {OrderStatus.UNKNOWN})
        venue.server.release()
        await desk.gone()
        assert desk.records.statuses[venue.faulty][-1] is OrderStatus.REJECTED


# --- answers given twice -----------------------------------------------------------------------


async def test_answers_given_twice_change_nothing(venue: Venue) -> None:
    config = replace(CONFIG, price_threshold_bps=CONFIG.price_threshold_bps / 1000)
    async with quoting(venue, config=config) as desk:
        for requotes in range(1, 6):
            await desk.rests()
            venue.fault = twice
            desk.side.show_book(SYMBOL, MID + 1_000 * requotes)
            await until(lambda wanted=2 * requotes + 2: desk.symbol.stats.orders_placed == wanted)  # type: ignore[misc]
        await desk.rests()
        assert venue.fault is None
        assert (desk.symbol.state, desk.reason) == (State.ACTIVE, None)
        assert len(venue.exchange.received) == desk.symbol.stats.orders_placed
        assert (await desk.side.ask(SYMBOL, Cause.KILL)).problems == ()
        await desk.gone()


# --- defects of our own ------------------------------------------------------------------------


async def test_a_placement_that_raises_in_our_client_is_unknown_until_the_exchange_has_spoken(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(order_contract, "read_placement", raising)
        async with quoting(venue) as desk:
            await desk.halted(KillReason.ORDER_UNCERTAIN)
            await desk.gone()
            assert {statuses[-1] for statuses in desk.records.statuses.values()} == {OrderStatus.CANCELLED}


async def test_a_late_answer_that_our_client_cannot_read_is_still_the_requests_end(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.server.hold("POST")
    async with quoting(venue, IMPATIENT) as desk:
        await desk.halted(*LATE)
        monkeypatch.setattr(order_contract, "read_placement", raising)
        venue.fault = error
        venue.server.release()
        await desk.gone()


@pytest.mark.parametrize("request_", ["read_cancel", "read_cancel_all", "read_query", "read_page"])
async def test_a_request_that_raised_once_is_asked_again_until_zero_is_proven(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, request_: str
) -> None:
    async with quoting(venue) as desk:
        await desk.rests()
        broken_reader = OnceRaising(getattr(order_contract, request_))
        monkeypatch.setattr(order_contract, request_, broken_reader)
        venue.fault = error_although_done if request_ == "read_query" else None
        if venue.fault is not None:
            desk.side.show_book(SYMBOL, MID + 1_000)
            await desk.halted(KillReason.ORDER_UNCERTAIN)
        await desk.side.ask(SYMBOL, Cause.KILL)
        await desk.gone()
        # The exchange may have said that nothing is left before the answer to a single cancel is read.
        await until(lambda: broken_reader.raised)


async def test_a_step_that_raises_after_its_decision_leaves_nothing_open(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with quoting(venue) as desk:
        await desk.rests()
        broken_advance = OnceRaising(clearing.advance)
        monkeypatch.setattr(clearing, "advance", broken_advance)
        # The reply of this very step is lost with it; only its caller waits for that.
        desk.side.tell(SYMBOL, Control(time.monotonic_ns(), 0, Cause.KILL, "operator", "enough"))
        await desk.halted(KillReason.MANUAL)
        await desk.gone()
        assert broken_advance.raised


class OnceRaising:
    """A part of ours that fails the first time."""

    def __init__(self, sound: Callable[..., Any]) -> None:
        self._sound = sound
        self.raised = False

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not self.raised:
            self.raised = True
            raising()
        return self._sound(*args, **keywords)


def raising(*_: object) -> None:
    raise KeyError("a defect")


# --- who was late? -----------------------------------------------------------------------------


async def test_a_process_that_stood_still_says_so_and_does_not_blame_the_exchange(
    venue: Venue, clock: JumpingClock
) -> None:
    venue.server.hold("POST")
    async with quoting(venue) as desk:
        await until(lambda: any(seen.method == "POST" for seen in venue.server.requests))
        clock.jump(LONGER_S)
        await desk.halted(KillReason.EVENT_LOOP_STALL)
        venue.server.release()
        await desk.gone()


async def test_answers_that_were_there_when_the_process_went_on_are_not_late(
    venue: Venue, clock: JumpingClock
) -> None:
    venue.server.hold("POST")
    async with quoting(venue) as desk:
        await until(lambda: len(posts(venue)) == 2)
        venue.server.respond = telling(venue.server.respond, left := Semaphore(0))
        venue.server.release()
        assert left.acquire(timeout=30)
        clock.jump(LONGER_S, left)
        await until(lambda: all(order.status is OrderStatus.OPEN for order in desk.symbol.orders))
        assert (desk.symbol.state, desk.symbol.orders.live_count()) == (State.ACTIVE, 2)


def posts(venue: Venue) -> list[Seen]:
    return [seen for seen in venue.server.requests if seen.method == "POST"]
