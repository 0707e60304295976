"""Makes the picture of a symbol that status, metrics and the API show."""

from market_maker.core.engine.control import activation_problems
from market_maker.core.engine.symbol import Symbol
from market_maker.core.orders.order_tracker import Order
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.core.view import (
    BookView,
    Counters,
    ModelView,
    OrderView,
    PnlView,
    ReferenceView,
    SymbolView,
)


def view_of(symbol: Symbol) -> SymbolView:
    """The symbol as it stands after its last event."""
    return SymbolView(
        at_ns=symbol.now_ns,
        symbol=symbol.name,
        shadow_mode=symbol.limits.shadow_mode,
        state=symbol.state,
        state_reason=symbol.state_reason,
        state_actor=symbol.state_actor,
        state_since_ns=symbol.state_since_ns,
        kill=symbol.kill,
        config=symbol.config,
        instrument=symbol.instrument,
        book=_book(symbol),
        reference=_reference(symbol),
        pnl=_pnl(symbol),
        orders=tuple(order_view(order) for order in symbol.orders if order.is_live),
        open_orders=symbol.orders.live_count(),
        unknown_orders=symbol.orders.unknown_count(),
        open_orders_at_exchange=symbol.clearing.open_at_exchange,
        proven_zero_at_ns=symbol.clearing.proven_zero_ns,
        model=_model(symbol),
        quote=symbol.quote,
        verdicts=tuple((side, level, verdict) for (side, level), verdict in symbol.verdicts.items()),
        no_quote_reason="" if symbol.quote is not None else symbol.no_quote_reason,
        enable_problems=activation_problems(symbol, resume=False),
        counters=_counters(symbol),
    )


def _model(symbol: Symbol) -> ModelView:
    name, not_ready = symbol.config.model, symbol.not_ready
    if not_ready is None:
        return ModelView(name, name, "", "")
    return ModelView(name, DEFAULT, not_ready.code, not_ready.detail)


def _book(symbol: Symbol) -> BookView:
    book, instrument = symbol.book, symbol.latest_instrument
    return BookView(
        book.valid,
        book.invalid_reason,
        book.sequence,
        instrument.price(book.best_bid) if book.best_bid is not None else None,
        instrument.price(book.best_ask) if book.best_ask is not None else None,
        book.data_ns,
    )


def _reference(symbol: Symbol) -> ReferenceView:
    mid = symbol.mid
    return ReferenceView(
        mid.price(symbol.instrument) if mid is not None else None,
        mid.source.value if mid is not None else "",
        symbol.mid_sequence,
        symbol.undecided is not None,
    )


def _pnl(symbol: Symbol) -> PnlView:
    inventory, valuation = symbol.inventory, symbol.valuation
    row = inventory.to_row()
    return PnlView(
        position=inventory.position,
        average_entry=inventory.average_entry,
        inventory_usdt=symbol.inventory_value,
        realized=inventory.realized,
        unrealized=inventory.unrealized(valuation.price) if valuation is not None else None,
        baseline=symbol.pnl_baseline,
        fees=row.fees,
        fill_count=row.fill_count,
        volume=row.volume,
        price=valuation.price if valuation is not None else None,
        price_source=valuation.source.value if valuation is not None else "",
        price_data_ns=valuation.data_ns if valuation is not None else None,
        rebase_pending=symbol.rebase_pending,
        parts=symbol.parts,
    )


def order_view(order: Order) -> OrderView:
    """One order."""
    return OrderView(
        order.client_order_id,
        order.order_id,
        order.side,
        order.level,
        order.price,
        order.quantity,
        order.filled,
        order.status,
        order.sent_ns,
    )


def _counters(symbol: Symbol) -> Counters:
    stats, book = symbol.stats, symbol.book
    return Counters(
        quotes_computed=stats.quotes_computed,
        orders_placed=stats.orders_placed,
        orders_rejected=stats.orders_rejected,
        orders_would_cross=stats.orders_would_cross,
        orders_cancelled=stats.orders_cancelled,
        fills=stats.fills,
        book_deltas=book.deltas,
        book_gaps=book.gaps,
        active_ns=stats.active_ns,
        two_sided_ns=stats.two_sided_ns,
        mid_uncertain_ns=stats.uncertain_ns,
        suppressed=tuple(sorted(stats.suppressed.items())),
    )
