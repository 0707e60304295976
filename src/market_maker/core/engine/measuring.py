"""What is measured beside quoting: markouts and the result at times of their own, and presence.

It is measured as things stood at that very moment. The event at hand came later and is not in it, however
long the symbol had heard nothing.
"""

from market_maker.core.commands import (
    RecordMarkouts,
    RecordOrder,
    RecordPnl,
    RecordPresence,
    RecordQuotingTime,
    RecordState,
)
from market_maker.core.engine import market
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.events import Execution
from market_maker.core.instrument import EXACT
from market_maker.core.ledger.markouts import Watched
from market_maker.core.obligations import Resting
from market_maker.core.results import Markout, Missing
from market_maker.core.states import State

MINUTE_US = 60_000_000


def begin(symbol: Symbol, due_markouts: tuple[Watched, ...], out: Out) -> None:
    """Take up what an earlier process left; what fell due while none ran is missing."""
    now_us = symbol.ids.wall_us(symbol.now_ns)
    lost: list[Markout] = []
    for fill in due_markouts:
        lost += symbol.markouts.watch(fill, symbol.now_ns, now_us, Missing.RESTART)
    if lost:
        out.append(RecordMarkouts(tuple(lost)))
    symbol.minute_ns = _next_minute_ns(symbol)


def advance(symbol: Symbol, now_ns: int, out: Out) -> None:
    """Measure what fell due up to `now_ns`, one after the other."""
    markouts = symbol.markouts
    taken: list[Markout] = []
    while markouts.due_ns <= now_ns:
        symbol.now_ns = max(symbol.now_ns, markouts.due_ns)
        taken.append(markouts.take(market.mid_in_force(symbol)))
    if taken:
        out.append(RecordMarkouts(tuple(taken)))
    if symbol.minute_ns <= now_ns:
        _take_minute(symbol, out)
    symbol.now_ns = now_ns


def watch(symbol: Symbol, event: Execution, level: int | None, out: Out) -> None:
    """Wait for the markouts of a fill that was just counted."""
    fill = Watched(event.trade_id, event.side, level, event.price, event.quantity, event.executed_at_us)
    lost = symbol.markouts.watch(fill, symbol.now_ns, symbol.ids.wall_us(symbol.now_ns))
    if lost:
        out.append(RecordMarkouts(lost))


def keep_presence(symbol: Symbol, out: Out) -> None:
    """Follow what this step records of orders and states; what rests from here on counts from here on."""
    now_us = symbol.ids.wall_us(symbol.now_ns)
    presence = symbol.presence
    orders = {record.client_order_id: _resting(record) for record in out if isinstance(record, RecordOrder)}
    spans = presence.orders(orders, now_us) if orders else []
    for record in out:
        if isinstance(record, RecordState):
            spans += presence.quotes(active=record.to_state is State.ACTIVE, now_us=now_us)
    spans += presence.record_again(now_us)
    if spans:
        out.append(RecordPresence(tuple(spans)))


def _resting(record: RecordOrder) -> Resting | None:
    if not record.status.rests:
        return None
    return Resting(record.side, record.price, EXACT.subtract(record.quantity, record.filled_quantity))


def _take_minute(symbol: Symbol, out: Out) -> None:
    """How the minute was spent, and the result: not before the first fill, nor while it is unchanged."""
    symbol.now_ns = max(symbol.now_ns, symbol.minute_ns)
    at_us = symbol.ids.wall_us(symbol.minute_ns)
    symbol.minute_ns = _next_minute_ns(symbol)
    if spent_us := symbol.quoting_time.take(at_us):
        out.append(RecordQuotingTime(at_us, spent_us))
    valuation, position = symbol.valuation, symbol.inventory.position
    if not symbol.inventory.fill_count or (valuation is None and position):
        return
    mid = valuation.price if valuation is not None else None
    parts = symbol.gross_parts
    if parts != symbol.minute_parts:
        symbol.minute_parts = parts
        out.append(RecordPnl(at_us, parts, position, mid))


def _next_minute_ns(symbol: Symbol) -> int:
    left_us = MINUTE_US - symbol.ids.wall_us(symbol.now_ns) % MINUTE_US
    return symbol.now_ns + left_us * 1_000
