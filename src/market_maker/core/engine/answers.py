"""Answers of the Order Service.

An answer that is not certain halts, whatever else has been heard of its order; an order of which nothing else
has been heard becomes unknown. A late answer halts when it is missed, and not once more when it comes.
"""

from market_maker.core.commands import (
    CancelAll,
    CancelOrder,
    Notice,
    OrderStatus,
    QueryOpenOrders,
    QueryOrder,
)
from market_maker.core.engine import clearing, halt
from market_maker.core.engine.fills import WOULD_CROSS_CODE, rejected
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.events import (
    Answer,
    CancelAllAnswer,
    CancelAnswer,
    ExchangeOrder,
    OpenOrdersAnswer,
    PlaceAnswer,
    QueryAnswer,
    RequestOutcome,
)
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import KillReason

NOT_FOUND_SPAN_NS = 500_000_000
"""How far apart two answers must be in which the exchange says, after the placing request was over,
that it does not know an order, before that is taken as its last word: a request whose connection broke
may still be on its way. Should the order appear later, it is cancelled."""

UNCERTAIN_OUTCOMES = {
    RequestOutcome.TIMEOUT: KillReason.RESPONSE_TIMEOUT,
    RequestOutcome.STALLED: KillReason.EVENT_LOOP_STALL,
    RequestOutcome.UNCERTAIN: KillReason.ORDER_UNCERTAIN,
}


def on_place(symbol: Symbol, event: PlaceAnswer, out: Out) -> None:
    """Take over the answer to a new order, however late."""
    order = symbol.orders.get(event.client_order_id)
    if order is None or order.settled:
        _placed_after_its_end(symbol, order, event, out)
        return
    before = order.status
    order.request_ended = order.request_ended or event.ended
    if event.outcome is RequestOutcome.OK:
        order.not_found_ns = None
        symbol.orders.identify(order, event.order_id, symbol.instrument)
        symbol.orders.share.accepted(order.client_order_id, event.created_at_us)
        if order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
            order.status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN
        if not symbol.wants_orders:
            clearing.cancel_order(symbol, order, out)
    elif event.outcome in UNCERTAIN_OUTCOMES:
        _unknown(symbol, order, event, out)
    elif event.outcome is RequestOutcome.NOT_SENT:
        symbol.orders.close(
            order, OrderStatus.REJECTED, symbol.now_ns, all_fills_seen=True, reason="not sent"
        )
    elif event.outcome is RequestOutcome.RATE_LIMITED:
        symbol.place_after_ns = max(symbol.place_after_ns, symbol.now_ns + event.retry_after_ns)
        symbol.stats.suppress("exchange_rate_limit")
        symbol.orders.close(
            order, OrderStatus.REJECTED, symbol.now_ns, all_fills_seen=True, reason="rate limited"
        )
    else:
        code = WOULD_CROSS_CODE if event.would_cross else event.code
        rejected(symbol, order, f"{code}: {event.detail}", out)
    if order.status is not before:
        out.append(order.record())


def _placed_after_its_end(symbol: Symbol, order: Order | None, event: PlaceAnswer, out: Out) -> None:
    """The answer to an order that is over for us, or forgotten."""
    if event.outcome is RequestOutcome.OK and (order is None or order.status is OrderStatus.REJECTED):
        clearing.suspect(symbol, out)
    elif event.outcome in UNCERTAIN_OUTCOMES:
        _uncertain(symbol, event, f"order {event.client_order_id}", out)


def on_cancel(symbol: Symbol, event: CancelAnswer, out: Out) -> None:
    """Take over the answer to a cancel; a refusal (404, say) proves nothing, so the exchange is asked."""
    order = symbol.orders.get(event.client_order_id)
    if order is None or order.settled:
        if event.outcome in UNCERTAIN_OUTCOMES:
            _uncertain(symbol, event, f"cancel of {event.client_order_id}", out)
        return
    order.cancel_outstanding = False
    if event.outcome is RequestOutcome.OK:
        if order.is_live:
            symbol.stats.orders_cancelled += 1
            symbol.orders.close(order, OrderStatus.CANCELLED, symbol.now_ns, reason="cancelled")
            out.append(order.record())
    elif event.outcome in (RequestOutcome.NOT_FOUND, RequestOutcome.REJECTED):
        order.retry_ns = symbol.now_ns + clearing.BACKOFF_FIRST_NS
        clearing.query_order(symbol, order, out)
    elif event.outcome is RequestOutcome.RATE_LIMITED:
        clearing.put_off(symbol, CancelOrder, order.client_order_id, event.retry_after_ns)
    else:
        order.retry_ns = symbol.now_ns + clearing.BACKOFF_FIRST_NS
        _uncertain(symbol, event, f"cancel of {order.client_order_id}", out)


def on_cancel_all(symbol: Symbol, event: CancelAllAnswer, out: Out) -> None:
    """After a cancel-all, ask for proof; without its answer the next round tries again."""
    symbol.clearing.cancel_all_outstanding = False
    if event.outcome is RequestOutcome.OK:
        clearing.ask_open_orders(symbol, out)
    else:
        if event.outcome is RequestOutcome.RATE_LIMITED:
            clearing.put_off(symbol, CancelAll, "", event.retry_after_ns)
        _failed(symbol, "cancel_all_failed", event, out)


def on_query(symbol: Symbol, event: QueryAnswer, out: Out) -> None:
    """Take over what became of an order."""
    order = symbol.orders.get(event.client_order_id)
    if order is None or order.settled:
        if event.outcome in UNCERTAIN_OUTCOMES:
            _failed(symbol, "query_failed", event, out)
        return
    order.query_outstanding = False
    before = order.status
    if event.outcome is RequestOutcome.OK and event.order is not None:
        symbol.orders.reported(order, event.order, symbol.instrument, symbol.now_ns)
        if order.is_live and event.order.filled_quantity == order.filled:
            symbol.orders.share.confirmed(order.client_order_id)
        if not symbol.wants_orders or before is OrderStatus.PENDING_CANCEL:
            clearing.cancel_order(symbol, order, out)
    elif event.outcome is RequestOutcome.NOT_FOUND:
        _not_found(symbol, order, event)
    else:
        if event.outcome is RequestOutcome.RATE_LIMITED:
            clearing.put_off(symbol, QueryOrder, order.client_order_id, event.retry_after_ns)
        _failed(symbol, "query_failed", event, out)
    if order.status is OrderStatus.CANCELLED and not before.is_final:
        symbol.stats.orders_cancelled += 1
    if order.status is not before:
        out.append(order.record())


def on_open_orders(symbol: Symbol, event: OpenOrdersAnswer, out: Out) -> None:
    """Compare the exchange's list with ours: cancel what should not be there, ask about what is missing."""
    state = symbol.clearing
    state.list_outstanding = False
    if event.outcome is RequestOutcome.RATE_LIMITED:
        clearing.put_off(symbol, QueryOpenOrders, "", event.retry_after_ns)
    if state.list_again:
        state.list_again = False
        clearing.ask_open_orders(symbol, out)
    if event.outcome is not RequestOutcome.OK:
        _failed(symbol, "open_orders_unknown", event, out)
        _clear_until_proven(symbol, out)
        return
    for reported in event.orders:
        _listed(symbol, reported, event.asked_at_ns, out)
    _ask_about_missing(symbol, event, out)
    if event.asked_at_ns >= state.doubted_ns:
        _take_count(symbol, event, out)


def _ask_about_missing(symbol: Symbol, event: OpenOrdersAnswer, out: Out) -> None:
    """Orders that should have been in the list."""
    listed = {reported.client_order_id for reported in event.orders}
    for order in symbol.orders:
        if order.client_order_id not in listed and order.request_ended and order.sent_ns < event.asked_at_ns:
            clearing.query_order(symbol, order, out)


def _take_count(symbol: Symbol, event: OpenOrdersAnswer, out: Out) -> None:
    """What the list proves: zero, or that there is still something to clear."""
    state = symbol.clearing
    state.open_at_exchange = len(event.orders)
    state.listed_early = bool(event.orders) or symbol.orders.live_count() > 0
    if event.orders:
        state.proven_zero_ns = None
    elif not symbol.orders.live_count():
        state.active = len(symbol.orders) > 0
        if state.proven_zero_ns is None:
            state.proven_zero_ns = event.asked_at_ns
    _clear_until_proven(symbol, out)


def _clear_until_proven(symbol: Symbol, out: Out) -> None:
    """Outside ACTIVE nothing may be left: what a list does not prove is cleared in rounds until one does."""
    state = symbol.clearing
    if not symbol.is_active and not state.active and state.proven_zero_ns is None:
        clearing.begin(symbol, out)


def _listed(symbol: Symbol, reported: ExchangeOrder, asked_ns: int, out: Out) -> None:
    """One order of the exchange's list: cancel what nobody here counts as open."""
    order = symbol.orders.get(reported.client_order_id)
    if order is not None and _ended_since(order, asked_ns):
        return
    if order is None or order.settled:
        order = symbol.orders.adopt(reported, symbol.instrument, symbol.now_ns)
        clearing.cancel_order(symbol, order, out)
        out.append(order.record())
        out.append(Notice("warning", "orphan_order", (("order_id", reported.order_id),)))
        return
    before = order.status
    symbol.orders.reported(order, reported, symbol.instrument, symbol.now_ns)
    if not symbol.wants_orders:
        clearing.cancel_order(symbol, order, out)
    if order.status is not before:
        out.append(order.record())


def _ended_since(order: Order, asked_ns: int) -> bool:
    """Whether the list is older than the order's end; an order that the exchange denied had no end."""
    return order.settled and order.settled_ns >= asked_ns and order.status is not OrderStatus.REJECTED


def _not_found(symbol: Symbol, order: Order, event: QueryAnswer) -> None:
    """Count a denial. Between reading the first and asking for the second is less than between the two."""
    if not order.request_ended:
        return
    if order.not_found_ns is None:
        order.not_found_ns = symbol.now_ns
    elif event.asked_at_ns - order.not_found_ns >= NOT_FOUND_SPAN_NS:
        symbol.orders.close(
            order,
            OrderStatus.REJECTED if order.order_id is None else OrderStatus.CANCELLED,
            symbol.now_ns,
            all_fills_seen=True,
            reason="the exchange does not know it",
        )


def _unknown(symbol: Symbol, order: Order, event: PlaceAnswer, out: Out) -> None:
    if order.status is OrderStatus.PENDING_NEW:
        order.status = OrderStatus.UNKNOWN
        order.reason = f"{event.outcome.value}: {event.detail}"
    _uncertain(symbol, event, f"order {order.client_order_id}", out)
    clearing.query_order(symbol, order, out)


def _uncertain(symbol: Symbol, event: Answer, what: str, out: Out) -> None:
    """Halt an active symbol on an uncertain answer; otherwise clearing already repeats the request."""
    detail = f"{what}: {event.detail}"
    if not _may_halt(symbol, event):
        fields = (("outcome", event.outcome.value), ("detail", detail))
        out.append(Notice("warning", "order_service_uncertain", fields))
        return
    reason = UNCERTAIN_OUTCOMES.get(event.outcome, KillReason.ORDER_UNCERTAIN)
    limit = f"answer within {symbol.limits.response_timeout_ns / 1e6:g} ms"
    halt.kill(symbol, Trigger(reason, detail, limit), "system", out)


def _may_halt(symbol: Symbol, event: Answer) -> bool:
    """Whether the symbol is active; the end of a late request has had its halt, even if there was a reset."""
    is_late_end = isinstance(event, PlaceAnswer | CancelAnswer | CancelAllAnswer) and event.late
    return symbol.is_active and not is_late_end


def _failed(symbol: Symbol, code: str, event: Answer, out: Out) -> None:
    """A request about no single order's fate went wrong: uncertain answers halt, others are noted."""
    if event.outcome in UNCERTAIN_OUTCOMES and _may_halt(symbol, event):
        _uncertain(symbol, event, code, out)
    else:
        fields = (("outcome", event.outcome.value), ("detail", event.detail))
        out.append(Notice("warning", code, fields))
