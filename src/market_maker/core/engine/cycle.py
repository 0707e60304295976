"""One evaluation: from the state of the symbol to cancels and new orders, or to a readable "no quote"."""

from decimal import Decimal

from market_maker.core.commands import PublishQuote
from market_maker.core.engine import clearing, market, sending
from market_maker.core.engine.fills import check_position
from market_maker.core.engine.quotes import quote_of
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteSet
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.risk.pre_trade_check import PreTradeCheck, Standing
from market_maker.core.side import Side


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
    look = market.update_mid(symbol)
    total_pnl = symbol.total_pnl
    check_position(symbol, total_pnl, out)
    if not symbol.is_active:
        return
    if blocked is not None or look is None:
        _withdraw(symbol, blocked or Outcome.NO_REFERENCE_MID.value, out)
        return
    if market.diverges(symbol, look.mid):
        _withdraw(symbol, Outcome.MARK_DIVERGENCE.value, out)
        return
    _ask_about_doubtful(symbol, out)
    quote = quote_of(symbol, look)
    if isinstance(quote, Outcome):
        _withdraw(symbol, quote.value, out)
        return
    symbol.quote = quote
    symbol.stats.quotes_computed += 1
    basis = (look.mid, total_pnl, quote.bids, quote.asks, quote.inward_ticks, symbol.order_limits)
    if basis == symbol.settled and not out:
        return
    symbol.verdicts.clear()
    check = _pre_trade_check(symbol, look.mid, total_pnl)
    if symbol.limits.shadow_mode:
        _judge(symbol, quote, check)
        out.append(PublishQuote(quote, symbol.trace))
    else:
        settled = sending.requote(symbol, quote, check, out)
        symbol.settled = basis if settled else None


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
        return Outcome.GRID_CHANGING.value
    if symbol.clearing.active:
        return Outcome.CLEARING.value
    if symbol.health.lease_ended:
        return Outcome.LEASE_ENDED.value
    if not symbol.instrument.is_trading:
        return Outcome.INSTRUMENT_NOT_TRADING.value
    if not symbol.book.valid:
        return Outcome.BOOK_INVALID.value
    if not symbol.book_is_fresh:
        return Outcome.BOOK_STALE.value
    if symbol.protection.in_burst(symbol.now_ns):
        return Outcome.FILL_BURST.value
    return None


def _withdraw(symbol: Symbol, reason: str, out: Out) -> None:
    """No quote: cancel what rests and say why."""
    symbol.settled = None
    symbol.drop_quote(reason)
    symbol.stats.suppress(reason)
    for order in symbol.orders:
        sending.cancel(symbol, order, out)


def _pre_trade_check(symbol: Symbol, mid: ReferenceMid, total_pnl: Decimal) -> PreTradeCheck:
    lots_if_buying, lots_if_selling = symbol.order_limits.lots_of(symbol.inventory.position)
    standing = Standing(
        active=symbol.is_active,
        kill_latched=symbol.kill is not None,
        book_valid=symbol.book.valid,
        book_fresh=symbol.book_is_fresh,
        total_pnl=total_pnl,
        lots_if_buying=lots_if_buying,
        lots_if_selling=lots_if_selling,
    )
    return PreTradeCheck(symbol.order_limits, mid, standing, symbol.orders.open_lots_by_side())


def _judge(symbol: Symbol, quote: QuoteSet, check: PreTradeCheck) -> None:
    """Shadow mode: note for each level whether its order would have been sent."""
    for side, levels in ((Side.BUY, quote.bids), (Side.SELL, quote.asks)):
        for level in sending.allot(symbol, side, levels, check).wanted:
            symbol.verdicts[side, level.level] = Outcome.SIMULATED.value
