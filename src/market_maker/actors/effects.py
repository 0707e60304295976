"""Carries out what an engine decides: requests to the Order Service, each on its way at once.

The answer comes back into the symbol's mailbox as an event. A new order passes a gate at the moment at
which its first byte would leave: the engine may have left ACTIVE since it decided.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from market_maker.actors.tasks import TaskGroup
from market_maker.clients.departure import Gate
from market_maker.core.commands import (
    CancelAll,
    CancelOrder,
    PlaceOrder,
    QueryOpenOrders,
    QueryOrder,
    Request,
)
from market_maker.core.events import (
    CancelAllAnswer,
    CancelAnswer,
    OpenOrdersAnswer,
    Outcome,
    PlaceAnswer,
    QueryAnswer,
)
from market_maker.core.risk import CheckedOrder
from market_maker.telemetry.tracing import OrderSpan, Tracing

Answer = PlaceAnswer | CancelAnswer | CancelAllAnswer | QueryAnswer | OpenOrdersAnswer
Deliver = Callable[[Answer], None]


class OrderGateway(Protocol):
    """The Order Service as the effects see it.

    Every method answers within the response timeout, if need be with an uncertain outcome; an answer
    that comes later is delivered through `late`. None raises for what an exchange may answer. What
    changes the market is under way when the method returns; only its answer has to be awaited.
    """

    def place(
        self, order: CheckedOrder, trace: str | None, gate: Gate, late: Deliver
    ) -> Awaitable[PlaceAnswer]:
        """Send a new order; NOT_SENT when `gate` did not let it pass."""

    def cancel(self, client_order_id: str, order_id: str, late: Deliver) -> Awaitable[CancelAnswer]:
        """Cancel one order, on the cancels' own connections."""

    def cancel_all(self, symbol: str, late: Deliver) -> Awaitable[CancelAllAnswer]:
        """Cancel all orders of the account in a symbol, on the cancels' own connections."""

    async def query(self, client_order_id: str) -> QueryAnswer:
        """Ask for one order."""

    async def open_orders(self, symbol: str) -> OpenOrdersAnswer:
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
        tracing: Tracing,
        placed: Callable[[PlaceOrder, PlaceAnswer], None],
    ) -> None:
        """`placed` is told of each placement's first answer, for the latency metrics."""
        self._symbol = symbol
        self._gateway = gateway
        self._tasks = tasks
        self._deliver = deliver
        self._gate = gate
        self._tracing = tracing
        self._placed = placed

    def execute(self, request: Request) -> None:
        """Start a request; returns at once."""
        symbol, gateway, deliver = self._symbol, self._gateway, self._deliver
        match request:
            case PlaceOrder():
                self._place(request)
            case CancelOrder():
                answer = gateway.cancel(request.client_order_id, request.order_id, deliver)
                self._tasks.start(f"cancel {symbol}", self._answered(answer))
            case CancelAll():
                self._tasks.start(f"cancel all {symbol}", self._answered(gateway.cancel_all(symbol, deliver)))
            case QueryOrder():
                self._tasks.start(f"query {symbol}", self._query(request))
            case QueryOpenOrders():
                self._tasks.start(f"open orders {symbol}", self._open_orders())

    def _place(self, command: PlaceOrder) -> None:
        order = command.order
        attributes = {"mm.symbol": order.symbol, "mm.client_order_id": order.client_order_id}
        span = self._tracing.order_span("place order", command.trace, attributes)
        answer = self._gateway.place(order, span.traceparent, self._gate, self._deliver)
        self._tasks.start(f"place {self._symbol}", self._placement(command, answer, span))

    async def _placement(
        self, command: PlaceOrder, answering: Awaitable[PlaceAnswer], span: OrderSpan
    ) -> None:
        answer = await answering
        span.end(answer.outcome.value, failed=answer.outcome is not Outcome.OK)
        self._placed(command, answer)
        self._deliver(answer)

    async def _answered(self, answering: Awaitable[CancelAnswer | CancelAllAnswer]) -> None:
        self._deliver(await answering)

    async def _query(self, command: QueryOrder) -> None:
        self._deliver(await self._gateway.query(command.client_order_id))

    async def _open_orders(self) -> None:
        self._deliver(await self._gateway.open_orders(self._symbol))
