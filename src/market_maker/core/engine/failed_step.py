"""A step that raised: the caller got none of its commands, so what the state notes as done is not.

The Fault that follows makes up for it: what should have become durable does, orders that were never sent
are over, and whatever was to be cancelled or asked is cancelled and asked again.
"""

from market_maker.core.commands import Notice, OrderStatus, PlaceOrder, Record
from market_maker.core.engine import clearing
from market_maker.core.engine.symbol import Out, Symbol

NEVER_SENT = "never sent: the step that decided it failed"
_OWED = Record | Notice


def take_back(symbol: Symbol, out: Out) -> None:
    """Note what a step had decided when it raised."""
    owed: Out = [command for command in out if isinstance(command, _OWED)]
    for command in out:
        if isinstance(command, PlaceOrder):
            order = symbol.orders.get(command.order.client_order_id)
            if order is not None:
                order.request_ended = True
                symbol.orders.close(
                    order, OrderStatus.REJECTED, symbol.now_ns, all_fills_seen=True, reason=NEVER_SENT
                )
                owed.append(order.record())
    symbol.owed = [*(symbol.owed or ()), *owed]


def make_up(symbol: Symbol, out: Out) -> None:
    """Carry on after a fault: no answer is waited for that may never come."""
    state = symbol.clearing
    state.cancel_all_outstanding = state.list_outstanding = state.list_again = False
    for order in symbol.orders:
        order.cancel_outstanding = order.query_outstanding = False
    if symbol.owed is None:
        return
    out.extend(symbol.owed)
    symbol.owed = None
    if symbol.kill is not None:
        clearing.begin(symbol, out)
