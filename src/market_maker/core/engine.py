"""The engine of one symbol: events in, commands out. Dispatch only; the handlers hold the rules.

Deterministic: the same start and the same events give the same commands. Time is `event.at_ns`.
"""

from collections.abc import Callable
from typing import Any

from market_maker.core import answers, clearing, control, cycle, fills, halt, market
from market_maker.core import events as ev
from market_maker.core.commands import Command
from market_maker.core.config import EngineLimits
from market_maker.core.ids import OrderIds
from market_maker.core.orders import Order
from market_maker.core.states import Cause, State
from market_maker.core.symbol import KillLatch, Out, Restored, Symbol
from market_maker.core.symbol_view import view_of
from market_maker.core.view import SymbolView

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
    ev.LagMeasured: control.on_lag,
    ev.JournalMeasured: control.on_journal,
    ev.Fault: control.on_fault,
    ev.Tick: _on_tick,
}


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
            state_reason=restored.state_reason,
            state_actor=restored.state_actor,
            now_ns=restored.ids.at_ns,
            state_since_ns=restored.ids.at_ns,
        )
        if restored.kill is not None:
            symbol.kill = KillLatch(restored.kill, symbol.now_ns)
        for key in restored.trade_keys:
            fills.remember_trade(symbol, key)
        self._symbol = symbol

    def start(self, open_orders: tuple[Order, ...] = ()) -> list[Command]:
        """Begin: ACTIVE becomes PAUSED, and whatever of ours is in the market is cleared.

        `open_orders` are the orders that were not final when the last process wrote its journal.
        """
        symbol = self._symbol
        out: list[Command] = []
        for order in open_orders:
            symbol.orders.add(order)
        clearing.begin(symbol, out)
        if symbol.state is State.ACTIVE:
            halt.change_state(symbol, Cause.STARTUP, "start-up", "system", out)
        return out

    def handle(self, event: ev.Event) -> list[Command]:
        """Take one event; returns what is to be done, requests to the exchange before records."""
        symbol = self._symbol
        symbol.now_ns = max(symbol.now_ns, event.at_ns)
        symbol.caused_ns = symbol.now_ns
        symbol.trace = None
        out: list[Command] = []
        HANDLERS[type(event)](symbol, event, out)
        self._advance(out)
        symbol.stats.activity(symbol.now_ns, active=symbol.is_active, two_sided=symbol.orders.is_two_sided())
        return out

    def _advance(self, out: Out) -> None:
        """Do what time or the event made due."""
        symbol = self._symbol
        clearing.advance(symbol, out)
        market.adopt_next_grid(symbol)
        if symbol.is_active and (symbol.urgent or symbol.now_ns - symbol.evaluated_ns >= symbol.interval_ns):
            control.check_surroundings(symbol, out)
            if symbol.is_active:
                cycle.evaluate(symbol, out)

    @property
    def wake_ns(self) -> int:
        """When the engine wants a Tick at the latest, monotonic."""
        symbol = self._symbol
        wake_ns = clearing.wake_ns(symbol)
        if symbol.is_active:
            wake_ns = min(wake_ns, symbol.evaluated_ns + symbol.interval_ns)
        return wake_ns

    @property
    def may_send(self) -> bool:
        """Whether a new order may leave at this very moment; asked again right before it does."""
        symbol = self._symbol
        return symbol.is_active and symbol.instrument.is_trading and not symbol.limits.shadow_mode

    @property
    def symbol(self) -> Symbol:
        """The engine's state, for reading."""
        return self._symbol

    def view(self) -> SymbolView:
        """One consistent picture of the symbol, as of the last event."""
        return view_of(self._symbol)
