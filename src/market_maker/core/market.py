"""Market data and instrument changes: they move the book, the prices and the grid, and nothing else."""

from market_maker.core import clearing, halt, kill_switch
from market_maker.core.commands import Notice
from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    InstrumentUpdated,
    MarkPrice,
    PublicTrade,
)
from market_maker.core.order_book import BookChange
from market_maker.core.states import State
from market_maker.core.symbol import Out, PricePoint, Symbol


def on_snapshot(symbol: Symbol, event: BookSnapshot, out: Out) -> None:
    """Replace the book; a halted symbol no longer follows the market."""
    if symbol.state is not State.HALTED:
        _book_changed(symbol, symbol.book.apply_snapshot(event), event, out)


def on_delta(symbol: Symbol, event: BookDelta, out: Out) -> None:
    """Change levels of the book."""
    if symbol.state is not State.HALTED:
        _book_changed(symbol, symbol.book.apply_delta(event), event, out)


def on_book_invalid(symbol: Symbol, event: BookInvalid, out: Out) -> None:
    """Stop trusting the book; the quotes go at once."""
    was_valid = symbol.book.valid
    symbol.book.invalidate(event.reason)
    if was_valid:
        symbol.urgent = True
        out.append(Notice("warning", "book_invalid", (("reason", event.reason),)))


def on_trade(symbol: Symbol, event: PublicTrade, out: Out) -> None:  # noqa: ARG001  one signature for all handlers
    """Remember the last trade."""
    if symbol.state is not State.HALTED:
        symbol.last_trade = PricePoint(event.price, event.data_ns)


def on_mark(symbol: Symbol, event: MarkPrice, out: Out) -> None:  # noqa: ARG001  one signature for all handlers
    """Remember the mark price."""
    if symbol.state is not State.HALTED:
        symbol.mark = PricePoint(event.price, event.data_ns)


def on_instrument(symbol: Symbol, event: InstrumentUpdated, out: Out) -> None:
    """Take over new metadata; a halt kills, a new grid waits until all orders of the old one are gone."""
    instrument = event.instrument
    if instrument.version < symbol.instrument.version:
        return
    if instrument.same_grid(symbol.instrument):
        symbol.instrument = instrument
        symbol.regrid()
    else:
        symbol.next_instrument = instrument
        symbol.book.invalidate("the instrument's grid changed")
        clearing.begin(symbol, out)
    trigger = kill_switch.market_halt(instrument, event.reason)
    if trigger is not None and symbol.state is State.ACTIVE:
        halt.kill(symbol, trigger, "system", out)
    symbol.urgent = True


def adopt_next_grid(symbol: Symbol) -> None:
    """Change to the waiting grid once no order of the old one can fill any more."""
    if symbol.next_instrument is None or len(symbol.orders):
        return
    symbol.instrument = symbol.next_instrument
    symbol.next_instrument = None
    symbol.mid = None
    symbol.quote = None
    symbol.regrid()


def _book_changed(symbol: Symbol, change: BookChange, event: BookSnapshot | BookDelta, out: Out) -> None:
    symbol.caused_ns = event.at_ns
    symbol.trace = event.trace
    if change in (BookChange.GAP, BookChange.CROSSED):
        symbol.urgent = True
        fields = (("reason", symbol.book.invalid_reason), ("sequence", str(event.sequence)))
        out.append(Notice("warning", "book_invalid", fields))
