"""Carries out what an engine decides: requests to the Order Service, each as its own task.

The answer comes back into the symbol's mailbox as an event. A new order is checked once more at the
point of sending: the engine may have left ACTIVE since it decided.
"""

from collections.abc import Callable
from typing import Protocol

from market_maker.actors.tasks import TaskGroup
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
from market_maker.telemetry.tracing import Tracing

Answer = PlaceAnswer | CancelAnswer | CancelAllAnswer | QueryAnswer | OpenOrdersAnswer
Deliver = Callable[[Answer], None]


class OrderGateway(Protocol):
    """The Order Service as the effects see it.

    Every method answers within the response timeout, if need be with an uncertain outcome; an answer
    that comes later is delivered through `late`. None raises for what an exchange may answer.
    """

    async def place(self, order: CheckedOrder, trace: str | None, late: Deliver) -> PlaceAnswer:
        """Send a new order."""

    async def cancel(self, client_order_id: str, order_id: str, late: Deliver) -> CancelAnswer:
        """Cancel one order, on the cancels' own connections."""

    async def cancel_all(self, symbol: str, late: Deliver) -> CancelAllAnswer:
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
        may_send: Callable[[], bool],
        clock_ns: Callable[[], int],
        tracing: Tracing,
        placed: Callable[[PlaceOrder, PlaceAnswer], None],
    ) -> None:
        """`placed` is told of each placement's first answer, for the latency metrics."""
        self._symbol = symbol
        self._gateway = gateway
        self._tasks = tasks
        self._deliver = deliver
        self._may_send = may_send
        self._clock_ns = clock_ns
        self._tracing = tracing
        self._placed = placed

    def execute(self, request: Request) -> None:
        """Start a request; returns at once."""
        match request:
            case PlaceOrder():
                self._tasks.start(f"place {self._symbol}", self._place(request))
            case CancelOrder():
                self._tasks.start(f"cancel {self._symbol}", self._cancel(request))
            case CancelAll():
                self._tasks.start(f"cancel all {self._symbol}", self._cancel_all())
            case QueryOrder():
                self._tasks.start(f"query {self._symbol}", self._query(request))
            case QueryOpenOrders():
                self._tasks.start(f"open orders {self._symbol}", self._open_orders())

    async def _place(self, command: PlaceOrder) -> None:
        order = command.order
        if not self._may_send():
            self._deliver(PlaceAnswer(self._clock_ns(), order.client_order_id, Outcome.NOT_SENT))
            return
        attributes = {"mm.symbol": order.symbol, "mm.client_order_id": order.client_order_id}
        span = self._tracing.order_span("place order", command.trace, attributes)
        answer = await self._gateway.place(order, span.traceparent, self._deliver)
        span.end(answer.outcome.value, failed=answer.outcome is not Outcome.OK)
        self._placed(command, answer)
        self._deliver(answer)

    async def _cancel(self, command: CancelOrder) -> None:
        self._deliver(await self._gateway.cancel(command.client_order_id, command.order_id, self._deliver))

    async def _cancel_all(self) -> None:
        self._deliver(await self._gateway.cancel_all(self._symbol, self._deliver))

    async def _query(self, command: QueryOrder) -> None:
        self._deliver(await self._gateway.query(command.client_order_id))

    async def _open_orders(self) -> None:
        self._deliver(await self._gateway.open_orders(self._symbol))
