"""The Order Service's client: three lanes, so that slow placements hold up no cancel.

Nor do cancels of single orders, however many, hold up those of everything.

A fourth one is for the list of open orders, which proves that none is left and names no request that it
answers: each list is asked for on a connection of its own.

Every method gives an event of the core and raises for nothing that an exchange can do. Orders and cancels
leave in the very call that asks for them when their lane has a connection free, awaited or not. An answer
with `ended` false is followed, within the lane's long limit, by an answer of the same kind through
`late`: the request's real end.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import ceil
from ssl import SSLContext
from typing import Final, NoReturn, Protocol, TypeVar
from urllib.parse import quote, urlencode

from market_maker.clients import order_contract as contract
from market_maker.clients.connection import Broken, HttpReply
from market_maker.clients.http_call import End, Gate, Lateness, Request, Result, Sent
from market_maker.clients.http_lane import HttpLane, StallClock
from market_maker.clients.order_answers import (
    cancel_all_answer,
    cancel_answer,
    late_end,
    lateness_detail,
    place_answer,
)
from market_maker.clients.order_contract import Account, Meaning
from market_maker.clients.under_way import UnderWay
from market_maker.core.events import (
    CancelAllAnswer,
    CancelAnswer,
    ExchangeOrder,
    OpenOrdersAnswer,
    PlaceAnswer,
    QueryAnswer,
    RequestOutcome,
)
from market_maker.core.orders.checked_order import CheckedOrder

QUESTION_TIMEOUT_NS: Final = 2_000_000_000
"""Patience for questions. They are asked when something is unclear already, and an exchange that
takes longer than the response timeout must still be able to prove that nothing is open."""
PAGE_ORDERS: Final = 200
PAGES_MAX: Final = 100
WARM_AT_ONCE: Final = 4
"""Connections that each lane has at least, and that are used at a time to keep all of them warm."""
WARM_EVERY_S: Final = 3.0
WARM_ROUNDS: Final = 100
"""After so many, and no more than twice as many, what a lane once needed is no longer kept for it."""
_LATENESS: Final = {Lateness.TIMEOUT: RequestOutcome.TIMEOUT, Lateness.STALLED: RequestOutcome.STALLED}

Deliver = Callable[[PlaceAnswer | CancelAnswer | CancelAllAnswer], None]
T = TypeVar("T", PlaceAnswer, CancelAnswer, CancelAllAnswer)
T_co = TypeVar("T_co", PlaceAnswer, CancelAnswer, CancelAllAnswer, covariant=True)


class _Make(Protocol[T_co]):
    """Makes the core's event of an answer."""

    def __call__(self, answer: Meaning, *, ended: bool = True, late: bool = False) -> T_co:
        """`ended`: nothing follows; `late`: its lateness was told before."""


@dataclass(frozen=True, slots=True)
class RequestReport:
    """One request as it went, for metrics; its late end makes no second report."""

    request: str
    """place, cancel, cancel_all, query or open_orders (one report for each page)."""
    outcome: RequestOutcome
    latency_ns: int
    stalled_ns: int
    began_ns: int | None
    """Monotonic time at which it left; None when it never did."""
    symbol: str
    """Of a request about a whole symbol (cancel_all, open_orders); else empty."""
    server_ns: int | None = None
    """What the exchange says that it took itself."""


class OrderServiceClient:
    """Places, cancels and asks. Make and use it on its event loop; `close` it in the end.

    `on_report` gets one report per request, at the moment of its first answer. `tls` is what an https
    server is checked with; None: the system's authorities.
    """

    def __init__(
        self,
        url: str,
        account: Account,
        stalls: StallClock,
        *,
        response_timeout_ns: int,
        on_report: Callable[[RequestReport], None],
        token: str | None = None,
        tls: SSLContext | None = None,
        limit_s: float = 10.0,
    ) -> None:
        headers = {"User-Agent": "market-maker", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"

        def lane(*, keeps_connections: bool = True) -> HttpLane:
            return HttpLane(
                url, headers, stalls, limit_s=limit_s, keeps_connections=keeps_connections, tls=tls
            )

        self._orders_lane, self._cancels_lane, self._cancel_alls_lane = lane(), lane(), lane()
        self._lists_lane = lane(keeps_connections=False)
        self._account = account
        self._timeout_ns = response_timeout_ns
        self._on_report = on_report

    @property
    def lanes(self) -> tuple[HttpLane, HttpLane, HttpLane]:
        """The lanes that keep connections: of placements and questions, of cancels, and of cancel-alls."""
        return self._orders_lane, self._cancels_lane, self._cancel_alls_lane

    def place(
        self, order: CheckedOrder, trace: str | None, gate: Gate, late: Deliver
    ) -> UnderWay[PlaceAnswer]:
        """Send a new order, unless `gate` shuts before its first byte has left: then NOT_SENT.

        `trace`, here and below, is the W3C traceparent to send along.
        """
        client_order_id = order.client_order_id
        body = contract.placement(order, self._account)
        return self._ask(
            "place",
            self._orders_lane,
            Request("POST", "/v1/orders", body, gate, trace),
            lambda reply: contract.read_placement(reply, client_order_id),
            partial(place_answer, client_order_id=client_order_id),
            late,
        )

    def cancel(
        self, client_order_id: str, order_id: str, late: Deliver, trace: str | None = None
    ) -> UnderWay[CancelAnswer]:
        """Cancel one order. NOT_FOUND: there was nothing to cancel; it may have filled."""
        return self._ask(
            "cancel",
            self._cancels_lane,
            Request("DELETE", f"/v1/orders/{quote(order_id, safe='')}", trace=trace),
            lambda reply: contract.read_cancel(reply, order_id),
            partial(cancel_answer, client_order_id=client_order_id),
            late,
        )

    def cancel_all(self, symbol: str, late: Deliver, trace: str | None = None) -> UnderWay[CancelAllAnswer]:
        """Cancel every order of our account in the symbol."""
        target = _orders(("account_id", self._account.account_id), ("symbol", symbol))
        return self._ask(
            "cancel_all",
            self._cancel_alls_lane,
            Request("DELETE", target, trace=trace),
            contract.read_cancel_all,
            cancel_all_answer,
            late,
            symbol,
        )

    async def query(self, client_order_id: str, trace: str | None = None) -> QueryAnswer:
        """Ask what became of an order."""
        target = f"/v1/orders/by-client-order-id/{quote(client_order_id, safe='')}"
        asked_at_ns = time.monotonic_ns()
        sent = await self._orders_lane.send(Request("GET", target, trace=trace), QUESTION_TIMEOUT_NS, _forget)
        answer = self._read("query", sent, lambda reply: contract.read_query(reply, client_order_id))
        return QueryAnswer(
            time.monotonic_ns(),
            asked_at_ns,
            client_order_id,
            answer.outcome,
            answer.order,
            answer.detail,
            answer.retry_after_ns,
        )

    async def open_orders(self, symbol: str, trace: str | None = None) -> OpenOrdersAnswer:
        """All open orders of our account in the symbol: the complete list, or an outcome other than OK."""
        asked_at_ns = time.monotonic_ns()
        answer, orders = await self._every_page(symbol, trace)
        return OpenOrdersAnswer(
            time.monotonic_ns(), asked_at_ns, answer.outcome, orders, answer.detail, answer.retry_after_ns
        )

    async def health(self) -> str | None:
        """Why the Order Service does not answer; None when it does, with whatever is below 500."""
        return await self._touch(self._orders_lane)

    async def warm(self, at_once: int = WARM_AT_ONCE, within_s: float = 0.0) -> str | None:
        """Use as many connections of each lane as it has needed at once, and at least `at_once`.

        An order should not pay for a handshake. `within_s`: the time over which that is spread. As `health`.
        """
        touched = await asyncio.gather(*(self._warm(lane, at_once, within_s) for lane in self.lanes))
        return next(filter(None, touched), None)

    async def keep_warm(self, every_s: float = WARM_EVERY_S) -> NoReturn:
        """Warm the connections again and again, so that the exchange does not close them as idle."""
        for warmed in count(1):
            began_s = time.monotonic()
            await self.warm(within_s=every_s)
            await asyncio.sleep(began_s + every_s - time.monotonic())
            if warmed % WARM_ROUNDS == 0:
                for lane in self.lanes:
                    lane.tide()
        raise AssertionError("counting has no end")

    async def close(self) -> None:
        """Give up what is under way, without further answers, and close all connections."""
        await asyncio.gather(*(lane.close() for lane in (*self.lanes, self._lists_lane)))

    async def _warm(self, lane: HttpLane, at_once: int, within_s: float) -> str | None:
        """A few at a time, so that no order waits for all of them; all at once when some have to be made."""
        wanted = max(at_once, lane.high_water)
        if lane.standing < wanted:
            at_once = wanted
        turns = ceil(wanted / at_once)
        for turn in range(turns):
            if turn:
                await asyncio.sleep(within_s / turns)
            touched = await asyncio.gather(*(self._touch(lane) for _ in range(at_once)))
            if failure := next(filter(None, touched), None):
                return failure
        return None

    async def _touch(self, lane: HttpLane) -> str | None:
        result = (await lane.touch(Request("GET", "/health"), QUESTION_TIMEOUT_NS)).result
        if isinstance(result, HttpReply):
            return None if result.status < 500 else f"answered {result.status}"
        return result.detail if isinstance(result, Broken) else "no answer in time"

    async def _every_page(self, symbol: str, trace: str | None) -> tuple[Meaning, tuple[ExchangeOrder, ...]]:
        orders: dict[str, ExchangeOrder] = {}
        cursors: set[str] = set()
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._page(symbol, cursor, trace)
            if isinstance(page, Meaning):
                return page, ()
            orders.update((order.order_id, order) for order in page.orders if not order.status.is_final)
            cursor = page.cursor
            if cursor is None:
                return Meaning(RequestOutcome.OK), tuple(orders.values())
            if cursor in cursors:
                return Meaning(RequestOutcome.UNCERTAIN, detail=f"next_cursor: {cursor!r} repeats itself"), ()
            cursors.add(cursor)
        return Meaning(RequestOutcome.UNCERTAIN, detail=f"next_cursor: no end after {PAGES_MAX} pages"), ()

    async def _page(self, symbol: str, cursor: str | None, trace: str | None) -> contract.Page | Meaning:
        parameters = [
            ("account_id", self._account.account_id),
            ("symbol", symbol),
            ("status", "open"),
            ("limit", str(PAGE_ORDERS)),
        ]
        if cursor is not None:
            parameters.append(("cursor", cursor))
        request = Request("GET", _orders(*parameters), trace=trace)
        sent = await self._lists_lane.send(request, QUESTION_TIMEOUT_NS, _forget)
        page: contract.Page | None = None

        def read(reply: Result) -> Meaning:
            nonlocal page
            answer, page = contract.read_page(reply, symbol)
            return answer

        answer = self._read("open_orders", sent, read, symbol)
        return answer if page is None else page

    def _ask(
        self,
        name: str,
        lane: HttpLane,
        request: Request,
        read: Callable[[Result], Meaning],
        make: "_Make[T]",
        late: Deliver,
        symbol: str = "",
    ) -> UnderWay[T]:
        """Send what changes the market; `make` turns what an answer means into the core's event."""

        def ended(end: End) -> None:
            late(make(late_end(end, read), late=True))

        def answered(sent: Sent) -> None:
            under_way.left_ns = sent.began_ns
            try:
                answer = make(self._read(name, sent, read, symbol), ended=_is_over(sent))
            except Exception as error:  # noqa: BLE001 -- a defect must reach whoever waits, not the connection
                under_way.fail(error)
            else:
                under_way.settle(answer)

        sending = lane.send(request, self._timeout_ns, ended)
        under_way: UnderWay[T] = UnderWay(sending.abandon)
        sending.then(answered, under_way.fail, under_way.drop)
        return under_way

    def _read(self, request: str, sent: Sent, read: Callable[[Result], Meaning], symbol: str = "") -> Meaning:
        if isinstance(sent.result, Lateness):
            answer = Meaning(_LATENESS[sent.result], detail=lateness_detail(sent))
        else:
            answer = read(sent.result)
        if answer.outcome is RequestOutcome.NOT_SENT:
            return answer
        timing = sent.result.server_timing if isinstance(sent.result, HttpReply) else None
        server_ns = None if timing is None else contract.server_ns(timing)
        self._on_report(
            RequestReport(
                request, answer.outcome, sent.latency_ns, sent.stalled_ns, sent.began_ns, symbol, server_ns
            )
        )
        return answer


def _orders(*parameters: tuple[str, str]) -> str:
    return f"/v1/orders?{urlencode(parameters)}"


def _is_over(sent: Sent) -> bool:
    """Whether no answer can follow."""
    return not isinstance(sent.result, Lateness)


def _forget(_end: End) -> None:
    """A question that was answered too late is asked again; its late answer is of no use."""
