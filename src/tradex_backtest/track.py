"""What one run leaves behind: its fills, its orders, where it stood each second, and why it did not quote."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.ledger.quoting_time import Why, reason
from market_maker.core.states import State
from market_maker.core.view import spread_bps
from tradex_backtest.report.figures import FillFigures, OrderFigures, Point, TimeShare
from tradex_backtest.venue import BacktestVenue

NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Tracked:
    """All of it, once the run is over."""

    fills: tuple[FillFigures, ...]
    points: tuple[Point, ...]
    orders: OrderFigures
    time: tuple[TimeShare, ...]


class _Standing(NamedTuple):
    """The engine's state and why it does not quote."""

    state: State
    why: Why

    def told(self) -> tuple[str, str]:
        """In a report's words."""
        return self.state.value, reason(self.why)


class Track:
    """Looks at an engine after each of its steps."""

    def __init__(self, engine: SymbolEngine, venue: BacktestVenue, began_ns: int, learn_us: int = 0) -> None:
        self.began_us = self.ended_us = began_ns // 1000 + learn_us
        self._engine = engine
        self._venue = venue
        self._fills: list[cmd.RecordFill] = []
        self._markouts: dict[tuple[str, str], dict[int, Decimal]] = {}
        self._points: list[Point] = []
        self._lifetimes_ns: list[int] = []
        self._ahead: list[Decimal] = []
        self._filled_orders: set[str] = set()
        self._opened_ns: dict[str, int] = {}
        self._spent_ns: Counter[tuple[str, str]] = Counter()
        self._symbol = engine.symbol
        self._standing = self._stands()
        self._since_ns = began_ns

    def stepped(self, event: ev.Event, commands: Sequence[cmd.Command]) -> None:
        """The engine has handled an event."""
        for command in commands:
            if isinstance(command, cmd.RecordOrder):
                self._changed(event.at_ns, command)
            elif isinstance(command, cmd.RecordMarkouts):
                self._marked_out(command)
            elif isinstance(command, cmd.RecordFill) and command.after is not None:
                self._fills.append(command)
                self._filled_orders.add(command.client_order_id or command.order_id)
        symbol = self._symbol
        why = symbol.no_quote_reason if symbol.quote is None else symbol.not_ready
        if symbol.state is not self._standing.state or why != self._standing.why:
            self._spend(event.at_ns)

    def sample(self, at_ns: int) -> None:
        """A second has passed; while the engine only watches there is nothing to keep."""
        if at_ns // 1000 < self.began_us:
            return
        symbol = self._engine.symbol
        mid = None if symbol.mid is None else symbol.mid.price(symbol.instrument)
        spread = spread_bps((order for order in symbol.orders if order.is_live), mid)
        self._points.append(Point(at_ns // 1000, symbol.parts, symbol.inventory_value, spread))

    def end(self, at_ns: int) -> None:
        """The run is over."""
        self._spend(at_ns)
        self.ended_us = at_ns // 1000
        self.sample(at_ns)

    def told(self) -> Tracked:
        """What there is to tell."""
        stats = self._engine.symbol.stats
        orders = OrderFigures(
            stats.orders_placed,
            stats.orders_cancelled,
            len(self._filled_orders),
            tuple(sorted(ns / NS_PER_MS for ns in self._lifetimes_ns)),
            tuple(sorted(float(value) for value in self._ahead)),
        )
        time = tuple(
            TimeShare(state, reason, ns / 1e9) for (state, reason), ns in self._spent_ns.most_common()
        )
        return Tracked(tuple(self._fill(record) for record in self._fills), tuple(self._points), orders, time)

    def _fill(self, record: cmd.RecordFill) -> FillFigures:
        markouts = self._markouts.get((record.trade_id, record.side.value), {})
        return FillFigures.of(record, record.executed_at_us, markouts)

    def _marked_out(self, record: cmd.RecordMarkouts) -> None:
        for markout in record.markouts:
            if (usdt := markout.usdt) is not None:
                of_fill = self._markouts.setdefault((markout.trade_id, markout.side.value), {})
                of_fill[markout.horizon_ms] = usdt

    def _stands(self) -> _Standing:
        symbol = self._symbol
        return _Standing(symbol.state, symbol.no_quote_reason if symbol.quote is None else symbol.not_ready)

    def _spend(self, at_ns: int) -> None:
        self._spent_ns[self._standing.told()] += at_ns - self._since_ns
        self._standing, self._since_ns = self._stands(), at_ns

    def _changed(self, at_ns: int, record: cmd.RecordOrder) -> None:
        client_order_id = record.client_order_id
        if record.status.is_final:
            if (opened_ns := self._opened_ns.pop(client_order_id, None)) is not None:
                self._lifetimes_ns.append(at_ns - opened_ns)
        elif record.status is cmd.OrderStatus.OPEN and client_order_id not in self._opened_ns:
            self._opened_ns[client_order_id] = at_ns
            ahead = self._venue.orders[client_order_id].ahead
            self._ahead.append(self._venue.instrument.quantity(ahead) * record.price)
