"""Carries out the plans of both sides: cancels, new orders in their turn, and what became of each level.

In turn means: first what reduces the position, then the side that has nothing in the market, then both
sides alternately, inner levels first. An order that waits for its replacement is cancelled in the step in
which that is sent. One exception: where the position limit has no room for both, the old one goes first,
and its level says so (`waiting_for_room`).
"""

from dataclasses import dataclass

from market_maker.core.commands import OrderStatus, PlaceOrder
from market_maker.core.engine import clearing
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.orders.order_tracker import Order
from market_maker.core.orders.requote import SidePlan, Tolerance, plan_side
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet
from market_maker.core.risk.pre_trade_check import Allotment, PreTradeCheck
from market_maker.core.side import Side

SECOND_NS = 1_000_000_000
_RESTING = Outcome.RESTING.value
_QUOTED = Outcome.QUOTED


@dataclass(slots=True)
class _Turn:
    """What is still to be done on one side."""

    side: Side
    unsent: list[QuoteLevel]
    """Missing levels whose turn has not come, inner ones first."""
    unserved: list[QuoteLevel]
    """Missing levels for which nothing was sent in this step."""
    waiting: list[Order]
    """Orders that go as soon as there are more of them than unserved levels; inner ones first."""
    kept_lots: int
    """Lots of the orders that serve a level, new ones included."""
    is_empty: bool
    """Whether nothing of the side is in the market but what is on its way out."""
    promised_lots: int = 0
    """Room that inner levels wait for."""


def requote(symbol: Symbol, quote: QuoteSet, check: PreTradeCheck, out: Out) -> bool:
    """Cancels of both sides first, then new orders; returns whether all levels were served already."""
    tolerance = Tolerance.of(symbol.price_threshold, quote.inward_ticks)
    turns = []
    settled = True
    for side, levels in ((Side.BUY, quote.bids), (Side.SELL, quote.asks)):
        allotment = allot(symbol, side, levels, check)
        live = symbol.orders.live(side)
        excess = check.excess(side, live)
        plan = plan_side(side, allotment.wanted, allotment.full, live, tolerance, excess)
        for order in plan.cancel:
            cancel(symbol, order, out)
        _note_kept(symbol, plan)
        settled = settled and not plan.cancel and len(plan.kept) == len(allotment.wanted) == len(levels)
        if plan.missing:
            turns.append(_turn(side, plan))
    while turns and (turn := _next(symbol, turns, check)) is not None:
        _send(symbol, turn, turn.unsent.pop(0), check, out)
    for turn in turns:
        for order, level in zip(turn.waiting, turn.unserved, strict=False):
            order.level = level.level
    return settled


def allot(symbol: Symbol, side: Side, levels: tuple[QuoteLevel, ...], check: PreTradeCheck) -> Allotment:
    """The levels as the limits allow them; notes of the others why they are not quoted."""
    allotment = check.allot(side, [level for level in levels if level.verdict is _QUOTED])
    for level in levels:
        if level.verdict is not _QUOTED:
            _suppress(symbol, level, level.verdict.value)
    for level, refusal in allotment.refused:
        _suppress(symbol, level, refusal.value)
    for level in allotment.full:
        _suppress(symbol, level, Outcome.POSITION_LIMIT.value)
    return allotment


def cancel(symbol: Symbol, order: Order, out: Out) -> None:
    """Cancel one order unless that is under way."""
    if order.status is OrderStatus.PENDING_CANCEL and order.cancel_outstanding:
        return
    if clearing.cancel_order(symbol, order, out):
        out.append(order.record())


def _note_kept(symbol: Symbol, plan: SidePlan) -> None:
    """The journal is not told of a new level: a restart has no use for it."""
    for order, level in plan.kept:
        order.level = level.level
        symbol.verdicts[level.side, level.level] = _RESTING


def _turn(side: Side, plan: SidePlan) -> _Turn:
    return _Turn(
        side,
        list(plan.missing),
        list(plan.missing),
        list(plan.waiting),
        kept_lots=sum(order.open_lots for order, _ in plan.kept),
        is_empty=not plan.kept and not plan.waiting,
    )


def _next(symbol: Symbol, turns: list[_Turn], check: PreTradeCheck) -> _Turn | None:
    """The side whose innermost unsent level is next."""
    ready = [turn for turn in turns if turn.unsent]
    if len(ready) < 2:
        return ready[0] if ready else None
    return min(
        ready,
        key=lambda turn: (
            check.lots_to_flat(turn.side) <= turn.kept_lots,
            not turn.is_empty,
            turn.unsent[0].level,
            turn.side is symbol.last_sent,
        ),
    )


def _send(symbol: Symbol, turn: _Turn, level: QuoteLevel, check: PreTradeCheck, out: Out) -> None:
    """Place an order for a level, or note why not."""
    lots, refusal = 0, _too_fast(symbol)
    if refusal is None and _crosses_own(symbol, level):
        refusal = Outcome.OWN_CROSS
    if refusal is None:
        lots, refusal = _size(symbol, turn, level, check)
        if refusal is Outcome.WAITING_FOR_ROOM:
            _make_room(symbol, turn, level, check, out)
    if refusal is not None:
        _suppress(symbol, level, refusal.value)
        return
    symbol.verdicts[level.side, level.level] = Outcome.PLACED.value
    _place(symbol, level, lots, check, out)
    turn.unserved.remove(level)
    turn.kept_lots += lots
    turn.is_empty = False
    if len(turn.waiting) > len(turn.unserved):
        cancel(symbol, turn.waiting.pop(), out)


def _size(symbol: Symbol, turn: _Turn, level: QuoteLevel, check: PreTradeCheck) -> tuple[int, Outcome | None]:
    """How many lots to send now. Less than half of what there will be room for waits for that room.

    Orders that do not stay hold room: those on their way out, and those that wait for a replacement.
    """
    side, ticks = turn.side, level.price_ticks
    room = check.room(side, ticks) - turn.promised_lots
    later = min(level.lots, room + symbol.orders.open_lots(side) - turn.kept_lots)
    lots = min(level.lots, room)
    if 2 * lots >= later and check.refuse(side, ticks, lots) is None:
        return lots, None
    if later > lots and check.refuse_alone(ticks, later) is None:
        return 0, Outcome.WAITING_FOR_ROOM
    return 0, Outcome.POSITION_LIMIT


def _make_room(symbol: Symbol, turn: _Turn, level: QuoteLevel, check: PreTradeCheck, out: Out) -> None:
    """Cancel an order that waits, if what is on its way out does not make room enough for a level."""
    side = turn.side
    leaving = symbol.orders.open_lots(side) - turn.kept_lots - sum(order.open_lots for order in turn.waiting)
    room = check.room(side, level.price_ticks) - turn.promised_lots + leaving
    if turn.waiting and 2 * room < level.lots:
        cancel(symbol, turn.waiting.pop(), out)
    turn.promised_lots += level.lots


def _place(symbol: Symbol, level: QuoteLevel, lots: int, check: PreTradeCheck, out: Out) -> None:
    client_order_id = symbol.ids.next(symbol.now_ns)
    checked = check.approve(client_order_id, level.side, level.level, level.price_ticks, lots)
    order = Order(
        client_order_id,
        level.side,
        level.level,
        level.price_ticks,
        lots,
        checked.price,
        checked.quantity,
        symbol.now_ns,
    )
    symbol.sends.append(symbol.now_ns)
    symbol.last_sent = level.side
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


def _too_fast(symbol: Symbol) -> Outcome | None:
    """Whether one more order must wait."""
    if symbol.now_ns < symbol.place_after_ns:
        return Outcome.EXCHANGE_RATE_LIMIT
    sends = symbol.sends
    while sends and symbol.now_ns - sends[0] > SECOND_NS:
        sends.popleft()
    return Outcome.RATE_LIMIT if len(sends) >= symbol.limits.max_orders_per_second else None


def _suppress(symbol: Symbol, level: QuoteLevel, code: str) -> None:
    symbol.stats.suppress(code)
    symbol.verdicts[level.side, level.level] = code
