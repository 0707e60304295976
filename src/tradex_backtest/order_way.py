"""The way of requests to the exchange and back: what the service's client does, on a virtual clock."""

from collections.abc import Callable
from typing import Final

from market_maker.actors.send_gate import SendGate
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import EngineLimits
from market_maker.core.engine.engine import SymbolEngine
from tradex_backtest.agenda import Agenda
from tradex_backtest.venue import BacktestVenue
from tradex_sandbox.orders import RefusalCode

REQUESTS: Final = (cmd.PlaceOrder, cmd.CancelOrder, cmd.CancelAll, cmd.QueryOrder, cmd.QueryOpenOrders)
_OK, _NOT_FOUND, _TIMEOUT = ev.RequestOutcome.OK, ev.RequestOutcome.NOT_FOUND, ev.RequestOutcome.TIMEOUT
_WOULD_CROSS = RefusalCode.POST_ONLY_WOULD_CROSS.value

Deliver = Callable[[ev.Event], object]


class OrderWay:
    """Sends each request of one engine. The client waits for an answer to a question as long as it takes."""

    def __init__(
        self,
        venue: BacktestVenue,
        engine: SymbolEngine,
        limits: EngineLimits,
        up: Callable[[], int],
        down: Callable[[], int],
        agenda: Agenda,
        deliver: Deliver,
    ) -> None:
        """`up` and `down` draw how long a request and its answer take, in nanoseconds."""
        self._venue = venue
        self._gate = SendGate(engine, limits.max_orders_per_second)
        self._timeout_ns = limits.response_timeout_ns
        self._up, self._down = up, down
        self._agenda = agenda
        self._deliver = deliver

    def send(self, request: cmd.Request, now_ns: int) -> None:
        """A request leaves, unless the gate holds it back."""
        if isinstance(request, cmd.PlaceOrder) and not self._gate.lets_pass(now_ns):
            client_order_id = request.order.client_order_id
            self._answer(now_ns, ev.PlaceAnswer(now_ns, client_order_id, ev.RequestOutcome.NOT_SENT))
            return
        arrives_ns = now_ns + self._up()
        answered_ns = arrives_ns + self._down()
        late = answered_ns - now_ns > self._timeout_ns
        if late and (lateness := _told_late(request, now_ns + self._timeout_ns)) is not None:
            self._answer(lateness.at_ns, lateness)
        self._agenda.at(
            arrives_ns,
            lambda at_ns: self._answer(
                answered_ns, self._arrive(request, at_ns // 1000, now_ns, answered_ns, late=late)
            ),
        )

    def _answer(self, at_ns: int, answer: ev.Event) -> None:
        def deliver(_at_ns: int) -> None:
            self._deliver(answer)

        self._agenda.at(at_ns, deliver)

    def _arrive(
        self, request: cmd.Request, at_us: int, sent_ns: int, answered_ns: int, *, late: bool
    ) -> ev.Event:
        """What the exchange answers."""
        venue = self._venue
        match request:
            case cmd.PlaceOrder(order):
                order_id, code = venue.place(order, at_us)
                return ev.PlaceAnswer(
                    answered_ns,
                    order.client_order_id,
                    ev.RequestOutcome.REJECTED if order_id is None else _OK,
                    order_id,
                    code,
                    would_cross=code == _WOULD_CROSS,
                    created_at_us=None if order_id is None else at_us,
                    late=late,
                )
            case cmd.CancelOrder(client_order_id, order_id):
                outcome = _OK if venue.cancel(order_id, at_us) else _NOT_FOUND
                return ev.CancelAnswer(answered_ns, client_order_id, outcome, late=late)
            case cmd.CancelAll():
                return ev.CancelAllAnswer(answered_ns, _OK, venue.cancel_all(at_us), late=late)
            case cmd.QueryOrder(client_order_id):
                found = venue.query(client_order_id)
                outcome = _NOT_FOUND if found is None else _OK
                return ev.QueryAnswer(answered_ns, sent_ns, client_order_id, outcome, found)
            case cmd.QueryOpenOrders():
                return ev.OpenOrdersAnswer(answered_ns, sent_ns, _OK, venue.open_orders())


def _told_late(request: cmd.Request, at_ns: int) -> ev.Event | None:
    """What the engine hears at the response timeout; None for questions."""
    match request:
        case cmd.PlaceOrder(order):
            return ev.PlaceAnswer(at_ns, order.client_order_id, _TIMEOUT, ended=False)
        case cmd.CancelOrder(client_order_id):
            return ev.CancelAnswer(at_ns, client_order_id, _TIMEOUT, ended=False)
        case cmd.CancelAll():
            return ev.CancelAllAnswer(at_ns, _TIMEOUT, ended=False)
        case _:
            return None
