"""An exchange in memory that keeps nothing but what rests, so that what grows is the service's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final, TypeVar

from market_maker.actors.effects import Deliver
from market_maker.clients.http_call import Gate
from market_maker.clients.under_way import UnderWay
from market_maker.core.events import (
    CancelAllAnswer,
    CancelAnswer,
    ExchangeOrder,
    ExchangeStatus,
    Execution,
    OpenOrdersAnswer,
    OrderEvent,
    OrderEventKind,
    PlaceAnswer,
    QueryAnswer,
    RequestOutcome,
)
from market_maker.core.orders.checked_order import CheckedOrder

ANSWER_S: Final = 0.001
FEE_SHARE: Final = Decimal("0.0001")
T = TypeVar("T")
Tell = Callable[[str, Execution | OrderEvent], None]


@dataclass(slots=True)
class Resting:
    """An order of ours."""

    order_id: str
    order: CheckedOrder
    left: Decimal


class MemoryExchange:
    """The Order Service as the effects see it, and fills."""

    def __init__(self, clock_ns: Callable[[], int], tell: Tell) -> None:
        """`tell` gets what `engine.event.v1` carries, by symbol."""
        self._clock_ns = clock_ns
        self._tell = tell
        self._random = Random("soak")
        self._resting: dict[str, dict[str, Resting]] = {}
        self.placed = self.fills = self._number = 0

    # --- what the service asks -------------------------------------------------------------------

    def place(
        self,
        order: CheckedOrder,
        trace: str | None,  # noqa: ARG002 - as the Order Service's client
        gate: Gate,
        late: Deliver,  # noqa: ARG002
    ) -> UnderWay[PlaceAnswer]:
        """Take an order, if its gate lets it pass."""
        return _soon(lambda: self._place(order, gate))

    def cancel(
        self,
        client_order_id: str,
        order_id: str,
        late: Deliver,  # noqa: ARG002
        trace: str | None = None,  # noqa: ARG002
    ) -> UnderWay[CancelAnswer]:
        """Take an order out."""
        return _soon(lambda: self._cancel(client_order_id, order_id))

    def cancel_all(
        self,
        symbol: str,
        late: Deliver,  # noqa: ARG002
        trace: str | None = None,  # noqa: ARG002
    ) -> UnderWay[CancelAllAnswer]:
        """Take all orders of a symbol out."""
        return _soon(lambda: self._cancel_all(symbol))

    async def query(self, client_order_id: str, trace: str | None = None) -> QueryAnswer:  # noqa: ARG002
        """What rests under a client order id."""
        asked_ns = self._clock_ns()
        await asyncio.sleep(ANSWER_S)
        for orders in self._resting.values():
            for resting in orders.values():
                if resting.order.client_order_id == client_order_id:
                    return QueryAnswer(
                        self._clock_ns(), asked_ns, client_order_id, RequestOutcome.OK, _shown(resting)
                    )
        return QueryAnswer(self._clock_ns(), asked_ns, client_order_id, RequestOutcome.NOT_FOUND)

    async def open_orders(self, symbol: str, trace: str | None = None) -> OpenOrdersAnswer:  # noqa: ARG002
        """What rests in a symbol."""
        asked_ns = self._clock_ns()
        await asyncio.sleep(ANSWER_S)
        shown = tuple(_shown(resting) for resting in self._of(symbol).values())
        return OpenOrdersAnswer(self._clock_ns(), asked_ns, RequestOutcome.OK, shown)

    # --- what others do --------------------------------------------------------------------------

    def hit(self, symbol: str) -> None:
        """Somebody trades with one of our orders: half the time with all of it."""
        orders = self._of(symbol)
        if not orders:
            return
        resting = self._random.choice(list(orders.values()))
        whole = self._random.random() < 0.5 or resting.left <= resting.order.quantity / 2
        quantity = resting.left if whole else resting.order.quantity / 2
        resting.left -= quantity
        self._executed(symbol, resting, quantity)
        if not resting.left:
            del orders[resting.order_id]
            self._told(symbol, OrderEventKind.FILLED, resting)

    # --- inside ----------------------------------------------------------------------------------

    def _place(self, order: CheckedOrder, gate: Gate) -> PlaceAnswer:
        if not gate.lets_pass():
            return PlaceAnswer(self._clock_ns(), order.client_order_id, RequestOutcome.NOT_SENT)
        self.placed += 1
        resting = Resting(f"o{self.placed}", order, order.quantity)
        self._of(order.symbol)[resting.order_id] = resting
        self._told(order.symbol, OrderEventKind.ACCEPTED, resting)
        return PlaceAnswer(self._clock_ns(), order.client_order_id, RequestOutcome.OK, resting.order_id)

    def _cancel(self, client_order_id: str, order_id: str) -> CancelAnswer:
        for symbol, orders in self._resting.items():
            resting = orders.pop(order_id, None)
            if resting is not None:
                self._told(symbol, OrderEventKind.CANCELED, resting)
                return CancelAnswer(self._clock_ns(), client_order_id, RequestOutcome.OK)
        return CancelAnswer(self._clock_ns(), client_order_id, RequestOutcome.NOT_FOUND)

    def _cancel_all(self, symbol: str) -> CancelAllAnswer:
        orders, self._resting[symbol] = self._of(symbol), {}
        for resting in orders.values():
            self._told(symbol, OrderEventKind.CANCELED, resting)
        return CancelAllAnswer(self._clock_ns(), RequestOutcome.OK, len(orders))

    def _of(self, symbol: str) -> dict[str, Resting]:
        return self._resting.setdefault(symbol, {})

    def _executed(self, symbol: str, resting: Resting, quantity: Decimal) -> None:
        self.fills += 1
        order = resting.order
        execution = Execution(
            self._clock_ns(),
            f"0197f2d4-0000-7000-8000-{self.fills:012d}",
            order.side,
            order.price,
            quantity,
            order.price * quantity * FEE_SHARE,
            resting.order_id,
            order.client_order_id,
            is_maker=True,
            sequence=self._next(),
            executed_at_us=self._clock_ns() // 1_000,
        )
        self._tell(symbol, execution)

    def _told(self, symbol: str, kind: OrderEventKind, resting: Resting) -> None:
        client_order_id = resting.order.client_order_id
        event = OrderEvent(self._clock_ns(), kind, resting.order_id, client_order_id, None, self._next())
        self._tell(symbol, event)

    def _next(self) -> int:
        self._number += 1
        return self._number


def _soon(answer: Callable[[], T]) -> UnderWay[T]:
    under_way: UnderWay[T] = UnderWay()
    asyncio.get_running_loop().call_later(ANSWER_S, lambda: under_way.settle(answer()))
    return under_way


def _shown(resting: Resting) -> ExchangeOrder:
    order = resting.order
    filled = order.quantity - resting.left
    status = ExchangeStatus.PARTIALLY_FILLED if filled else ExchangeStatus.OPEN
    return ExchangeOrder(
        resting.order_id,
        order.client_order_id,
        order.side,
        order.price,
        order.quantity,
        filled,
        status,
    )
