"""What a symbol would quote with another configuration, against its market as it stands: nothing is changed.

It is said as if the symbol were ACTIVE, because that is what the question is about.
"""

from dataclasses import replace
from heapq import nlargest, nsmallest

from market_maker.core.config import SymbolConfig
from market_maker.core.engine.market import Look
from market_maker.core.engine.quotes import quote_of
from market_maker.core.engine.symbol import Symbol
from market_maker.core.engine.symbol_view import order_view
from market_maker.core.instrument import EXACT
from market_maker.core.orders.requote import SidePlan, Tolerance, plan_side
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet
from market_maker.core.risk import kill_switch
from market_maker.core.risk.pre_trade_check import (
    OrderLimits,
    PreTradeCheck,
    Standing,
)
from market_maker.core.side import Side
from market_maker.core.view import DepthLevel, PreviewView


def preview(symbol: Symbol, config: SymbolConfig) -> PreviewView:
    """The quotes, and what would be cancelled and placed for them now.

    Raises ValueError, naming the field, when the configuration cannot be quoted.
    """
    trigger = kill_switch.exposure(config, symbol.inventory_value)
    trigger = trigger or kill_switch.loss(config, symbol.total_pnl)
    quote, why_not = _quote(replace(symbol, config=config))
    plans: tuple[SidePlan, ...] = ()
    if quote is not None and trigger is None:
        plans = tuple(_plan(symbol, config, quote, side, levels) for side, levels in _sides(quote))
    gone = [order for plan in plans for order in (*plan.cancel, *plan.waiting)]
    if trigger is not None:
        gone = [order for order in symbol.orders if order.is_live]
    return PreviewView(
        at_ns=symbol.now_ns,
        config=config,
        instrument=symbol.instrument,
        quote=quote,
        no_quote_reason=why_not,
        kill=None if trigger is None else trigger.at(symbol.now_ns),
        cancelled=tuple(order_view(order) for order in gone),
        placed=tuple((level.side, level.level) for plan in plans for level in plan.missing),
        kept=sum(len(plan.kept) for plan in plans),
    )


def depth(symbol: Symbol, levels: int) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
    """The book's best bids and asks with our part of each; empty while the book is not valid."""
    if not symbol.book.valid:
        return (), ()
    bids = nlargest(levels, symbol.book.levels(Side.BUY))
    asks = nsmallest(levels, symbol.book.levels(Side.SELL))
    return _depth(symbol, Side.BUY, bids), _depth(symbol, Side.SELL, asks)


def _depth(symbol: Symbol, side: Side, prices: list[int]) -> tuple[DepthLevel, ...]:
    ours: dict[int, int] = {}
    for order in symbol.orders.live(side):
        if order.rests:
            ours[order.price_ticks] = ours.get(order.price_ticks, 0) + order.open_lots
    instrument = symbol.latest_instrument
    found = []
    for ticks in prices:
        published = symbol.book.lots_at(side, ticks)
        own = min(published, ours.get(ticks, 0))
        lots = (published - own, own)
        others, mine = (EXACT.multiply(instrument.lot_size, count) for count in lots)
        found.append(DepthLevel(instrument.price(ticks), others, mine))
    return tuple(found)


def _quote(symbol: Symbol) -> tuple[QuoteSet | None, str]:
    """The quote set around the reference mid as last seen, or why there is none.

    The symbol is one with the other configuration, which shares its market with the real one; its model
    starts from what the real one's has learned.
    """
    book = symbol.book
    if symbol.next_instrument is not None:
        return None, Outcome.GRID_CHANGING.value
    if not book.valid:
        return None, Outcome.BOOK_INVALID.value
    if not symbol.book_is_fresh:
        return None, Outcome.BOOK_STALE.value
    if symbol.mid is None:
        return None, Outcome.NO_REFERENCE_MID.value
    share = symbol.orders.share
    bid, ask = share.best(book, Side.BUY)[0], share.best(book, Side.SELL)[0]
    quote = quote_of(symbol, Look(symbol.mid, symbol.mid, symbol.mid, bid, ask))
    return (None, quote.value) if isinstance(quote, Outcome) else (quote, "")


def _sides(quote: QuoteSet) -> tuple[tuple[Side, tuple[QuoteLevel, ...]], ...]:
    return (Side.BUY, quote.bids), (Side.SELL, quote.asks)


def _plan(
    symbol: Symbol, config: SymbolConfig, quote: QuoteSet, side: Side, levels: tuple[QuoteLevel, ...]
) -> SidePlan:
    check = _check(symbol, config, quote)
    allotment = check.allot(side, [level for level in levels if level.verdict is Outcome.QUOTED])
    live = symbol.orders.live(side)
    tolerance = Tolerance.of(config.price_threshold_bps.as_integer_ratio(), quote.inward_ticks)
    return plan_side(side, allotment.wanted, allotment.full, live, tolerance, check.excess(side, live))


def _check(symbol: Symbol, config: SymbolConfig, quote: QuoteSet) -> PreTradeCheck:
    limits = OrderLimits(config, symbol.limits, symbol.instrument)
    lots_if_buying, lots_if_selling = limits.lots_of(symbol.inventory.position)
    standing = Standing(
        active=True,
        kill_latched=False,
        book_valid=True,
        book_fresh=True,
        total_pnl=symbol.total_pnl,
        lots_if_buying=lots_if_buying,
        lots_if_selling=lots_if_selling,
    )
    return PreTradeCheck(limits, quote.mid, standing, symbol.orders.open_lots_by_side())
