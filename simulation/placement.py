"""Invariants 2 and 3 for one new order, against everything that is or may come to be in the market."""

from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side
from simulation.exposure import Exposure
from simulation.violation import Violation


def check_placement(engine: SymbolEngine, exposure: Exposure, order: CheckedOrder) -> None:
    """Raises Violation. `exposure` is what stands before this order."""
    _check_price(engine, order)
    for intent in exposure.orders:
        other = intent.order
        if other.side is not order.side and order.side.sign * (order.price - other.price) >= 0:
            text = f"{order.symbol}: {order.side.value} at {order.price} meets our own at {other.price}"
            raise Violation(3, text)
    worst = exposure.worst(order.side) + order.quantity
    config = engine.symbol.config
    limit = config.max_position_usdt * (100 - config.position_headroom_pct) / 100
    if worst > 0 and worst * order.price > limit:
        text = (
            f"{order.symbol}: {worst * order.price} USDT if all of {order.side.value} filled, limit {limit}"
        )
        raise Violation(2, text)


def is_made_smaller(engine: SymbolEngine, order: CheckedOrder) -> bool:
    """Whether the position limit had room for a part of the level's size only."""
    quote = engine.symbol.quote
    if quote is None:
        return False
    levels = quote.bids if order.side is Side.BUY else quote.asks
    return order.lots < levels[0].lots


def _check_price(engine: SymbolEngine, order: CheckedOrder) -> None:
    symbol = engine.symbol
    instrument, config = symbol.instrument, symbol.config
    if order.price <= 0 or order.price % instrument.tick_size or order.quantity % instrument.lot_size:
        raise Violation(3, f"{order.symbol}: {order.price} x {order.quantity} is off the grid")
    notional = order.price * order.quantity
    if not instrument.min_notional <= notional <= 10 * config.order_size_usdt:
        raise Violation(3, f"{order.symbol}: notional {notional}")
    mid = symbol.mid
    if mid is None:
        raise Violation(11, f"{order.symbol}: an order without a reference mid")
    reference = mid.price(instrument)
    if abs(order.price - reference) * 10_000 > reference * symbol.limits.price_collar_bps:
        raise Violation(3, f"{order.symbol}: {order.price} is outside the collar around {reference}")
