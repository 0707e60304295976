"""Invariant 16, worked out apart from the code that requotes: from prices, limits and counts.

An order that is too aggressive is never left in the market by an evaluation. One that is only too passive
is cancelled only where there are more orders than levels, where an order for its side leaves in the same
step, or where a level says that it waits for the room that the order holds.
"""

from collections.abc import Container, Sequence
from decimal import Decimal

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.commands import OrderStatus
from market_maker.core.engine.symbol import Symbol
from market_maker.core.orders.order_tracker import Order
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet
from market_maker.core.pricing.volatility import FACTOR_ONE_PPM
from market_maker.core.side import Side
from simulation.violation import Violation

NOT_FOR_ITSELF = ("price_collar", "notional_limit", "below_min_notional")
"""A level that may not be quoted whatever the position: it needs no order."""
WAITING_FOR_ROOM = "waiting_for_room"
QUARTER_OF_HALF = 8


def check_cancels(
    symbol: Symbol, event: ev.Event | None, commands: Sequence[cmd.Command], cancelled_before: Container[str]
) -> None:
    """No order that is only too passive goes without its replacement."""
    if not symbol.wants_orders or symbol.quote is None or isinstance(event, ev.OpenOrdersAnswer):
        return
    answered = getattr(event, "client_order_id", None)
    gone = {
        command.client_order_id
        for command in commands
        if isinstance(command, cmd.CancelOrder)
        and command.client_order_id not in cancelled_before
        and command.client_order_id != answered
    }
    placed = {command.order.client_order_id for command in commands if isinstance(command, cmd.PlaceOrder)}
    for side in Side if gone else ():
        _check_side(symbol, symbol.quote, side, gone, placed)


def check_rests(symbol: Symbol) -> None:
    """After an evaluation nothing rests that is too aggressive."""
    if not symbol.wants_orders or symbol.quote is None:
        return
    for order in symbol.orders:
        if order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED) and _is_too_aggressive(
            symbol, symbol.quote, order
        ):
            text = f"{symbol.name}: {order.side.value} at {order.price_ticks} rests although too aggressive"
            raise Violation(16, text)


def _check_side(symbol: Symbol, quote: QuoteSet, side: Side, gone: set[str], placed: set[str]) -> None:
    live = symbol.orders.live(side)
    standing = [
        order
        for order in live
        if order.client_order_id not in placed
        and (order.status is not OrderStatus.PENDING_CANCEL or order.client_order_id in gone)
    ]
    if _beyond_the_limit(symbol, quote, side, live):
        return
    harmless = [
        order
        for order in standing
        if order.client_order_id in gone
        and not _is_too_aggressive(symbol, quote, order)
        and not _breaks_a_limit(symbol, quote, order)
    ]
    verdicts = [symbol.verdicts[side, level.level] for level in _levels(symbol, quote, side)]
    replaced = sum(order.side is side for order in live if order.client_order_id in placed)
    surplus = len(standing) - len([code for code in verdicts if code != "position_limit"])
    allowed = replaced + verdicts.count(WAITING_FOR_ROOM) + max(0, surplus)
    if len(harmless) > allowed:
        prices = [order.price_ticks for order in harmless]
        text = f"{symbol.name}: {side.value} at {prices} go, only too passive, {replaced} orders leave"
        raise Violation(16, text)


def _levels(symbol: Symbol, quote: QuoteSet, side: Side) -> list[QuoteLevel]:
    """The levels of a side that want an order, inner ones first."""
    return [
        level
        for level in (quote.bids if side is Side.BUY else quote.asks)
        if level.verdict is Outcome.QUOTED and symbol.verdicts[side, level.level] not in NOT_FOR_ITSELF
    ]


def _is_too_aggressive(symbol: Symbol, quote: QuoteSet, order: Order) -> bool:
    levels = _levels(symbol, quote, order.side)
    if not levels:
        return False
    price = levels[0].price_ticks
    threshold = price * symbol.config.price_threshold_bps / 10_000
    allowed = min(threshold, _spread(symbol, quote) / QUARTER_OF_HALF)
    return order.side.sign * (order.price_ticks - price) > allowed


def _spread(symbol: Symbol, quote: QuoteSet) -> Decimal:
    """What the quotes were computed with: by a model twice its nearer half, else the formula's; in ticks."""
    proposal = None if quote.reasoning is None else quote.reasoning.proposal
    if proposal is not None:
        return 2 * min(proposal.bid_half_ticks, proposal.ask_half_ticks)
    factor = Decimal(quote.factor_ppm) / FACTOR_ONE_PPM
    mid = quote.below or quote.mid
    return Decimal(mid.num) / mid.den * symbol.config.base_spread_bps / 10_000 * factor


def _breaks_a_limit(symbol: Symbol, quote: QuoteSet, order: Order) -> bool:
    mid = Decimal(quote.mid.num) / quote.mid.den
    outside = abs(order.price_ticks - mid) * 10_000 > mid * symbol.limits.price_collar_bps
    notional = symbol.instrument.notional(order.price_ticks, order.open_lots)
    return outside or notional > 10 * symbol.config.order_size_usdt


def _beyond_the_limit(symbol: Symbol, quote: QuoteSet, side: Side, live: Sequence[Order]) -> bool:
    """Whether the position limit itself may call for cancels."""
    instrument = symbol.instrument
    lots = sum(order.open_lots for order in live)
    worst = side.sign * symbol.inventory.position + instrument.quantity(lots) + instrument.lot_size
    dearest = max([order.price_ticks for order in live] + [quote.mid.num // quote.mid.den + 1])
    config = symbol.config
    allowed = config.max_position_usdt * (200 - config.position_headroom_pct) / 200
    return worst * instrument.price(dearest) > allowed
