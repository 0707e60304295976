"""How well a ladder keeps up with a market that moves more than its orders a second allow.

Five levels a side, a mid that jumps by 8 bps every second, ten orders a second: an engine on a virtual clock
against a small exchange, five milliseconds away. A taker hits the best price of a random side twice a second,
and twenty milliseconds after each jump somebody takes whatever stands through the new mid. The same seed
gives the same market; what differs is only what the engine does.

Measured with this file, seed 1, ten virtual minutes, before orders were matched by price and passive ones
waited (commit e3ad2ac, less the exchange's times, for which it had no fields), and since:

                           before    since
    both sides, % of time    50.2    100.0
    cancels per fill         4.69     1.11
    cancels                  4493     1651
    fills                     957     1489
    orders placed            5460     3150
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from benchmarks.report import Row
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import OrderEventKind, RequestOutcome
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.orders.ids import IdSeed
from market_maker.core.side import Side
from market_maker.core.states import Cause, State

MS = 1_000_000
SECOND_NS = 1_000 * MS
DURATION_NS = 600 * SECOND_NS
FIRST_NS = SECOND_NS
WAY_NS = 5 * MS
"""One way between engine and exchange."""
MOVE_BPS = 8
CROWD_BPS = 40
"""How far from the mid the crowd stands: outside of the whole ladder."""
CROWD_LOTS = 1_000_000
PICKED_OFF_NS = 20 * MS
TAKEN_EVERY_NS = SECOND_NS // 2
BOTH_SIDES_PCT = 95.0
CANCELS_PER_FILL = 2.34
"""Half of what it was."""

INSTRUMENT = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
START_TICKS = 10_000_000
CONFIG = SymbolConfig(
    "BTCUSDT",
    enabled=True,
    num_levels=5,
    max_position_usdt=Decimal(100_000),
    max_loss_usdt=Decimal(100_000),
    volatility_multiplier=False,
)
LIMITS = EngineLimits(max_orders_per_second=10)


@dataclass(slots=True, eq=False)
class Resting:
    """One of our orders at the exchange."""

    order: CheckedOrder
    order_id: str


class Market:
    """The exchange, the crowd and the way between them and the engine."""

    def __init__(self, seed: int) -> None:
        self.now_ns = FIRST_NS
        self.orders: dict[str, Resting] = {}
        self.cancels = self.fills = 0
        self.both_ns = 0
        self._rng = random.Random(seed)
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count(1)
        self._mid = START_TICKS
        self._sequence = 0
        restored = Restored(
            CONFIG,
            INSTRUMENT,
            State.PAUSED,
            "",
            "",
            None,
            Decimal(0),
            Inventory(),
            (),
            IdSeed(1, 1, FIRST_NS),
        )
        self.engine = SymbolEngine(restored, LIMITS)
        self._carry_out(self.engine.start())
        self._publish()

    def run(self) -> None:
        """The whole time, from enable on."""
        self._at(FIRST_NS + 100 * MS, self._enable)
        self._at(FIRST_NS + SECOND_NS, self._moves)
        self._at(FIRST_NS + TAKEN_EVERY_NS + 3 * MS, self._taken)
        self._wake()
        while self._agenda[0][0] <= FIRST_NS + DURATION_NS:
            due_ns, _, act = heapq.heappop(self._agenda)
            if len({resting.order.side for resting in self.orders.values()}) == len(Side):
                self.both_ns += due_ns - self.now_ns
            self.now_ns = due_ns
            act()
        assert self.engine.symbol.state is State.ACTIVE, self.engine.symbol.state_reason

    # --- the engine ------------------------------------------------------------------------------

    def _enable(self) -> None:
        self._hear(ev.Control(self.now_ns, 1, Cause.ENABLE, "bench"))

    def _hear(self, event: ev.Event) -> None:
        self._carry_out(self.engine.handle(event))
        self._wake()

    def _wake(self) -> None:
        self._at(max(self.now_ns + 1, self.engine.wake_ns), self._tick)

    def _tick(self) -> None:
        if self.engine.wake_ns <= self.now_ns:
            self._hear(ev.Tick(self.now_ns))

    def _carry_out(self, commands: list[cmd.Command]) -> None:
        for command in commands:
            if isinstance(command, cmd.PlaceOrder):
                self._after(WAY_NS, self._place, command.order)
            elif isinstance(command, cmd.CancelOrder):
                self.cancels += 1
                self._after(WAY_NS, self._cancel, command)
            elif isinstance(command, cmd.QueryOrder):
                self._after(WAY_NS, self._query, command.client_order_id)
            elif isinstance(command, cmd.CancelAll):
                self._tell(ev.CancelAllAnswer, RequestOutcome.OK)
            elif isinstance(command, cmd.QueryOpenOrders):
                self._after(WAY_NS, self._list)

    # --- the exchange ----------------------------------------------------------------------------

    def _place(self, order: CheckedOrder) -> None:
        resting = Resting(order, f"x{next(self._numbers)}")
        self.orders[resting.order_id] = resting
        self._tell(
            ev.PlaceAnswer,
            client_order_id=order.client_order_id,
            outcome=RequestOutcome.OK,
            order_id=resting.order_id,
            created_at_us=self._now_us,
        )
        self._publish()

    def _cancel(self, command: cmd.CancelOrder) -> None:
        if self.orders.pop(command.order_id, None) is None:
            self._tell(ev.CancelAnswer, command.client_order_id, RequestOutcome.NOT_FOUND)
            return
        self._tell(ev.CancelAnswer, command.client_order_id, RequestOutcome.OK)
        self._tell(
            ev.OrderEvent,
            kind=OrderEventKind.CANCELED,
            order_id=command.order_id,
            client_order_id=command.client_order_id,
            reason=None,
            sequence=0,
            happened_at_us=self._now_us,
        )
        self._publish()

    def _query(self, client_order_id: str) -> None:
        for listed in self._open():
            if listed.client_order_id == client_order_id:
                self._tell(ev.QueryAnswer, client_order_id, RequestOutcome.OK, listed)
                return
        self._tell(ev.QueryAnswer, client_order_id, RequestOutcome.NOT_FOUND)

    def _list(self) -> None:
        self._tell(ev.OpenOrdersAnswer, self.now_ns, RequestOutcome.OK, self._open())

    def _open(self) -> tuple[ev.ExchangeOrder, ...]:
        return tuple(
            ev.ExchangeOrder(
                resting.order_id,
                resting.order.client_order_id,
                resting.order.side,
                resting.order.price,
                resting.order.quantity,
                Decimal(0),
                ev.ExchangeStatus.OPEN,
            )
            for resting in self.orders.values()
        )

    def _fill(self, resting: Resting) -> None:
        del self.orders[resting.order_id]
        self.fills += 1
        order, number = resting.order, next(self._numbers)
        self._tell(
            ev.Execution,
            trade_id=f"t{number}",
            side=order.side,
            price=order.price,
            quantity=order.quantity,
            fee=Decimal(0),
            order_id=resting.order_id,
            client_order_id=order.client_order_id,
            is_maker=True,
            sequence=number,
            executed_at_us=self._now_us,
        )

    # --- the crowd -------------------------------------------------------------------------------

    def _moves(self) -> None:
        self._mid += self._rng.choice((-1, 1)) * self._mid * MOVE_BPS // 10_000
        self._publish()
        self._after(PICKED_OFF_NS, self._picked_off)
        self._after(SECOND_NS, self._moves)

    def _picked_off(self) -> None:
        for resting in list(self.orders.values()):
            if resting.order.side.sign * (resting.order.price_ticks - self._mid) > 0:
                self._fill(resting)
        self._publish()

    def _taken(self) -> None:
        side = self._rng.choice((Side.BUY, Side.SELL))
        ours = [resting for resting in self.orders.values() if resting.order.side is side]
        if ours:
            self._fill(max(ours, key=lambda resting: side.sign * resting.order.price_ticks))
            self._publish()
        self._after(TAKEN_EVERY_NS, self._taken)

    def _publish(self) -> None:
        self._sequence += 1
        levels: dict[Side, dict[int, int]] = {}
        for side in Side:
            away = self._mid * CROWD_BPS // 10_000
            levels[side] = {self._mid - side.sign * away: CROWD_LOTS}
        for resting in self.orders.values():
            ticks, side_levels = resting.order.price_ticks, levels[resting.order.side]
            side_levels[ticks] = side_levels.get(ticks, 0) + resting.order.lots
        bids, asks = (tuple(levels[side].items()) for side in (Side.BUY, Side.SELL))
        at_ns, at_us = self.now_ns, self._now_us
        self._tell(ev.BookSnapshot, at_ns, self._sequence, bids, asks, exchange_us=at_us)

    # --- time ------------------------------------------------------------------------------------

    @property
    def _now_us(self) -> int:
        """The exchange's own clock."""
        return self.now_ns // 1000

    def _tell(self, event: Callable[..., ev.Event], *fields: object, **named: object) -> None:
        """An event that reaches the engine after its way."""
        self._after(WAY_NS, lambda: self._hear(event(self.now_ns, *fields, **named)))

    def _after(self, delay_ns: int, act: Callable[..., None], *given: object) -> None:
        self._at(self.now_ns + delay_ns, lambda: act(*given))

    def _at(self, due_ns: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (due_ns, next(self._numbers), act))


def rows(seed: int = 1) -> list[Row]:
    """The figures of one market."""
    market = Market(seed)
    market.run()
    both = 100 * market.both_ns / DURATION_NS
    return [
        Row("requote: 5 levels, 8 bps/s, 10 orders/s: both sides", both, "%", BOTH_SIDES_PCT, at_least=True),
        Row("requote: cancels per fill", market.cancels / market.fills, "", CANCELS_PER_FILL),
        Row("requote: cancels", market.cancels, ""),
        Row("requote: fills", market.fills, ""),
        Row("requote: orders placed", market.engine.symbol.stats.orders_placed, ""),
    ]
