"""Notes what kind of thing an engine is about to go through, for the "sometimes" counters."""

from market_maker.core import events as ev
from market_maker.core.commands import OrderStatus
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import RequestOutcome
from market_maker.core.states import State
from simulation.coverage import Coverage

_UNCONFIRMED = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
_UNCERTAIN = (RequestOutcome.TIMEOUT, RequestOutcome.STALLED, RequestOutcome.UNCERTAIN)


def observe(coverage: Coverage, engine: SymbolEngine, event: ev.Event) -> None:
    """Count the event by what it meets."""
    symbol = engine.symbol
    if isinstance(event, ev.Execution):
        _fill(coverage, engine, event)
    elif isinstance(event, ev.BookDelta):
        if symbol.book.valid and event.prev_sequence > symbol.book.sequence:
            coverage.hit("book_gap")
    elif isinstance(event, ev.PlaceAnswer):
        order = symbol.orders.get(event.client_order_id)
        if event.outcome in _UNCERTAIN and order is not None and order.status is OrderStatus.PENDING_NEW:
            coverage.hit("order_unknown")
    elif isinstance(event, ev.OpenOrdersAnswer):
        for reported in event.orders:
            order = symbol.orders.get(reported.client_order_id)
            if order is None or order.settled:
                coverage.hit("orphan_adopted")
    elif isinstance(event, ev.Tick) and symbol.is_active and symbol.book.valid and not symbol.book_is_fresh:
        coverage.hit("stale_book")


def _fill(coverage: Coverage, engine: SymbolEngine, event: ev.Execution) -> None:
    symbol = engine.symbol
    if (event.trade_id, event.side.value) in symbol.trade_keys:
        coverage.hit("fill_again")
        return
    if symbol.applied is not None and symbol.applied.covers(event):
        coverage.hit("fill_covered")
        return
    coverage.hit("fill")
    if symbol.state is State.HALTED:
        coverage.hit("fill_while_halted")
    order = symbol.orders.find(event.client_order_id, event.order_id)
    if order is None:
        coverage.hit("fill_of_unknown_order")
    elif order.status in _UNCONFIRMED:
        coverage.hit("fill_before_ack")
    elif order.status is OrderStatus.PENDING_CANCEL:
        coverage.hit("fill_during_cancel")
    elif order.status.is_final:
        coverage.hit("fill_after_end")
