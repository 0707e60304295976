"""The engine of one symbol: events in, commands out. Dispatch only; the handlers hold the rules.

Deterministic: the same start and the same events give the same commands. Time is `event.at_ns`.
"""

from collections.abc import Callable
from typing import Any

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.commands import Command, OrderStatus
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine import (
    answers,
    clearing,
    control,
    cycle,
    failed_step,
    fills,
    halt,
    market,
    measuring,
    preview,
)
from market_maker.core.engine.symbol import Out, Restored, Symbol
from market_maker.core.engine.symbol_view import view_of
from market_maker.core.ledger.presence import Presence
from market_maker.core.orders.ids import OrderIds
from market_maker.core.orders.order_tracker import Order
from market_maker.core.pricing.model_quotes import ModelQuotes
from market_maker.core.states import Cause, State
from market_maker.core.view import DepthLevel, PreviewView, SymbolView

Handler = Callable[[Symbol, Any, Out], None]


def _on_tick(symbol: Symbol, event: ev.Tick, out: Out) -> None:
    """Nothing but time passed: what is due follows after every event."""


HANDLERS: dict[type, Handler] = {
    ev.BookSnapshot: market.on_snapshot,
    ev.BookDelta: market.on_delta,
    ev.BookInvalid: market.on_book_invalid,
    ev.PublicTrade: market.on_trade,
    ev.MarkPrice: market.on_mark,
    ev.InstrumentUpdated: market.on_instrument,
    ev.Execution: fills.on_execution,
    ev.OrderEvent: fills.on_order_event,
    ev.EngineEventUnreadable: fills.on_unreadable,
    ev.PlaceAnswer: answers.on_place,
    ev.CancelAnswer: answers.on_cancel,
    ev.CancelAllAnswer: answers.on_cancel_all,
    ev.QueryAnswer: answers.on_query,
    ev.OpenOrdersAnswer: answers.on_open_orders,
    ev.Control: control.on_control,
    ev.ConfigChanged: control.on_config,
    ev.Retire: control.on_retire,
    ev.LagMeasured: control.on_lag,
    ev.JournalMeasured: control.on_journal,
    ev.LeaseMeasured: control.on_lease,
    ev.HouseMeasured: control.on_house,
    ev.Fault: control.on_fault,
    ev.Tick: _on_tick,
}


_RANK: dict[type, int] = {
    cmd.CancelAll: 0,
    cmd.CancelOrder: 1,
    cmd.PlaceOrder: 2,
    cmd.QueryOrder: 3,
    cmd.QueryOpenOrders: 3,
    cmd.RecordFill: 4,
    cmd.RecordOrder: 4,
    cmd.RecordState: 4,
    cmd.RecordRisk: 4,
    cmd.RecordMarkouts: 4,
    cmd.RecordPnl: 4,
    cmd.RecordQuotingTime: 4,
    cmd.RecordPresence: 4,
    cmd.Reply: 5,
    cmd.PublishQuote: 5,
    cmd.Notice: 5,
}
"""The order in which the commands of one event are carried out; within a rank as they were decided."""


def _rank(command: Command) -> int:
    return _RANK[type(command)]


_ORDERS_UNTOUCHED = frozenset({ev.BookSnapshot, ev.BookDelta, ev.PublicTrade, ev.MarkPrice, ev.Tick})
"""Events that change no order and no state unless commands come of them."""


class SymbolEngine:
    """Decides for one symbol. The shell calls `start` once, then `handle` per event."""

    def __init__(self, restored: Restored, limits: EngineLimits) -> None:
        symbol = Symbol(
            restored.config,
            limits,
            restored.instrument,
            restored.state,
            restored.inventory,
            OrderIds(restored.ids),
            pnl_baseline=restored.pnl_baseline,
            parts_baseline=restored.parts_baseline,
            rebase_pending=restored.rebase_pending,
            state_reason=restored.state_reason,
            state_actor=restored.state_actor,
            now_ns=restored.ids.at_ns,
            state_since_ns=restored.ids.at_ns,
            phase=restored.phase,
            presence=Presence(restored.programmes),
        )
        if restored.learned:
            symbol.model_quotes = ModelQuotes(restored.config, restored.instrument, restored.learned)
        if restored.kill is not None:
            symbol.kill = restored.kill.at(symbol.now_ns)
        for order_id, quantity in restored.filled_by_order:
            symbol.orders.remember_filled(order_id, quantity)
        symbol.applied = restored.applied
        for key in restored.trade_keys:
            fills.remember_trade(symbol, key)
        self._symbol = symbol
        self._due_markouts = restored.due_markouts

    def start(self, open_orders: tuple[Order, ...] = ()) -> list[Command]:
        """Begin: ACTIVE becomes PAUSED, and whatever of ours is in the market is cleared.

        `open_orders` are the orders that were not final when the last process wrote its journal. Their
        requests died with it. Shadow mode leaves them alone: it cannot clear them.
        """
        symbol = self._symbol
        out: list[Command] = []
        for order in () if symbol.limits.shadow_mode else open_orders:
            order.request_ended = True
            if order.status is OrderStatus.PENDING_NEW:
                order.status = OrderStatus.UNKNOWN
            symbol.orders.load(order, symbol.instrument)
        clearing.begin(symbol, out)
        if symbol.state is State.ACTIVE:
            halt.change_state(symbol, Cause.STARTUP, "start-up", "system", out)
        measuring.begin(symbol, self._due_markouts, out)
        return out

    def handle(self, event: ev.Event) -> list[Command]:
        """Take one event; returns what is to be done, requests to the exchange before records.

        Whatever it raises is a defect; then the caller tells it a Fault, or never anything again.
        """
        symbol = self._symbol
        now_ns = event.at_ns
        if now_ns < symbol.now_ns:  # noqa: PLR1730 -- max() would cost as much as a dispatch
            now_ns = symbol.now_ns
        out: list[Command] = []
        untouched = type(event) in _ORDERS_UNTOUCHED
        if not untouched:
            symbol.settled = None
        try:
            if now_ns >= symbol.markouts.due_ns or now_ns >= symbol.minute_ns:
                measuring.advance(symbol, now_ns, out)
            symbol.now_ns = now_ns
            HANDLERS[type(event)](symbol, event, out)
            self._advance(out)
            time = symbol.quoting_time
            why = symbol.no_quote_reason if symbol.quote is None else symbol.not_ready
            if why != time.why or symbol.state is not time.state:
                time.follow(symbol.state, why, symbol.ids.wall_us(symbol.now_ns))
            if symbol.presence.programmes:
                measuring.keep_presence(symbol, out)
        except Exception:
            failed_step.take_back(symbol, out)
            raise
        uncertain = symbol.undecided is not None and symbol.quote is not None
        if out:
            symbol.settled = None
        if out or uncertain is not symbol.stats.uncertain or not untouched:
            two_sided = symbol.orders.is_two_sided()
            symbol.stats.activity(
                symbol.now_ns, active=symbol.is_active, two_sided=two_sided, uncertain=uncertain
            )
        if len(out) > 1:
            out.sort(key=_rank)
        return out

    def _advance(self, out: Out) -> None:
        """Do what time or the event made due."""
        symbol = self._symbol
        clearing.advance(symbol, out)
        if symbol.next_instrument is not None:
            market.adopt_next_grid(symbol)
        # Once per interval, and at once when quotes must go or a price is awaited.
        if symbol.now_ns < symbol.due_ns and not symbol.rebase_pending:
            awaited = symbol.urgent or (symbol.quote is not None and symbol.now_ns >= symbol.stale_ns)
            if not (awaited and symbol.is_active):
                if symbol.undecided is not None:
                    market.update_mid(symbol)
                return
        control.check_surroundings(symbol, out)
        if symbol.is_active:
            cycle.evaluate(symbol, out)
        elif symbol.state is State.PAUSED:
            look = market.update_mid(symbol)
            if look is not None:
                symbol.evaluated()
            halt.rebase_when_priced(symbol, mid_is_current=look is not None, out=out)

    @property
    def wake_ns(self) -> int:
        """When the engine wants a Tick at the latest, monotonic."""
        symbol = self._symbol
        due_ns = symbol.markouts.due_ns
        if symbol.is_active:
            if symbol.due_ns < due_ns:  # noqa: PLR1730 -- min() would cost as much as a dispatch, here and below
                due_ns = symbol.due_ns
            if symbol.quote is not None and symbol.stale_ns < due_ns:
                due_ns = symbol.stale_ns
        clearing_ns = clearing.wake_ns(symbol)
        return clearing_ns if clearing_ns < due_ns else due_ns

    def may_send_at(self, now_ns: int) -> bool:
        """Whether a new order may leave, asked right before: after a stall the book is too old."""
        symbol = self._symbol
        return (
            symbol.wants_orders
            and symbol.book.valid
            and now_ns < symbol.stale_ns
            and symbol.instrument.is_trading
            and not symbol.clearing.active
            and not symbol.limits.shadow_mode
        )

    @property
    def is_clear(self) -> bool:
        """Whether nothing of ours can be in the market: proven by the exchange, or never sent (shadow)."""
        symbol = self._symbol
        if symbol.limits.shadow_mode:
            return True
        return symbol.clearing.proven_zero_ns is not None and not len(symbol.orders)

    @property
    def is_out_of_market(self) -> bool:
        """The same, but fills of orders that are over may still be on their way to us."""
        symbol = self._symbol
        if symbol.limits.shadow_mode:
            return True
        return symbol.clearing.proven_zero_ns is not None and not symbol.orders.live_count()

    @property
    def symbol(self) -> Symbol:
        """The engine's state, for reading."""
        return self._symbol

    def view(self) -> SymbolView:
        """One consistent picture of the symbol, as of the last event."""
        return view_of(self._symbol)

    def preview(self, config: SymbolConfig) -> PreviewView:
        """What another configuration would do now. Raises ValueError, naming the field."""
        return preview.preview(self._symbol, config)

    def depth(self, levels: int) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
        """The book's best bids and asks with our part of each."""
        return preview.depth(self._symbol, levels)
