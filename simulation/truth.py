"""What really happened: every order that was meant, what the exchange made of it, every execution.

The engines never see this; the invariants compare what they do and believe with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from market_maker.core import events as ev
from market_maker.core.events import Execution, OrderEventKind, RequestOutcome
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side
from simulation.clock import MS
from simulation.coverage import Coverage

ARRIVES_WITHIN_NS = 400 * MS
"""A request whose connection ended reaches the exchange within this time, or it is a ghost: an order
that the service was entitled to believe had never existed."""

TradeKey = tuple[str, Side]


@dataclass(slots=True, eq=False)
class Intent:
    """One order that an engine decided to send."""

    order: CheckedOrder
    life: int
    """Which process meant it."""
    tick_size: Decimal
    left: Decimal
    """Base currency that has not filled."""
    order_id: str | None = None
    arrived_ns: int | None = None
    connection_ended_ns: int | None = None
    """Since when nobody can be told of it any more."""
    over: bool = False
    """Whether it can fill no more: never to arrive, or final at the exchange."""
    ghost: bool = False
    heard: bool = False
    """Whether a process that lives now has been told that the exchange has it."""

    @property
    def is_open(self) -> bool:
        """Whether it rests at the exchange."""
        return self.arrived_ns is not None and not self.over


@dataclass(slots=True)
class SymbolTruth:
    """One symbol's part."""

    possible: dict[str, Intent] = field(default_factory=dict)
    """Orders that rest at the exchange or may come to, by client order id."""
    executions: dict[TradeKey, Execution] = field(default_factory=dict)
    position: Decimal = Decimal(0)
    had_ghost: bool = False
    """Whether an order ever rested that the service was entitled to believe gone: its mid may follow it."""


class Truth:
    """All symbols."""

    def __init__(self, symbols: tuple[str, ...], coverage: Coverage) -> None:
        self._coverage = coverage
        self.of = {symbol: SymbolTruth() for symbol in symbols}
        self.intents: dict[str, Intent] = {}
        self._by_order_id: dict[str, Intent] = {}

    def meant(self, order: CheckedOrder, life: int, tick_size: Decimal) -> Intent | None:
        """An engine decided on an order; None when its id was used before."""
        if order.client_order_id in self.intents:
            return None
        intent = Intent(order, life, tick_size, order.quantity)
        self.intents[order.client_order_id] = intent
        self.of[order.symbol].possible[order.client_order_id] = intent
        return intent

    def arrives_never(self, client_order_id: str) -> None:
        """It was not sent, was refused, or was lost."""
        intent = self.intents[client_order_id]
        if intent.arrived_ns is None:
            self._over(intent)

    def connection_ended(self, client_order_id: str, now_ns: int) -> None:
        """Nobody waits for its answer any more."""
        intent = self.intents[client_order_id]
        if intent.connection_ended_ns is None:
            intent.connection_ended_ns = now_ns

    def accepted(self, client_order_id: str, order_id: str, now_ns: int) -> None:
        """The exchange took the order."""
        intent = self.intents[client_order_id]
        if intent.arrived_ns is not None:
            raise AssertionError(f"{client_order_id} was accepted twice")
        intent.order_id, intent.arrived_ns = order_id, now_ns
        self._by_order_id[order_id] = intent
        ended_ns = intent.connection_ended_ns
        intent.ghost = ended_ns is not None and now_ns - ended_ns > ARRIVES_WITHIN_NS
        if intent.ghost:
            self.of[intent.order.symbol].had_ghost = True
            self._coverage.hit("ghost_order")

    def process_died(self) -> None:
        """What it was told of, the next one has not heard."""
        for of_symbol in self.of.values():
            for intent in of_symbol.possible.values():
                intent.heard = False

    def ended(self, order_id: str) -> None:
        """The exchange called the order final."""
        self._over(self._by_order_id[order_id])

    def executed(self, symbol: str, execution: Execution) -> None:
        """An order of ours traded."""
        truth = self.of[symbol]
        truth.executions[execution.trade_id, execution.side] = execution
        truth.position += execution.side.sign * execution.quantity
        self._by_order_id[execution.order_id].left -= execution.quantity

    def to_be_known(self, symbol: str, now_ns: int) -> list[Intent]:
        """Orders that rest or may come to, and that the service is not entitled to believe gone."""
        return [intent for intent in self.of[symbol].possible.values() if _is_to_be_known(intent, now_ns)]

    def to_be_cleared(self, symbol: str, now_ns: int) -> list[Intent]:
        """The same, and ghosts that a process has been told of."""
        possible = self.of[symbol].possible.values()
        return [intent for intent in possible if intent.heard or _is_to_be_known(intent, now_ns)]

    def heard(self, event: ev.Event) -> None:
        """A process is told of orders that the exchange has."""
        for client_order_id in _named(event):
            intent = self.intents.get(client_order_id)
            if intent is not None and intent.arrived_ns is not None:
                intent.heard = True

    def _over(self, intent: Intent) -> None:
        intent.over = True
        self.of[intent.order.symbol].possible.pop(intent.order.client_order_id, None)


def ids_of(intents: Iterable[Intent]) -> list[str]:
    """Their client order ids."""
    return [intent.order.client_order_id for intent in intents]


def _is_to_be_known(intent: Intent, now_ns: int) -> bool:
    if intent.arrived_ns is not None:
        return not intent.ghost
    ended_ns = intent.connection_ended_ns
    return ended_ns is None or now_ns - ended_ns <= ARRIVES_WITHIN_NS


def _named(event: ev.Event) -> list[str]:
    """The orders that an event says to be, or to have been, at the exchange."""
    match event:
        case ev.OpenOrdersAnswer():
            return [order.client_order_id for order in event.orders]
        case ev.PlaceAnswer(outcome=RequestOutcome.OK) | ev.QueryAnswer(outcome=RequestOutcome.OK):
            return [event.client_order_id]
        case ev.OrderEvent(kind=OrderEventKind.ACCEPTED) | ev.Execution():
            return [event.client_order_id or ""]
    return []
