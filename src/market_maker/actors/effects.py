"""Carries out what an engine decides: requests to the Order Service, each on its way at once.

The answer comes back into the symbol's mailbox as an event. A new order passes a gate at the moment at
which its first byte would leave: the engine may have left ACTIVE since it decided.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, Protocol

from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Tenure
from market_maker.clients.http_call import Gate
from market_maker.clients.under_way import UnderWay
from market_maker.core.commands import (
    CancelAll,
    CancelOrder,
    PlaceOrder,
    QueryOpenOrders,
    QueryOrder,
    Request,
)
from market_maker.core.events import (
    Answer,
    CancelAllAnswer,
    CancelAnswer,
    OpenOrdersAnswer,
    PlaceAnswer,
    QueryAnswer,
    RequestOutcome,
)
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.telemetry.stages import StageStep
from market_maker.telemetry.tracing import OrderSpan, Tracing

Deliver = Callable[[Answer], None]
Placed = Callable[[PlaceOrder, PlaceAnswer, StageStep, int | None], None]
"""Told of each placement's first answer, its step and when it left (monotonic ns), for the metrics."""

_NAMES: Final[dict[type[Request], str]] = {
    PlaceOrder: "place order",
    CancelOrder: "cancel order",
    CancelAll: "cancel all",
    QueryOrder: "query order",
    QueryOpenOrders: "list open orders",
}
"""Names of the requests' spans and tasks."""


class OrderGateway(Protocol):
    """The Order Service as the effects see it.

    Every method answers within the response timeout, if need be with an uncertain outcome; an answer
    that comes later is delivered through `late`. None raises for what an exchange may answer. What
    changes the market leaves in the call itself where it can. `trace` is the W3C traceparent to send along.
    """

    def place(
        self, order: CheckedOrder, trace: str | None, gate: Gate, late: Deliver
    ) -> UnderWay[PlaceAnswer]:
        """Send a new order; NOT_SENT when `gate` did not let it pass."""

    def cancel(
        self, client_order_id: str, order_id: str, late: Deliver, trace: str | None = None
    ) -> UnderWay[CancelAnswer]:
        """Cancel one order, on the cancels' own connections."""

    def cancel_all(self, symbol: str, late: Deliver, trace: str | None = None) -> UnderWay[CancelAllAnswer]:
        """Cancel all orders of the account in a symbol, on the cancels' own connections."""

    async def query(self, client_order_id: str, trace: str | None = None) -> QueryAnswer:
        """Ask for one order."""

    async def open_orders(self, symbol: str, trace: str | None = None) -> OpenOrdersAnswer:
        """Ask for all open orders of the account in a symbol."""


class Effects:
    """Requests of one symbol on their way."""

    def __init__(
        self,
        symbol: str,
        gateway: OrderGateway,
        tasks: TaskGroup,
        deliver: Deliver,
        gate: Gate,
        tenure: Tenure,
        tracing: Tracing,
        placed: Placed,
        is_own: Callable[[str], bool],
    ) -> None:
        """`placed` is told of each placement's first answer, its step and when it left, for the metrics.

        `is_own` tells by its client order id whether an order is this actor's own.
        """
        self._symbol = symbol
        self._gateway = gateway
        self._tasks = tasks
        self._deliver = deliver
        self._gate = gate
        self._tenure = tenure
        self._tracing = tracing
        self._placed = placed
        self._is_own = is_own

    def execute(self, request: Request, step: StageStep, trace: str | None = None) -> None:
        """Start a request; returns at once, and never raises: a defect of the client is an uncertain answer.

        `step` decided it. `trace` is the context of the event that led to it; an order brings its own.
        """
        cause = request.trace if isinstance(request, PlaceOrder) else trace
        span = self._tracing.order_span(_NAMES[type(request)], cause, self._attributes(request))
        try:
            if isinstance(request, PlaceOrder) or self._tenure.lets_go(
                hits_only_our_own=self._hits_only_our_own(request)
            ):
                answering = self._start(request, span.traceparent)
            else:
                answering = self._held(request, span.traceparent)
        except Exception as error:  # noqa: BLE001 -- whatever the client raises, the request is answered
            self._failed(request, span, error)
            return
        if isinstance(answering, UnderWay):
            answering.then(
                lambda answer: self._answered(request, span, answer, step, answering.left_ns),
                lambda error: self._failed(request, span, error),
            )
        else:
            self._tasks.start(self._name(request), self._awaited(request, answering, span, step))

    def _hits_only_our_own(self, request: Request) -> bool:
        return isinstance(request, CancelOrder) and self._is_own(request.client_order_id)

    def _start(self, request: Request, trace: str | None) -> Awaitable[Answer]:
        symbol, gateway, late = self._symbol, self._gateway, self._deliver
        match request:
            case PlaceOrder():
                return gateway.place(request.order, trace, self._gate, late)
            case CancelOrder():
                return gateway.cancel(request.client_order_id, request.order_id, late, trace)
            case CancelAll():
                return gateway.cancel_all(symbol, late, trace)
            case QueryOrder():
                return gateway.query(request.client_order_id, trace)
            case QueryOpenOrders():
                return gateway.open_orders(symbol, trace)

    async def _held(self, request: Request, trace: str | None) -> Answer:
        """The same once it is clear that nobody else owns the symbol."""
        if await self._tenure.may_ask():
            return await self._start(request, trace)
        return _uncertain(request, "withheld: the symbol is not this instance's any more")

    async def _awaited(
        self, request: Request, answering: Awaitable[Answer], span: OrderSpan, step: StageStep
    ) -> None:
        try:
            answer = await answering
        except Exception as error:  # noqa: BLE001 -- whatever the client raises, the request is answered
            self._failed(request, span, error)
        else:
            self._answered(request, span, answer, step, None)

    def _answered(
        self,
        request: Request,
        span: OrderSpan,
        answer: Answer,
        step: StageStep,
        left_ns: int | None,
    ) -> None:
        self._deliver(answer)
        try:
            span.end(answer.outcome.value, failed=answer.outcome is not RequestOutcome.OK)
            if isinstance(request, PlaceOrder) and isinstance(answer, PlaceAnswer):
                self._placed(request, answer, step, left_ns)
        except Exception as error:  # noqa: BLE001 -- raised again where it is reported
            self._tasks.start(self._name(request), _raising(error))

    def _failed(self, request: Request, span: OrderSpan, error: Exception) -> None:
        self._deliver(_uncertain(request, f"{type(error).__name__}: {error}"))
        span.end(RequestOutcome.UNCERTAIN.value, failed=True)
        self._tasks.start(self._name(request), _raising(error))

    def _name(self, request: Request) -> str:
        return f"{_NAMES[type(request)]} {self._symbol}"

    def _attributes(self, request: Request) -> dict[str, str]:
        match request:
            case PlaceOrder():
                return {"mm.symbol": self._symbol, "mm.client_order_id": request.order.client_order_id}
            case CancelOrder() | QueryOrder():
                return {"mm.symbol": self._symbol, "mm.client_order_id": request.client_order_id}
            case _:
                return {"mm.symbol": self._symbol}


async def _raising(error: Exception) -> NoReturn:
    """A task of the group that fails: the answer is handled before its failure is."""
    raise error


def _uncertain(request: Request, detail: str) -> Answer:
    """The answer to a request that failed on our own side: it may have reached the exchange, and is over."""
    now_ns = time.monotonic_ns()
    match request:
        case PlaceOrder():
            return PlaceAnswer(now_ns, request.order.client_order_id, RequestOutcome.UNCERTAIN, detail=detail)
        case CancelOrder():
            return CancelAnswer(now_ns, request.client_order_id, RequestOutcome.UNCERTAIN, detail)
        case CancelAll():
            return CancelAllAnswer(now_ns, RequestOutcome.UNCERTAIN, detail=detail)
        case QueryOrder():
            return QueryAnswer(
                now_ns, now_ns, request.client_order_id, RequestOutcome.UNCERTAIN, detail=detail
            )
        case QueryOpenOrders():
            return OpenOrdersAnswer(now_ns, now_ns, RequestOutcome.UNCERTAIN, detail=detail)
