"""The price around which quotes stand: the mid, or the mid weighted by the sizes at the best prices."""

from math import gcd

from market_maker.core.config import FairValue
from market_maker.core.engine.market import Look
from market_maker.core.engine.symbol import Symbol
from market_maker.core.pricing.reference_mid import MidRange, MidSource, ReferenceMid
from market_maker.core.side import Side


def fair_values(symbol: Symbol, look: Look) -> tuple[ReferenceMid, ReferenceMid]:
    """What bids and what asks are computed from; the same price unless something is uncertain.

    What is uncertain about the mid is treated as with the mid. Where only the sizes are, because part of a
    best level may be ours, bids stand on the lowest possible price and asks on the highest.
    """
    if symbol.config.fair_value is FairValue.MID or symbol.undecided is not None:
        return look.below, look.above
    if look.mid.source is not MidSource.BOOK:
        return look.mid, look.mid
    counting, book, share = symbol.reference_units_min, symbol.book, symbol.orders.share
    bid, ask = share.best(book, Side.BUY, counting)[0], share.best(book, Side.SELL, counting)[0]
    if bid is None or ask is None:
        return look.mid, look.mid
    bid_sizes, ask_sizes = share.others_lots(book, Side.BUY, bid), share.others_lots(book, Side.SELL, ask)
    possible = MidRange.of(
        [_weighted(bid, ask, bid_lots, ask_lots) for bid_lots in bid_sizes for ask_lots in ask_sizes]
    )
    if possible.low.ticks == possible.high.ticks:
        return possible.low, possible.low
    return possible.low, possible.high


def _weighted(bid: int, ask: int, bid_lots: int, ask_lots: int) -> ReferenceMid:
    """Nearer to the side with fewer lots: that is where the price is more likely to go."""
    num, den = bid * ask_lots + ask * bid_lots, bid_lots + ask_lots
    if not den:
        return ReferenceMid(bid + ask, 2, MidSource.BOOK)
    common = gcd(num, den)
    return ReferenceMid(num // common, den // common, MidSource.BOOK)
