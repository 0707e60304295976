"""What becomes of a request: its trace goes along, and even a defect of the client is an answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from lab.order_client import ACCEPTED, make_client
from lab.order_server import OpenGate, OrderServer, answer, checked_order, until
from market_maker.actors.effects import Effects
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Lease, Tenure
from market_maker.clients.http_lane import HttpLane
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core import commands as cmd
from market_maker.core.events import (
    Answer,
    CancelAllAnswer,
    CancelAnswer,
    OpenOrdersAnswer,
    PlaceAnswer,
    QueryAnswer,
    RequestOutcome,
)
from market_maker.telemetry.stages import StageStep
from market_maker.telemetry.tracing import NoTracing

OF_EVENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OF_ORDER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
STEP = StageStep(1, 2, 3)
PLACE = cmd.PlaceOrder(checked_order("c-1"), 1, OF_ORDER)
OTHERS: tuple[cmd.Request, ...] = (
    cmd.CancelOrder("c-1", "x-1"),
    cmd.CancelAll(),
    cmd.QueryOrder("c-1"),
    cmd.QueryOpenOrders(),
)
ANSWERS: dict[type[cmd.Request], type[Answer]] = {
    cmd.PlaceOrder: PlaceAnswer,
    cmd.CancelOrder: CancelAnswer,
    cmd.CancelAll: CancelAllAnswer,
    cmd.QueryOrder: QueryAnswer,
    cmd.QueryOpenOrders: OpenOrdersAnswer,
}


class Side:
    """The requests of one symbol, and what they came to."""

    def __init__(self, client: OrderServiceClient, tenure: Tenure | None = None) -> None:
        self.answers: list[Answer] = []
        self.placed: list[tuple[PlaceAnswer, int | None]] = []
        self.failures: list[str] = []
        self.tasks = TaskGroup(lambda _, error: self.failures.append(repr(error)))
        self.tenure = tenure or Tenure(None, None)
        self.effects = Effects(
            "BTC-USDT",
            client,
            self.tasks,
            self.answers.append,
            OpenGate(),
            self.tenure,
            NoTracing(),
            lambda _request, placed, _step, left_ns: self.placed.append((placed, left_ns)),
            lambda client_order_id: client_order_id.startswith("c-"),
        )

    async def ask(self, request: cmd.Request, trace: str | None = None) -> Answer:
        """Execute one request and return its only answer."""
        self.effects.execute(request, STEP, trace)
        await until(lambda: bool(self.answers))
        async with asyncio.timeout(10):
            await self.tasks.finished()
        await asyncio.sleep(0)
        [got] = self.answers
        self.answers.clear()
        return got


@pytest.fixture
def server() -> Iterator[OrderServer]:
    with OrderServer(answer(200, {**ACCEPTED, "cancelled": 0, "orders": []})) as made:
        yield made


@asynccontextmanager
async def using(
    server: OrderServer, tenure: Tenure | None = None
) -> AsyncIterator[tuple[Side, OrderServiceClient]]:
    client = make_client(server.url, [])
    try:
        yield Side(client, tenure), client
    finally:
        await client.close()


# --- traces ------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", OTHERS, ids=lambda request: type(request).__name__)
async def test_what_an_event_asks_for_carries_the_trace_of_that_event(
    server: OrderServer, request_: cmd.Request
) -> None:
    async with using(server) as (side, _):
        await side.ask(request_, OF_EVENT)
        assert [seen.headers["traceparent"] for seen in server.requests] == [OF_EVENT]


@pytest.mark.parametrize("request_", OTHERS, ids=lambda request: type(request).__name__)
async def test_what_no_event_with_a_trace_asks_for_carries_none(
    server: OrderServer, request_: cmd.Request
) -> None:
    async with using(server) as (side, _):
        await side.ask(request_)
        assert ["traceparent" in seen.headers for seen in server.requests] == [False]


async def test_an_order_carries_the_trace_of_the_market_data_that_it_was_made_from(
    server: OrderServer,
) -> None:
    async with using(server) as (side, _):
        await side.ask(PLACE, OF_EVENT)
        assert [seen.headers["traceparent"] for seen in server.requests] == [OF_ORDER]
        assert [placed.outcome for placed, _ in side.placed] == [RequestOutcome.OK]


# --- defects of our own ------------------------------------------------------------------------


def defect(*_: object, **__: object) -> None:
    raise KeyError("a defect")


def its_own_report(report: RequestReport) -> None:
    raise KeyError(f"a defect at {report.request}")


@pytest.mark.parametrize("request_", [PLACE, *OTHERS], ids=lambda request: type(request).__name__)
@pytest.mark.parametrize("when", ["before it leaves", "when it is answered"])
async def test_a_request_that_raises_is_answered_as_uncertain_and_reported(
    server: OrderServer, monkeypatch: pytest.MonkeyPatch, request_: cmd.Request, when: str
) -> None:
    async with using(server) as (side, client):
        if when == "before it leaves":
            monkeypatch.setattr(HttpLane, "send", defect)
        else:
            monkeypatch.setattr(client, "_on_report", its_own_report)
        got = await side.ask(request_)
        assert type(got) is ANSWERS[type(request_)]
        assert got.outcome is RequestOutcome.UNCERTAIN
        assert "KeyError" in got.detail
        assert getattr(got, "client_order_id", "c-1") == "c-1"
        assert getattr(got, "ended", True)
        assert len(side.failures) == 1
        monkeypatch.undo()


async def test_an_answer_arrives_even_when_noting_its_latency_raises(server: OrderServer) -> None:
    async with using(server) as (side, _):
        side.effects._placed = defect
        got = await side.ask(PLACE)
        assert (got.outcome, len(side.failures)) == (RequestOutcome.OK, 1)


# --- whose symbol it is ------------------------------------------------------------------------


ADOPTED = cmd.CancelOrder("somebodys-1", "x-1")
MAY_HIT_OTHERS = (ADOPTED, *OTHERS[1:])


def name_of(request: object) -> str:
    return type(request).__name__


@pytest.mark.parametrize("request_", [ADOPTED, *OTHERS], ids=name_of)
async def test_nothing_leaves_for_a_symbol_of_somebody_else_and_nothing_is_tried_again(
    server: OrderServer, request_: cmd.Request
) -> None:
    tenure = Tenure(None, 1)
    async with using(server, tenure) as (side, _):
        tenure.end()
        side.effects.execute(request_, STEP)
        await turns()
        assert (side.answers, server.requests) == ([], [])
        tenure.close()
        async with asyncio.timeout(10):
            await side.tasks.finished()
        [answered] = side.answers
        assert (answered.outcome, server.requests) == (RequestOutcome.UNCERTAIN, [])
        assert "not this instance's" in answered.detail


async def test_what_waited_for_a_symbol_that_comes_back_leaves_then(server: OrderServer) -> None:
    tenure = Tenure(None, 1)
    async with using(server, tenure) as (side, _):
        tenure.end()
        side.effects.execute(cmd.CancelAll(), STEP)
        tenure.renew(2)
        async with asyncio.timeout(10):
            await side.tasks.finished()
        assert [seen.method for seen in server.requests] == ["DELETE"]
        assert [answered.outcome for answered in side.answers] == [RequestOutcome.OK]


async def test_the_cancel_of_an_order_of_our_own_leaves_whatever_the_lease_says(server: OrderServer) -> None:
    tenure = Tenure(Lease(time.monotonic_ns, 3_000_000_000), 1)
    assert not tenure.is_current
    async with using(server, tenure) as (side, _):
        answered = await side.ask(cmd.CancelOrder("c-1", "x-1"))
        assert answered.outcome is RequestOutcome.OK
        assert [seen.path for seen in server.requests] == ["/v1/orders/x-1"]


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("request_", MAY_HIT_OTHERS, ids=name_of)
async def test_after_a_standstill_what_may_hit_others_waits_for_the_word_whose_the_symbol_is(
    server: OrderServer, request_: cmd.Request, lost: bool
) -> None:
    lease = Lease(time.monotonic_ns, 3_000_000_000)
    tenure = Tenure(lease, 1)
    async with using(server, tenure) as (side, _):
        side.effects.execute(request_, STEP)
        await turns()
        assert server.requests == []
        if lost:
            tenure.close()
        lease.renewed(time.monotonic_ns())
        async with asyncio.timeout(10):
            await side.tasks.finished()
        assert len(server.requests) == (0 if lost else 1)
        assert ["not this instance's" in answer.detail for answer in side.answers] == [lost]


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
