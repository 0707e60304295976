"""A conversation with one engine: given a symbol, when events, then exact commands.

Commands are compared as short lines: `place c1 buy 9995 x 100`, `cancel c1`, `record c1 open`. Orders
are named c1, c2 ... in the order in which they were placed; the exchange calls them x1, x2 ...
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.support.conversation import EXCHANGE_US, MS
from tests.support.exchange_talk import ExchangeTalk
from tests.support.said import Said

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State
from market_maker.core.view import SymbolView

BIDS: ev.Levels = ((9980, 500), (9970, 500))
ASKS: ev.Levels = ((10020, 500), (10010 + 20, 500))
LATCH = Trigger(KillReason.MANUAL, "earlier", "manual")
"""Of a symbol that was halted before."""


class Playbook(ExchangeTalk):
    """The whole of it: market data, operators, surroundings, and what the exchange says."""

    def snapshot(
        self,
        bids: ev.Levels = BIDS,
        asks: ev.Levels = ASKS,
        *,
        age_ms: float = 0,
        sequence: int | None = None,
    ) -> Said:
        """The whole book."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(
            ev.BookSnapshot(
                self.now_ns, data_ns, self.sequence, bids, asks, exchange_us=data_ns // EXCHANGE_US
            )
        )

    def delta(
        self, bids: ev.Levels = (), asks: ev.Levels = (), *, prev: int | None = None, age_ms: float = 0
    ) -> Said:
        """Changed levels; follows the last message unless `prev` says otherwise."""
        before = self.sequence if prev is None else prev
        self.sequence = before + 1
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(
            ev.BookDelta(
                self.now_ns,
                data_ns,
                before,
                self.sequence,
                bids,
                asks,
                exchange_us=data_ns // EXCHANGE_US,
            )
        )

    def mid(self, ticks: int, *, half: int = 20, lots: int = 500) -> Said:
        """A whole book of others around a mid."""
        return self.snapshot(((ticks - half, lots),), ((ticks + half, lots),))

    def mark(self, price: str, *, age_ms: float = 0) -> Said:
        """A mark price."""
        return self.when(ev.MarkPrice(self.now_ns, self.now_ns - round(age_ms * MS), Decimal(price)))

    def trade(self, price: str, *, age_ms: float = 0, trade_id: str = "of others") -> Said:
        """A public trade."""
        data_ns = self.now_ns - round(age_ms * MS)
        return self.when(ev.PublicTrade(self.now_ns, data_ns, Decimal(price), trade_id))

    def grid(self, **changes: Any) -> Said:
        """New metadata of the instrument."""
        reason = changes.pop("reason", "")
        self.instrument = replace(self.instrument, version=self.instrument.version + 1, **changes)
        return self.when(ev.InstrumentUpdated(self.now_ns, self.instrument, reason))

    def config(self, **changes: Any) -> Said:
        """A new configuration."""
        return self.when(ev.ConfigChanged(self.now_ns, replace(self.engine.symbol.config, **changes), "desk"))

    def control(self, cause: Cause, *, reason: str = "", rebase_pnl: bool = False) -> Said:
        """A request of an operator."""
        self._requests += 1
        control = ev.Control(self.now_ns, self._requests, cause, "alice", reason, rebase_pnl)
        return self.when(control)

    def enable(self) -> Said:
        """An operator enables the symbol."""
        return self.control(Cause.ENABLE)

    def control_pause(self) -> Said:
        """An operator pauses the symbol."""
        return self.control(Cause.PAUSE)

    def kill(self, reason: str = "test") -> Said:
        """An operator pulls the kill switch."""
        return self.control(Cause.KILL, reason=reason)

    def lag(self, ms: float | None, topic: str = "md.orderbook.delta.v1") -> Said:
        """A measurement of consumer lag."""
        return self.when(ev.LagMeasured(self.now_ns, None if ms is None else round(ms * MS), topic))

    def journal(self, ms: float = 0, *, failed: bool = False) -> Said:
        """A measurement of the journal."""
        return self.when(ev.JournalMeasured(self.now_ns, round(ms * MS), failed))

    def lease(self, *, is_current: bool) -> Said:
        """A look at the instance's lease."""
        return self.when(ev.LeaseMeasured(self.now_ns, is_current))

    # --- what there is ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The symbol's state."""
        return self.engine.symbol.state

    @property
    def position(self) -> Decimal:
        """Signed, base currency."""
        return self.engine.symbol.inventory.position

    def view(self) -> SymbolView:
        """What operators see."""
        return self.engine.view()

    def verdict(self, side: Side, level: int = 0) -> str:
        """What became of a level of the latest quote."""
        return {(s, n): text for s, n, text in self.view().verdicts}[side, level]

    def unsettled(self) -> list[str]:
        """Names of the orders whose end is not known yet."""
        return [self._scribe.name(order.client_order_id) for order in self.engine.symbol.orders]

    def status(self, name: str) -> cmd.OrderStatus:
        """The latest recorded status of an order."""
        return self._scribe.orders[self.id(name)].status


def proven(playbook: Playbook) -> Playbook:
    """The exchange has nothing of ours and says so."""
    playbook.cancel_all_answer()
    playbook.open_orders()
    while "list open orders" in playbook.said.requests:
        playbook.open_orders()
    return playbook


def ready(**given: Any) -> Playbook:
    """PAUSED with a book around 1000.0 and zero proven: enable would be accepted."""
    playbook = proven(Playbook(**given))
    playbook.snapshot()
    return playbook


def active(**given: Any) -> Playbook:
    """ACTIVE; the first quotes were sent and not yet answered: c1 buys, c2 sells."""
    playbook = ready(**given)
    playbook.enable()
    assert playbook.state is State.ACTIVE, playbook.said.lines
    return playbook


def quoting(**given: Any) -> Playbook:
    """ACTIVE with c1 (buy, 9995) and c2 (sell, 10005) resting, and the book showing them."""
    playbook = active(**given)
    playbook.place_answer("c1")
    playbook.place_answer("c2")
    playbook.delta(((9995, 100),), ((10005, 100),))
    return playbook
