"""Executions and the matching engine's word on our orders: what moves the position.

Every execution of our account counts exactly once, whatever the symbol's state, and whether or not
this process knows the order.
"""

from decimal import Decimal

from market_maker.core.applied import advanced
from market_maker.core.commands import Notice, OrderStatus, RecordFill
from market_maker.core.engine import clearing, halt, measuring
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.events import EngineEventUnreadable, Execution, OrderEvent, OrderEventKind
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk import kill_switch
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import KillReason

WOULD_CROSS_CODE = "POST_ONLY_WOULD_CROSS"


def on_execution(symbol: Symbol, event: Execution, out: Out) -> None:
    """Count a fill once: position, order, journal, then the limits that it may have broken."""
    symbol.orders.share.heard(event.executed_at_us)
    key = (event.trade_id, event.side.value)
    if key in symbol.trade_keys:
        return
    if symbol.applied is not None and symbol.applied.covers(event):
        out.append(RecordFill.of(event, after=None))
        return
    order = symbol.orders.find(event.client_order_id, event.order_id)
    level = order.level if order is not None and order.level >= 0 else None
    _count(symbol, event, key, level, out)
    measuring.watch(symbol, event, level, out)
    _protect(symbol, event, out)
    believed_gone = order is None or order.settled
    symbol.orders.fill(event, symbol.instrument, symbol.now_ns)
    if order is not None:
        out.append(order.record())
    else:
        fields = (("trade_id", event.trade_id), ("order_id", event.order_id))
        out.append(Notice("warning", "fill_of_unknown_order", fields))
    if believed_gone:
        clearing.suspect(symbol, out)
    check_position(symbol, symbol.total_pnl, out)


def _count(symbol: Symbol, event: Execution, key: tuple[str, str], level: int | None, out: Out) -> None:
    """Change the position, its record and what tells repeats apart, all of them or none.

    Whatever can raise stands before the first change; a record in `out` becomes durable even if the rest of
    the step raises (`failed_step`).
    """
    valuation = symbol.valuation
    mid = valuation.price if valuation is not None else None
    inventory, applied = symbol.inventory.after(event, mid), advanced(symbol.applied, event)
    out.append(RecordFill.of(event, inventory.to_row(), applied, mid, level))
    symbol.inventory, symbol.applied = inventory, applied
    remember_trade(symbol, key)
    symbol.stats.fills += 1


def _protect(symbol: Symbol, event: Execution, out: Out) -> None:
    """Evaluate in this step when a side is to pause or all quotes are to leave."""
    protection, config = symbol.protection, symbol.config
    was_in_burst = protection.in_burst(symbol.now_ns)
    if not protection.filled(symbol.now_ns, event.side, event.quantity, event.price, config):
        return
    symbol.urgent = True
    if symbol.is_active and not was_in_burst and protection.in_burst(symbol.now_ns):
        fields = (
            ("window_ms", f"{config.fill_burst_window_ms:f}"),
            ("quotes_return_after_ms", f"{config.fill_burst_pause_ms:f}"),
        )
        out.append(Notice("warning", "fill_burst", fields))


def check_position(symbol: Symbol, total_pnl: Decimal, out: Out) -> None:
    """Kill when exposure or loss is beyond its limit; only while orders may be in the market."""
    if not symbol.is_active:
        return
    trigger = kill_switch.exposure(symbol.config, symbol.inventory_value)
    trigger = trigger or kill_switch.loss(symbol.config, total_pnl)
    if trigger is not None:
        halt.kill(symbol, trigger, "system", out)


def remember_trade(symbol: Symbol, key: tuple[str, str]) -> None:
    """Note an execution's identity, forgetting the oldest beyond the bound."""
    symbol.trade_keys[key] = None
    if len(symbol.trade_keys) > symbol.limits.trade_keys_max:
        symbol.trade_keys.popitem(last=False)


def on_order_event(symbol: Symbol, event: OrderEvent, out: Out) -> None:
    """Take over what the matching engine says of an order; an order nobody knows is looked into."""
    order = symbol.orders.find(event.client_order_id, event.order_id)
    _note_times(symbol, event, order)
    if order is None or order.settled:
        if event.kind is OrderEventKind.ACCEPTED and (order is None or order.status is OrderStatus.REJECTED):
            clearing.suspect(symbol, out)
        return
    symbol.orders.identify(order, event.order_id, symbol.instrument)
    before = order.status
    if event.kind is OrderEventKind.ACCEPTED:
        _accepted(symbol, order, out)
    elif event.kind is OrderEventKind.FILLED:
        symbol.orders.close(order, OrderStatus.FILLED, symbol.now_ns, expected_filled=order.quantity)
    elif event.kind is OrderEventKind.CANCELED:
        was_live = order.is_live
        symbol.orders.close(
            order, OrderStatus.CANCELLED, symbol.now_ns, all_fills_seen=True, reason=event.reason or ""
        )
        if was_live:
            symbol.stats.orders_cancelled += 1
    else:
        rejected(symbol, order, event.reason or "rejected by the matching engine", out)
    if order.status is not before:
        out.append(order.record())


def _note_times(symbol: Symbol, event: OrderEvent, order: Order | None) -> None:
    """Note when the exchange took an order, or when it ended, also of one that is over for us already."""
    share = symbol.orders.share
    share.heard(event.happened_at_us)
    if order is None:
        return
    if event.kind is OrderEventKind.ACCEPTED:
        share.accepted(order.client_order_id, event.happened_at_us)
    elif event.kind in (OrderEventKind.CANCELED, OrderEventKind.FILLED):
        share.ended(order.client_order_id, event.happened_at_us, symbol.now_ns)


def rejected(symbol: Symbol, order: Order, reason: str, out: Out) -> None:
    """Close a rejected order and count it towards a reject storm; "would cross" is counted apart."""
    if not order.is_live:
        return
    symbol.orders.close(order, OrderStatus.REJECTED, symbol.now_ns, all_fills_seen=True, reason=reason)
    if WOULD_CROSS_CODE in reason:
        symbol.stats.orders_would_cross += 1
        return
    symbol.stats.orders_rejected += 1
    rejects = symbol.health.rejected(symbol.now_ns, symbol.limits.reject_storm_window_ns)
    trigger = kill_switch.reject_storm(rejects, symbol.limits)
    if trigger is not None and symbol.is_active:
        halt.kill(symbol, trigger, "system", out)


def on_unreadable(symbol: Symbol, event: EngineEventUnreadable, out: Out) -> None:
    """Halt: a fill may be hidden in what could not be read."""
    reason = KillReason.ENGINE_EVENT_UNREADABLE
    halt.kill(symbol, Trigger(reason, event.detail, "every engine event readable"), "system", out)


def _accepted(symbol: Symbol, order: Order, out: Out) -> None:
    order.not_found_ns = None
    order.request_ended = order.request_ended or order.status is OrderStatus.UNKNOWN
    if order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
        order.status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN
    if not symbol.wants_orders:
        clearing.cancel_order(symbol, order, out)
