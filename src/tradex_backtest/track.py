"""What one run leaves behind: its fills, its orders, where it stood each second, and why it did not quote."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.view import spread_bps
from tradex_backtest.venue import Venue

QUOTING: Final = "quoting"


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of ours; `mid` is the price that valued the position when it was counted."""

    at_ns: int
    side: ev.Side
    level: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    mid: Decimal | None
    position: Decimal
    """After it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the run stood; amounts in quote currency, None while no price is known."""

    at_ns: int
    pnl: Decimal
    position: Decimal
    inventory: Decimal | None
    spread_bps: Decimal | None


@dataclass(slots=True)
class OrderFacts:
    """Sums over orders that are over."""

    accepted: int = 0
    ended: int = 0
    filled: int = 0
    """Of those that ended, with at least one fill."""
    lifetimes_ns: Counter[int] | None = None


class Track:
    """Looks at an engine after each of its steps."""

    def __init__(self, engine: SymbolEngine, venue: Venue, began_ns: int) -> None:
        self.began_ns = self.ended_ns = began_ns
        self.fills: list[Fill] = []
        self.samples: list[Sample] = []
        self.lifetimes_ns: list[int] = []
        """From acceptance to end, of each order that was accepted and ended."""
        self.ahead: list[Decimal] = []
        """Notional of the crowd before each accepted order."""
        self.filled_orders: set[str] = set()
        self.spent_ns: Counter[tuple[str, str]] = Counter()
        """Time by (state, why there was no quote)."""
        self._engine = engine
        self._venue = venue
        self._opened_ns: dict[str, int] = {}
        self._standing = self._stands()
        self._since_ns = began_ns

    def stepped(self, event: ev.Event, commands: Sequence[cmd.Command]) -> None:
        """The engine has handled an event."""
        for command in commands:
            if isinstance(command, cmd.RecordFill):
                self._filled(event.at_ns, command)
            elif isinstance(command, cmd.RecordOrder):
                self._changed(event.at_ns, command)
        symbol = self._engine.symbol
        reason = QUOTING if symbol.quote is not None else symbol.no_quote_reason
        if reason != self._standing[1] or symbol.state.value != self._standing[0]:
            self._spend(event.at_ns)

    def sample(self, at_ns: int) -> None:
        """A second has passed."""
        symbol = self._engine.symbol
        mid = None if symbol.mid is None else symbol.mid.price(symbol.instrument)
        self.samples.append(
            Sample(
                at_ns,
                symbol.total_pnl,
                symbol.inventory.position,
                symbol.inventory_value,
                spread_bps((order for order in symbol.orders if order.is_live), mid),
            )
        )

    def end(self, at_ns: int) -> None:
        """The run is over."""
        self._spend(at_ns)
        self.ended_ns = at_ns
        self.sample(at_ns)

    def _stands(self) -> tuple[str, str]:
        symbol = self._engine.symbol
        return symbol.state.value, QUOTING if symbol.quote is not None else symbol.no_quote_reason

    def _spend(self, at_ns: int) -> None:
        self.spent_ns[self._standing] += at_ns - self._since_ns
        self._standing, self._since_ns = self._stands(), at_ns

    def _filled(self, at_ns: int, record: cmd.RecordFill) -> None:
        if record.after is None:
            return
        valuation = self._engine.symbol.valuation
        client_order_id = record.client_order_id or ""
        entered = self._venue.orders[client_order_id]
        self.filled_orders.add(client_order_id)
        self.fills.append(
            Fill(
                at_ns,
                record.side,
                entered.asked.level,
                record.price,
                record.quantity,
                record.fee,
                None if valuation is None else valuation.price,
                record.after.position,
            )
        )

    def _changed(self, at_ns: int, record: cmd.RecordOrder) -> None:
        client_order_id = record.client_order_id
        if record.status.is_final:
            if (opened_ns := self._opened_ns.pop(client_order_id, None)) is not None:
                self.lifetimes_ns.append(at_ns - opened_ns)
        elif record.status is cmd.OrderStatus.OPEN and client_order_id not in self._opened_ns:
            self._opened_ns[client_order_id] = at_ns
            entered = self._venue.orders[client_order_id]
            self.ahead.append(self._venue.instrument.quantity(entered.ahead) * record.price)
