"""Getting every order out of the market, and the exchange's own word that none is left.

Used whenever quoting ends: pause, kill, start-up. A round sends one cancel-all, a cancel for each
known order and a question for each uncertain one, then asks for the list of open orders. Zero is
proven when the exchange reports an empty list and has called every order of ours final; every new order
takes the proof away. Rounds repeat with backoff, without end, until then and until all fills of those
orders have reached us too.
"""

from market_maker.core.commands import (
    CancelAll,
    CancelOrder,
    OrderStatus,
    QueryOpenOrders,
    QueryOrder,
    Request,
)
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.orders.order_tracker import Order

BACKOFF_FIRST_NS = 100_000_000
BACKOFF_MAX_NS = 5_000_000_000
BACKOFF_DOUBLINGS_MAX = 6
RECONCILE_INTERVAL_NS = 30_000_000_000
"""How often the exchange is asked for open orders although nothing is being cleared: it finds
orders of our account that nobody here remembers."""


def begin(symbol: Symbol, out: Out) -> None:
    """Start clearing with the first round at once."""
    clearing = symbol.clearing
    clearing.doubt(symbol.now_ns)
    if symbol.limits.shadow_mode:
        return
    clearing.active = True
    clearing.rounds = clearing.hurried_round = 0
    clearing.listed_early = False
    clearing.cancel_all_outstanding = False
    _round(symbol, out)


def advance(symbol: Symbol, out: Out) -> None:
    """Do what is due: the next round, or the routine look at the exchange's list."""
    clearing = symbol.clearing
    if symbol.limits.shadow_mode:
        return
    if clearing.put_off:
        _repeat_put_off(symbol, out)
    if clearing.active and clearing.proven_zero_ns is not None and not len(symbol.orders):
        clearing.active = False
    if clearing.active:
        if symbol.now_ns >= clearing.next_round_ns:
            _round(symbol, out)
        elif clearing.listed_early and not symbol.orders.live_count():
            _hurry(symbol, out)
    elif symbol.now_ns >= clearing.reconcile_ns:
        ask_open_orders(symbol, out)


def _hurry(symbol: Symbol, out: Out) -> None:
    """Our last order has ended: the proof need not wait for the next round."""
    clearing = symbol.clearing
    clearing.listed_early = False
    if clearing.hurried_round != clearing.rounds:
        clearing.hurried_round = clearing.rounds
        ask_open_orders(symbol, out)


def wake_ns(symbol: Symbol) -> int:
    """When `advance` next has something to do."""
    clearing = symbol.clearing
    if symbol.limits.shadow_mode:
        return symbol.now_ns + RECONCILE_INTERVAL_NS
    due_ns = clearing.next_round_ns if clearing.active else clearing.reconcile_ns
    return min(due_ns, *clearing.put_off.values()) if clearing.put_off else due_ns


def put_off(symbol: Symbol, kind: type[Request], client_order_id: str, retry_after_ns: int) -> None:
    """The exchange answered a request with 429: repeat it when it allows that, no sooner."""
    wait_ns = max(retry_after_ns, BACKOFF_FIRST_NS)
    symbol.clearing.put_off[kind, client_order_id] = symbol.now_ns + wait_ns


def _repeat_put_off(symbol: Symbol, out: Out) -> None:
    """Repeat what the exchange will take again now, as far as it is still wanted."""
    waiting = symbol.clearing.put_off
    for kind, client_order_id in [key for key, at_ns in waiting.items() if symbol.now_ns >= at_ns]:
        del waiting[kind, client_order_id]
        order = symbol.orders.get(client_order_id)
        if kind is CancelAll:
            _cancel_all(symbol, out)
        elif kind is QueryOpenOrders:
            ask_open_orders(symbol, out)
        elif order is None or order.settled:
            continue
        elif kind is QueryOrder:
            query_order(symbol, order, out)
        else:
            before = order.status
            cancel_order(symbol, order, out)
            if order.status is not before:
                out.append(order.record())


def ask_open_orders(symbol: Symbol, out: Out) -> None:
    """Ask for the exchange's list, once at a time."""
    clearing = symbol.clearing
    clearing.reconcile_ns = symbol.now_ns + RECONCILE_INTERVAL_NS
    if (QueryOpenOrders, "") in clearing.put_off:
        return
    if clearing.list_outstanding:
        clearing.list_again = True
        return
    clearing.list_outstanding = True
    out.append(QueryOpenOrders())


def suspect(symbol: Symbol, out: Out) -> None:
    """An order that nobody here counts as open may be in the market: look for it."""
    if not symbol.limits.shadow_mode:
        symbol.clearing.doubt(symbol.now_ns)
        ask_open_orders(symbol, out)


def cancel_order(symbol: Symbol, order: Order, out: Out) -> bool:
    """Cancel one order if that can be asked now; returns whether a cancel went out.

    The caller records the order's new status.
    """
    if order.order_id is None or order.cancel_outstanding or not order.is_live:
        return False
    if symbol.now_ns < order.retry_ns or (CancelOrder, order.client_order_id) in symbol.clearing.put_off:
        return False
    order.cancel_outstanding = True
    if order.status is not OrderStatus.UNKNOWN:
        order.status = OrderStatus.PENDING_CANCEL
    out.append(CancelOrder(order.client_order_id, order.order_id))
    return True


def query_order(symbol: Symbol, order: Order, out: Out) -> None:
    """Ask what became of an order, once at a time."""
    if not order.query_outstanding and (QueryOrder, order.client_order_id) not in symbol.clearing.put_off:
        order.query_outstanding = True
        out.append(QueryOrder(order.client_order_id))


def _cancel_all(symbol: Symbol, out: Out) -> bool:
    """Cancel everything if that can be asked now; returns whether it was."""
    clearing = symbol.clearing
    if not clearing.active or clearing.cancel_all_outstanding or (CancelAll, "") in clearing.put_off:
        return False
    clearing.cancel_all_outstanding = True
    out.append(CancelAll())
    return True


def _round(symbol: Symbol, out: Out) -> None:
    clearing = symbol.clearing
    doublings = min(clearing.rounds, BACKOFF_DOUBLINGS_MAX)
    clearing.next_round_ns = symbol.now_ns + min(BACKOFF_MAX_NS, BACKOFF_FIRST_NS << doublings)
    clearing.rounds += 1
    asked_to_cancel_all = _cancel_all(symbol, out)
    for order in symbol.orders:
        before = order.status
        cancel_order(symbol, order, out)
        if order.status is not before:
            out.append(order.record())
    for order in symbol.orders:
        if clearing.rounds > 1 or order.status is OrderStatus.UNKNOWN:
            query_order(symbol, order, out)
    if not asked_to_cancel_all:
        ask_open_orders(symbol, out)
