"""What becomes of an order whose answer is uncertain: worker, engine, effects and client on real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from threading import Semaphore
from typing import Any

import pytest
from aiohttp import web
from tests.support.jumping_clock import JumpingClock

from lab.exchange_process import Exchange
from lab.order_server import OrderServer, Seen, telling
from lab.trading_side import MID, InstantStore, TradingSide, trading_side, until
from market_maker.clients import order_contract
from market_maker.core.commands import OrderStatus, RecordOrder
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine import clearing
from market_maker.core.engine.symbol import Symbol
from market_maker.core.events import Control, OrderEvent, OrderEventKind
from market_maker.core.states import Cause, KillReason, State
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult

SYMBOL = "BTC-USDT"
CONFIG = SymbolConfig(SYMBOL, enabled=True, volatility_multiplier=False)
PATIENT = EngineLimits(
    response_timeout_ns=30_000_000_000,
    max_orders_per_second=1_000,
    market_data_staleness_ns=10**15,
    kafka_lag_threshold_ns=10**15,
)
"""Where nothing is to be late and no order too soon after others: a busy machine must not make it so."""
IMPATIENT = replace(PATIENT, response_timeout_ns=200_000_000)
LONGER_S = 45.0
"""Than an answer may take where we are patient."""

LATE = (KillReason.RESPONSE_TIMEOUT, KillReason.EVENT_LOOP_STALL)
"""An answer that does not come; a machine that is busy enough makes this process itself stand still, too."""

Process = Callable[[], web.Response]
Fault = Callable[[web.Request, Process], web.Response]


class Records(InstantStore):
    """A journal's store that keeps what became of each order."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[OrderStatus]] = {}

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        for record in (record for entry in entries for record in entry.records):
            if isinstance(record, RecordOrder):
                self.statuses.setdefault(record.client_order_id, []).append(record.status)
        return await super().write(entries)


def _nobody_hears(_cancelled: list[tuple[str, str]]) -> None:
    """What the exchange cancels before a desk begins, or after it has ended."""


class Venue:
    """An honest exchange behind a server that may answer the next order wrongly."""

    def __init__(self, server: OrderServer) -> None:
        self.server = server
        self.exchange = Exchange()
        self.fault: Fault | None = None
        self.faulty = ""
        """The client order id that met the fault."""
        self.hear: Callable[[list[tuple[str, str]]], object] = _nobody_hears
        server.respond = self._respond

    async def _respond(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        def process() -> web.Response:
            status, body = self.exchange.answer(seen.method, request.raw_path, seen.body, time.monotonic_ns())
            cancelled, self.exchange.cancelled = self.exchange.cancelled, []
            if cancelled:
                self.hear(cancelled)
            return web.Response(status=int(status[:3]), body=json.dumps(body).encode())

        fault, self.fault = (self.fault, None) if seen.method == "POST" else (None, self.fault)
        if fault is None:
            return process()
        self.faulty = seen.json["client_order_id"]
        return fault(request, process)

    @property
    def resting(self) -> int:
        """How many orders rest at the exchange."""
        return len(self.exchange.open.get(SYMBOL, {}))


class Desk:
    """One symbol that quotes at the venue, and what its journal holds."""

    def __init__(self, side: TradingSide, venue: Venue, records: Records) -> None:
        self.side = side
        self.venue = venue
        self.records = records

    @property
    def symbol(self) -> Symbol:
        return self.side.worker(SYMBOL).engine.symbol

    @property
    def reason(self) -> KillReason | None:
        return self.symbol.kill.trigger.reason if self.symbol.kill is not None else None

    async def rests(self) -> None:
        """Both orders are in the market, and the engine knows it."""
        await until(
            lambda: (
                [order.status for order in self.symbol.orders] == 2 * [OrderStatus.OPEN]
                and self.venue.resting == 2
            )
        )

    async def halted(self, *reasons: KillReason) -> None:
        await until(lambda: self.symbol.state is State.HALTED)
        assert self.reason in reasons

    async def gone(self) -> None:
        """Everything is out of the market, by the exchange's word, and a reset leads back."""
        await until(lambda: self.side.worker(SYMBOL).engine.is_clear)
        assert self.venue.resting == 0
        assert (await self.side.ask(SYMBOL, Cause.RESET)).problems == ()
        await self.side.journal.drain()

    def hear(self, cancelled: list[tuple[str, str]]) -> None:
        """The matching engine's stream."""
        for symbol, name in cancelled:
            now_ns = time.monotonic_ns()
            self.side.tell(symbol, OrderEvent(now_ns, OrderEventKind.CANCELED, f"x{name}", name, "", 0))


@asynccontextmanager
async def quoting(
    venue: Venue, limits: EngineLimits = PATIENT, config: SymbolConfig = CONFIG
) -> AsyncIterator[Desk]:
    """A symbol that has just been enabled: its first two orders are on their way."""
    records, loop = Records(), asyncio.get_running_loop()
    async with trading_side(venue.server.url, config, limits, store=records) as side:
        desk = Desk(side, venue, records)
        venue.hear = lambda cancelled: loop.call_soon_threadsafe(desk.hear, cancelled)
        side.start(SYMBOL)
        await side.activate(SYMBOL)
        try:
            yield desk
        finally:
            venue.hear = _nobody_hears
            venue.server.release()


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
