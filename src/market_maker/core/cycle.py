"""One evaluation: from the state of the symbol to cancels and new orders, or to a readable "no quote"."""

from dataclasses import replace

from market_maker.core import clearing, market
from market_maker.core.commands import OrderStatus, PlaceOrder, PublishQuote
from market_maker.core.events import Side
from market_maker.core.fills import check_position
from market_maker.core.orders import Order
from market_maker.core.quoting import QuoteLevel, QuoteSet, Verdict
from market_maker.core.reference_mid import ReferenceMid
from market_maker.core.requote import SidePlan, plan_side
from market_maker.core.risk import PreTradeCheck, Refusal, Standing, ceil_units, floor_units
from market_maker.core.symbol import Out, Symbol

NO_MID = "no_reference_mid"
MARK_DIVERGENCE = "mark_divergence"
GRID_CHANGING = "grid_changing"
CLEARING = "clearing"
RESTING = "resting"
PLACED = "placed"
SIMULATED = "simulated"
"""Shadow mode: its order would have been sent."""
SECOND_NS = 1_000_000_000


def evaluate(symbol: Symbol, out: Out) -> None:
    """Requote an ACTIVE symbol; where it may not quote, cancel what rests."""
    _note_cause(symbol)
    _evaluate(symbol, out)
    symbol.unseen_ns = None
    symbol.trace = None


def _note_cause(symbol: Symbol) -> None:
    """Note since when this evaluation was possible, for the latency of the orders that it places."""
    allowed_ns = symbol.now_ns if symbol.urgent else symbol.due_ns
    arrived_ns = symbol.now_ns if symbol.unseen_ns is None else symbol.unseen_ns
    symbol.caused_ns = min(symbol.now_ns, max(allowed_ns, arrived_ns))
    symbol.evaluated()
    symbol.urgent = False


def _evaluate(symbol: Symbol, out: Out) -> None:
    blocked = _blocked(symbol)
    look = market.look(symbol)
    check_position(symbol, out)
    if not symbol.is_active:
        return
    if blocked is not None or look is None:
        _withdraw(symbol, blocked or NO_MID, out)
        return
    if market.diverges(symbol, look.mid):
        _withdraw(symbol, MARK_DIVERGENCE, out)
        return
    if symbol.undecided is not None:
        _ask_about_doubtful(symbol, out)
    quote = _quote(symbol, look)
    symbol.quote = quote
    symbol.stats.quotes_computed += 1
    symbol.verdicts.clear()
    check = _pre_trade_check(symbol, look.mid)
    if symbol.limits.shadow_mode:
        _judge(symbol, quote, check)
        out.append(PublishQuote(quote, symbol.trace))
    else:
        _requote(symbol, quote, check, out)


def _quote(symbol: Symbol, look: market.Look) -> QuoteSet:
    """The quote set; while the mid is uncertain, bids and asks are computed from different ends of it."""
    position, factor = symbol.inventory.position, symbol.volatility.factor_ppm
    quote = symbol.quoting.quote(look.below, position, factor, look.bid, look.ask)
    if symbol.undecided is None:
        return quote
    above = symbol.quoting.quote(look.above, position, factor, look.bid, look.ask)
    return replace(quote, mid=look.mid, asks=above.asks, below=look.below, above=look.above)


def _ask_about_doubtful(symbol: Symbol, out: Out) -> None:
    """Ask the exchange about orders of which a best level may or may not consist."""
    if symbol.undecided is None or symbol.limits.shadow_mode:
        return
    share = symbol.orders.share
    for side, prices in zip((Side.BUY, Side.SELL), symbol.undecided, strict=True):
        for ticks in prices:
            for order_id in share.doubtful(side, ticks) if ticks is not None else ():
                order = symbol.orders.get(order_id)
                if order is not None and order.rests and not order.query_outstanding:
                    share.asked(order_id, symbol.book.exchange_us)
                    clearing.query_order(symbol, order, out)


def _blocked(symbol: Symbol) -> str | None:
    """Why nothing may be quoted now, by what must hold before any price is computed."""
    if symbol.next_instrument is not None:
        return GRID_CHANGING
    if symbol.clearing.active:
        return CLEARING
    if not symbol.instrument.is_trading:
        return Refusal.INSTRUMENT_NOT_TRADING.value
    if not symbol.book.valid:
        return Refusal.BOOK_INVALID.value
    if not symbol.book_is_fresh:
        return Refusal.BOOK_STALE.value
    return None


def _withdraw(symbol: Symbol, reason: str, out: Out) -> None:
    """No quote: cancel what rests and say why."""
    symbol.drop_quote(reason)
    symbol.stats.suppress(reason)
    for order in symbol.orders:
        _cancel(symbol, order, out)


def _pre_trade_check(symbol: Symbol, mid: ReferenceMid) -> PreTradeCheck:
    position, lot_size = symbol.inventory.position, symbol.instrument.lot_size
    standing = Standing(
        active=symbol.is_active,
        kill_latched=symbol.kill is not None,
        book_valid=symbol.book.valid,
        book_fresh=symbol.book_is_fresh,
        total_pnl=symbol.total_pnl,
        lots_if_buying=ceil_units(position, lot_size),
        lots_if_selling=floor_units(position, lot_size),
    )
    open_lots = {side: symbol.orders.open_lots(side) for side in Side}
    return PreTradeCheck(symbol.order_limits, mid, standing, open_lots)


def _requote(symbol: Symbol, quote: QuoteSet, check: PreTradeCheck, out: Out) -> None:
    """Cancels of both sides first, then new orders, inner levels of both sides before outer ones."""
    bids, asks = _wanted(symbol, quote.bids), _wanted(symbol, quote.asks)
    bid_plan = _plan(symbol, Side.BUY, bids, asks, check)
    ask_plan = _plan(symbol, Side.SELL, asks, bids, check)
    for order in bid_plan.cancel + ask_plan.cancel:
        _cancel(symbol, order, out)
    for level in sorted(bid_plan.place + ask_plan.place, key=lambda level: level.level):
        _place(symbol, level, check, out)


def _judge(symbol: Symbol, quote: QuoteSet, check: PreTradeCheck) -> None:
    """Shadow mode: note for each level whether its order would have been sent."""
    for level in (*_wanted(symbol, quote.bids), *_wanted(symbol, quote.asks)):
        refusal = check.refuse(level.side, level.price_ticks, level.lots)
        symbol.verdicts[level.side, level.level] = SIMULATED if refusal is None else refusal.value
        if refusal is None:
            check.reserve(level.side, level.lots)


def _wanted(symbol: Symbol, levels: tuple[QuoteLevel, ...]) -> list[QuoteLevel]:
    wanted = []
    for level in levels:
        if level.verdict is Verdict.QUOTED:
            wanted.append(level)
            symbol.verdicts[level.side, level.level] = RESTING
        else:
            symbol.verdicts[level.side, level.level] = level.verdict.value
            symbol.stats.suppress(level.verdict.value)
    return wanted


def _plan(
    symbol: Symbol, side: Side, wanted: list[QuoteLevel], opposite: list[QuoteLevel], check: PreTradeCheck
) -> SidePlan:
    threshold = symbol.config.price_threshold_bps.as_integer_ratio()
    barrier = opposite[0].price_ticks if opposite else None
    live = symbol.orders.live(side)
    return plan_side(side, wanted, live, threshold, barrier, check.excess(side, live))


def _place(symbol: Symbol, level: QuoteLevel, check: PreTradeCheck, out: Out) -> None:
    refusal = check.refuse(level.side, level.price_ticks, level.lots)
    if refusal is None and _crosses_own(symbol, level):
        refusal = Refusal.OWN_CROSS
    if refusal is None:
        refusal = _too_fast(symbol)
    if refusal is not None:
        symbol.stats.suppress(refusal.value)
        symbol.verdicts[level.side, level.level] = refusal.value
        return
    symbol.verdicts[level.side, level.level] = PLACED
    client_order_id = symbol.ids.next(symbol.now_ns)
    checked = check.approve(client_order_id, level.side, level.level, level.price_ticks, level.lots)
    order = Order(
        client_order_id,
        level.side,
        level.level,
        level.price_ticks,
        level.lots,
        checked.price,
        checked.quantity,
        symbol.now_ns,
    )
    symbol.orders.add(order)
    symbol.clearing.doubt(symbol.now_ns)
    symbol.stats.orders_placed += 1
    out.append(PlaceOrder(checked, symbol.caused_ns, symbol.trace))
    out.append(order.record())


def _crosses_own(symbol: Symbol, level: QuoteLevel) -> bool:
    """Whether one of our own live orders of the other side stands at or through this price."""
    sign = level.side.sign
    others = symbol.orders.live(level.side.opposite)
    return any(sign * (level.price_ticks - order.price_ticks) >= 0 for order in others)


def _too_fast(symbol: Symbol) -> Refusal | None:
    """Whether one more order must wait; counts it as sent if not."""
    if symbol.now_ns < symbol.place_after_ns:
        return Refusal.EXCHANGE_RATE_LIMIT
    sends = symbol.sends
    while sends and symbol.now_ns - sends[0] > SECOND_NS:
        sends.popleft()
    if len(sends) >= symbol.limits.max_orders_per_second:
        return Refusal.RATE_LIMIT
    sends.append(symbol.now_ns)
    return None


def _cancel(symbol: Symbol, order: Order, out: Out) -> None:
    if order.status is OrderStatus.PENDING_CANCEL and order.cancel_outstanding:
        return
    if clearing.cancel_order(symbol, order, out):
        out.append(order.record())
