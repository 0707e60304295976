"""The exchange and the Order Service before it: orders rest until they are cancelled or somebody trades."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.events import ExchangeOrder, ExchangeStatus, RequestOutcome
from simulation.clock import MS, Clock

WAY_NS: Final = (MS, 2 * MS, 8 * MS, 30 * MS)
"""How long a request takes, and an answer."""
TAKES_ALL: Final = 0.6
LOT: Final = Decimal("0.00001")
FEE: Final = Decimal("0.001")

Answer = Callable[[ev.Event], None]
Found = tuple[RequestOutcome, tuple[ExchangeOrder, ...]]


@dataclass(slots=True)
class Resting:
    """An open order, and who placed it."""

    order: ExchangeOrder
    instance_id: str
    unattended_ns: int | None = None
    """Since when nobody looks after it; None while somebody does."""


class FleetExchange:
    """Requests that are on their way arrive, whatever becomes of who sent them."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock, self._rng = clock, rng
        self._orders = 0
        self.down_until_ns = 0
        self.open: dict[str, dict[str, Resting]] = {}
        self._ended: dict[str, ExchangeOrder] = {}
        self.executions: dict[str, list[ev.Execution]] = {}
        """What the matching engine told of each symbol."""

    def trade(self, symbol: str, rng: Random) -> None:
        """Somebody takes one of our orders, or a lot of it."""
        resting = self.open.get(symbol, {})
        if not resting:
            return
        taken = resting[rng.choice(sorted(resting))]
        order = taken.order
        left = order.quantity - order.filled_quantity
        quantity = left if rng.random() < TAKES_ALL else min(left, LOT)
        status = ExchangeStatus.FILLED if quantity == left else ExchangeStatus.PARTIALLY_FILLED
        taken.order = replace(order, filled_quantity=order.filled_quantity + quantity, status=status)
        if quantity == left:
            self._ended[order.client_order_id] = resting.pop(order.client_order_id).order
        told = self.executions.setdefault(symbol, [])
        now_ns = self._clock.now_ns
        told.append(
            ev.Execution(
                now_ns,
                f"t{len(told) + 1}",
                order.side,
                order.price,
                quantity,
                FEE,
                order.order_id,
                order.client_order_id,
                is_maker=True,
                sequence=len(told) + 1,
                executed_at_us=now_ns // 1_000,
            )
        )

    def send(self, symbol: str, request: cmd.Request, instance_id: str, answer: Answer) -> None:
        """A request leaves; its answer comes later."""
        sent_ns = self._clock.now_ns
        self._clock.after(
            self._rng.choice(WAY_NS), self._arrived, symbol, request, instance_id, sent_ns, answer
        )

    def _arrived(
        self, symbol: str, request: cmd.Request, instance_id: str, sent_ns: int, answer: Answer
    ) -> None:
        if self._clock.now_ns < self.down_until_ns:
            found: Found = RequestOutcome.UNCERTAIN, ()
        else:
            found = self._carry_out(symbol, request, instance_id)
        self._clock.after(self._rng.choice(WAY_NS), self._answer, request, sent_ns, found, answer)

    def _carry_out(self, symbol: str, request: cmd.Request, instance_id: str) -> Found:
        resting = self.open.setdefault(symbol, {})
        match request:
            case cmd.PlaceOrder(order=order):
                self._orders += 1
                placed = ExchangeOrder(
                    f"x{self._orders}",
                    order.client_order_id,
                    order.side,
                    order.price,
                    order.quantity,
                    order.quantity * 0,
                    ExchangeStatus.OPEN,
                )
                resting[order.client_order_id] = Resting(placed, instance_id)
                return RequestOutcome.OK, (placed,)
            case cmd.CancelOrder():
                return (
                    RequestOutcome.OK
                    if self._end(resting, request.client_order_id)
                    else RequestOutcome.NOT_FOUND
                ), ()
            case cmd.CancelAll():
                for client_order_id in tuple(resting):
                    self._end(resting, client_order_id)
                return RequestOutcome.OK, ()
            case cmd.QueryOrder():
                found = resting.get(request.client_order_id)
                known = self._ended.get(request.client_order_id) if found is None else found.order
                return (RequestOutcome.NOT_FOUND, ()) if known is None else (RequestOutcome.OK, (known,))
            case cmd.QueryOpenOrders():
                return RequestOutcome.OK, tuple(placed.order for placed in resting.values())

    def _end(self, resting: dict[str, Resting], client_order_id: str) -> bool:
        gone = resting.pop(client_order_id, None)
        if gone is not None:
            self._ended[client_order_id] = replace(gone.order, status=ExchangeStatus.CANCELLED)
        return gone is not None

    def _answer(
        self,
        request: cmd.Request,
        sent_ns: int,
        found: Found,
        answer: Answer,
    ) -> None:
        now_ns, (outcome, orders) = self._clock.now_ns, found
        match request:
            case cmd.PlaceOrder(order=order):
                order_id = orders[0].order_id if orders else None
                answer(ev.PlaceAnswer(now_ns, order.client_order_id, outcome, order_id))
            case cmd.CancelOrder():
                answer(ev.CancelAnswer(now_ns, request.client_order_id, outcome))
            case cmd.CancelAll():
                answer(ev.CancelAllAnswer(now_ns, outcome))
            case cmd.QueryOrder():
                known = orders[0] if orders else None
                answer(ev.QueryAnswer(now_ns, sent_ns, request.client_order_id, outcome, known))
            case cmd.QueryOpenOrders():
                answer(ev.OpenOrdersAnswer(now_ns, sent_ns, outcome, orders))
