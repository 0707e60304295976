"""Requests of the engine on their way to the exchange model, and their answers on the way back."""

from dataclasses import dataclass

from lab.exchange import ExchangeModel
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.events import RequestOutcome

Answer = ev.PlaceAnswer | ev.CancelAnswer | ev.CancelAllAnswer | ev.QueryAnswer | ev.OpenOrdersAnswer


@dataclass(slots=True, eq=False)
class Flight:
    """A request on its way to the exchange, or its answer on the way back."""

    request: cmd.Request
    sent_ns: int
    answer: Answer | None = None
    """What the exchange answered; None while the request has not arrived."""
    timed_out: bool = False
    """The engine was told that no answer came in time."""
    given_up: bool = False
    """The engine was told that there will be no answer, or its process is gone."""


def answer_of(exchange: ExchangeModel, flight: Flight, now_ns: int) -> Answer:
    """A request reaches the exchange, which does what is asked and answers."""
    match flight.request:
        case cmd.PlaceOrder(order):
            outcome, order_id, crossed = exchange.place(order)
            created_us = None if order_id is None else exchange.orders[order_id].accepted_us
            return ev.PlaceAnswer(
                now_ns,
                order.client_order_id,
                outcome,
                order_id,
                would_cross=crossed,
                created_at_us=created_us,
            )
        case cmd.CancelOrder(client_order_id, order_id):
            return ev.CancelAnswer(now_ns, client_order_id, exchange.cancel(order_id))
        case cmd.CancelAll():
            return ev.CancelAllAnswer(now_ns, RequestOutcome.OK, exchange.cancel_all())
        case cmd.QueryOrder(client_order_id):
            found = exchange.query(client_order_id)
            outcome = RequestOutcome.OK if found is not None else RequestOutcome.NOT_FOUND
            return ev.QueryAnswer(now_ns, flight.sent_ns, client_order_id, outcome, found)
        case cmd.QueryOpenOrders():
            orders = tuple(exchange.report(order) for order in exchange.open())
            return ev.OpenOrdersAnswer(now_ns, flight.sent_ns, RequestOutcome.OK, orders)


def no_answer(flight: Flight, outcome: RequestOutcome, now_ns: int, *, ended: bool) -> Answer:
    """What the shell tells the engine instead of an answer."""
    late = ended and flight.timed_out
    match flight.request:
        case cmd.PlaceOrder(order):
            return ev.PlaceAnswer(now_ns, order.client_order_id, outcome, ended=ended, late=late)
        case cmd.CancelOrder(client_order_id):
            return ev.CancelAnswer(now_ns, client_order_id, outcome, ended=ended, late=late)
        case cmd.CancelAll():
            return ev.CancelAllAnswer(now_ns, outcome, ended=ended, late=late)
        case cmd.QueryOrder(client_order_id):
            return ev.QueryAnswer(now_ns, flight.sent_ns, client_order_id, outcome)
        case cmd.QueryOpenOrders():
            return ev.OpenOrdersAnswer(now_ns, flight.sent_ns, outcome)
