"""Market data and instrument changes: they move the book, the prices and the grid, and nothing else."""

from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

from market_maker.core.book.order_book import BookChange
from market_maker.core.commands import Notice
from market_maker.core.engine import clearing, halt
from market_maker.core.engine.symbol import Out, PricePoint, Symbol
from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    InstrumentUpdated,
    MarkPrice,
    PublicTrade,
)
from market_maker.core.instrument import EXACT, Instrument, OffGridError
from market_maker.core.pricing.model_quotes import ModelQuotes
from market_maker.core.pricing.models.proposal import BookSeen, TradeSeen
from market_maker.core.pricing.reference_mid import BPS, MidRange, MidSource, ReferenceMid, reference_mid
from market_maker.core.results import Missing
from market_maker.core.risk import kill_switch
from market_maker.core.side import Side
from market_maker.core.states import State

_INVALID = (BookChange.GAP, BookChange.CROSSED, BookChange.MALFORMED)
_BPS = Decimal(BPS)
_HALTED, _BUY, _SELL = State.HALTED, Side.BUY, Side.SELL
_BOOK, _MARK = MidSource.BOOK, MidSource.MARK


Best = tuple[int | None, int | None]
"""Others' best price of a side in ticks: the best that is possible, and the best that is certain."""


class Look(NamedTuple):
    """The market at one moment: the reference mid, and others' best bid and ask in ticks.

    Bids are quoted from `below` and asks from `above`, which are the mid itself unless it is uncertain.
    """

    mid: ReferenceMid
    below: ReferenceMid
    above: ReferenceMid
    bid: int | None
    ask: int | None


def on_snapshot(symbol: Symbol, event: BookSnapshot, out: Out) -> None:
    """Replace the book; a halted symbol no longer follows the market."""
    if symbol.state is not _HALTED and event.at_ns >= symbol.grid_since_ns:
        _book_changed(symbol, symbol.orders.share.apply_snapshot(symbol.book, event), event, out)


def on_delta(symbol: Symbol, event: BookDelta, out: Out) -> None:
    """Change levels of the book."""
    if symbol.state is not _HALTED and event.at_ns >= symbol.grid_since_ns:
        _book_changed(symbol, symbol.orders.share.apply_delta(symbol.book, event), event, out)


def on_book_invalid(symbol: Symbol, event: BookInvalid, out: Out) -> None:
    """Stop trusting the book; the quotes go at once."""
    was_valid = symbol.book.valid
    symbol.book.invalidate(event.reason)
    if was_valid:
        symbol.urgent = True
        out.append(Notice("warning", "book_invalid", (("reason", event.reason),)))


def on_trade(symbol: Symbol, event: PublicTrade, out: Out) -> None:  # noqa: ARG001  one signature for all handlers
    """Remember a trade, unless it is known to be one of ours; the quoting model learns from either."""
    if symbol.state is _HALTED:
        return
    if not symbol.is_ours(event):
        symbol.trades.append(event)
    if symbol.model_quotes is not None:
        _learn_trade(symbol, symbol.model_quotes, event)


def on_mark(symbol: Symbol, event: MarkPrice, out: Out) -> None:  # noqa: ARG001  one signature for all handlers
    """Remember the mark price."""
    if symbol.state is not _HALTED:
        symbol.mark = PricePoint(event.price, event.data_ns)


def on_instrument(symbol: Symbol, event: InstrumentUpdated, out: Out) -> None:
    """Take over new metadata; a halt kills, a new grid waits until all orders of the old one are gone."""
    instrument, latest = event.instrument, symbol.latest_instrument
    if instrument.version < latest.version:
        return
    if not instrument.same_grid(latest):
        symbol.grid_since_ns = event.at_ns
        symbol.book.reset("the instrument's grid changed")
        symbol.urgent = True
    if instrument.same_grid(symbol.instrument):
        symbol.instrument, symbol.next_instrument = instrument, None
        symbol.regrid()
    else:
        if symbol.next_instrument is None:
            clearing.begin(symbol, out)
        symbol.next_instrument = instrument
    trigger = kill_switch.market_halt(instrument, event.reason)
    if trigger is not None and symbol.state is State.ACTIVE:
        halt.kill(symbol, trigger, "system", out)


def adopt_next_grid(symbol: Symbol) -> None:
    """Change to the waiting grid once no order of the old one can fill any more."""
    if symbol.next_instrument is None or len(symbol.orders):
        return
    if symbol.mid is not None:
        symbol.mid = _regridded(symbol.mid, symbol.instrument, symbol.next_instrument)
    symbol.certain_mid = symbol.mid
    symbol.instrument = symbol.next_instrument
    symbol.next_instrument = None
    symbol.orders.share.clear()
    symbol.regrid()


def _regridded(mid: ReferenceMid, old: Instrument, new: Instrument) -> ReferenceMid:
    """The same price in ticks of another size: the position keeps its value."""
    old_num, old_den = old.tick_size.as_integer_ratio()
    new_num, new_den = new.tick_size.as_integer_ratio()
    return ReferenceMid(mid.num * old_num * new_den, mid.den * old_den * new_num, mid.source)


def update_mid(symbol: Symbol) -> Look | None:
    """Bring the reference mid up to date; None when the market gives none to quote from."""
    book = symbol.book
    if not book.valid or not symbol.book_is_fresh or symbol.next_instrument is not None:
        return None
    share = symbol.orders.share
    if share:
        share.forget_gone(book)
    counting = symbol.reference_units_min
    bid, ask = share.best(book, _BUY, counting), share.best(book, _SELL, counting)
    possible = _mid_range(symbol, bid, ask)
    if possible is None:
        return None
    if counting:
        bid, ask = share.best(book, _BUY), share.best(book, _SELL)
    symbol.mid_sequence = book.sequence
    symbol.undecided = None if possible.is_certain else (bid, ask)
    if symbol.undecided is None:
        return _certain(symbol, possible, bid[0], ask[0])
    return _uncertain(symbol, possible, bid[0], ask[0])


def mid_in_force(symbol: Symbol) -> Decimal | Missing:
    """The reference mid at this moment in quote currency, or why there is none. It changes nothing."""
    book = symbol.book
    if symbol.state is _HALTED:
        return Missing.HALTED
    if not book.valid or symbol.next_instrument is not None:
        return Missing.NO_MID
    if not symbol.book_is_fresh:
        return Missing.STALE
    share, counting = symbol.orders.share, symbol.reference_units_min
    bid, ask = share.best(book, _BUY, counting), share.best(book, _SELL, counting)
    possible = _mid_range(symbol, bid, ask)
    if possible is None:
        return Missing.NO_MID
    return possible.low.price(symbol.instrument) if possible.is_certain else Missing.UNCERTAIN


def _mid_range(symbol: Symbol, bid: Best, ask: Best) -> MidRange | None:
    """What the mid may be for each of others' possible best prices; None when for one there is no mid.

    While the book gives the same mid it is the same object, by which is known what was worked out from it.
    """
    last = symbol.mid
    if last is not None and bid[0] == bid[1] and ask[0] == ask[1] and last.is_between(bid[0], ask[0]):
        return MidRange(last, last)
    if None in bid or None in ask:
        mark, trade = symbol.fresh(symbol.mark), symbol.fresh(symbol.last_trade)
    else:
        mark = trade = None  # the book alone settles it
    bids = bid if bid[0] != bid[1] else bid[:1]
    asks = ask if ask[0] != ask[1] else ask[:1]
    mids = [reference_mid(one, other, mark, trade, symbol.instrument) for one in bids for other in asks]
    known = [mid for mid in mids if mid is not None]
    return MidRange.of(known) if len(known) == len(mids) else None


def _certain(symbol: Symbol, possible: MidRange, bid: int | None, ask: int | None) -> Look:
    mid = possible.low
    if symbol.certain_mid is not None and symbol.certain_mid.source is not mid.source:
        symbol.volatility.interrupt()  # from one kind of price to another is no return
    symbol.mid = symbol.certain_mid = mid
    symbol.mid_data_ns = _data_ns(symbol, mid.source)
    symbol.volatility.update(symbol.now_ns, mid.num / mid.den * symbol.tick_size)
    return Look(mid, mid, mid, bid, ask)


def _uncertain(symbol: Symbol, possible: MidRange, bid: int | None, ask: int | None) -> Look | None:
    """Nothing is quoted more aggressively than the last certain mid allows, nor than is possible now."""
    last = symbol.certain_mid
    if last is None:
        return None
    symbol.mid = possible.nearest(last)
    symbol.mid_data_ns = _data_ns(symbol, symbol.mid.source)
    below = last if last.ticks < possible.high.ticks else possible.high
    above = last if last.ticks > possible.low.ticks else possible.low
    return Look(symbol.mid, below, above, bid, ask)


def diverges(symbol: Symbol, mid: ReferenceMid) -> bool:
    """Whether the mid lies too far from a fresh mark price to be quoted from."""
    mark = symbol.fresh(symbol.mark)
    if mark is None or mid.source is _MARK:
        return False
    distance = EXACT.abs(EXACT.subtract(symbol.price_of(mid), mark))
    return EXACT.multiply(distance, _BPS) > EXACT.multiply(symbol.config.mark_divergence_bps, mark)


def _data_ns(symbol: Symbol, source: MidSource) -> int:
    """When what the mid was made of was true."""
    if source is _BOOK:
        return symbol.book.data_ns or 0
    point = symbol.mark if source is _MARK else symbol.last_trade
    return point.data_ns if point is not None else 0


def _learn_trade(symbol: Symbol, model: ModelQuotes, event: PublicTrade) -> None:
    """A trade without a taker or a time of the exchange, or off the grid, teaches nothing."""
    if event.taker_side is None or not event.exchange_us or symbol.next_instrument is not None:
        return
    with suppress(OffGridError):
        ticks = symbol.instrument.ticks(event.price)
        model.learn(TradeSeen(event.exchange_us, event.taker_side, ticks))


def _learn_book(symbol: Symbol, model: ModelQuotes) -> None:
    """Tell the model others' mid as it is now; none while it is not certain."""
    book, share, counting = symbol.book, symbol.orders.share, symbol.reference_units_min
    mid = None
    if book.valid and symbol.next_instrument is None:
        (bid, sure_bid), (ask, sure_ask) = (
            share.best(book, _BUY, counting),
            share.best(book, _SELL, counting),
        )
        if bid is not None and ask is not None and bid == sure_bid and ask == sure_ask:
            mid = bid + ask
    if book.exchange_us:
        model.learn(BookSeen(book.exchange_us, mid))


def _book_changed(symbol: Symbol, change: BookChange, event: BookSnapshot | BookDelta, out: Out) -> None:
    if symbol.model_quotes is not None:
        _learn_book(symbol, symbol.model_quotes)
    if symbol.unseen_ns is None:
        symbol.unseen_ns = event.at_ns
    symbol.trace = event.trace
    if change in _INVALID:
        symbol.urgent = True
        fields = (("reason", symbol.book.invalid_reason), ("sequence", str(event.sequence)))
        out.append(Notice("warning", "book_invalid", fields))
