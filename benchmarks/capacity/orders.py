"""The orders of the benchmark's exchange: whatever is asked for rests, and now and then one is filled."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from benchmarks.capacity.presence import Presence
from tradex_sandbox.market_events import OrderAccepted, OrderCanceled, OrderFilled, Trade
from tradex_sandbox.orders import NewOrder, Side

FILL_EVERY: Final = 10
"""One order in so many of a symbol trades."""
CROWD: Final = "crowd"
REBATE: Final = Decimal("-0.00005")

Told = OrderAccepted | OrderCanceled | OrderFilled | Trade


@dataclass(slots=True)
class RestingOrder:
    """An order and what became of it."""

    order_id: str
    new: NewOrder
    status: str = "open"


class Orders:
    """Every order of the exchange's life. What it does to the outside it returns as events."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._sequences: Counter[str] = Counter()
        self._placed: Counter[str] = Counter()
        self.by_id: dict[str, RestingOrder] = {}
        self.by_client_id: dict[str, RestingOrder] = {}
        self._open: dict[tuple[str, str], dict[str, RestingOrder]] = {}
        self.presence = Presence()
        self.cancels = 0
        self.trades = 0

    def place(self, new: NewOrder, at_us: int) -> tuple[RestingOrder, list[Told], bool]:
        """The order, what is to be told, and whether it will trade; an id that is known changes nothing."""
        known = self.by_client_id.get(new.client_order_id)
        if known is not None:
            return known, [], False
        order = RestingOrder(f"o{next(self._numbers)}", new)
        self.by_id[order.order_id] = self.by_client_id[new.client_order_id] = order
        resting = self._of(new.account_id, new.symbol)
        if not resting:
            self.presence.came(new.symbol, at_us)
        resting[order.order_id] = order
        self._placed[new.symbol] += 1
        told = OrderAccepted(new.symbol, self._sequence(new.symbol), *_names(order), "", at_us)
        return order, [told], self._placed[new.symbol] % FILL_EVERY == 0

    def cancel(self, order: RestingOrder, at_us: int) -> list[Told]:
        """Take an open order out."""
        order.status = "cancelled"
        self.cancels += 1
        new = order.new
        self._remove(order, at_us)
        return [OrderCanceled(new.symbol, self._sequence(new.symbol), *_names(order), "REQUESTED", at_us)]

    def fill(self, order: RestingOrder, at_us: int) -> list[Told]:
        """Let an order trade in full, if it still rests."""
        if order.status != "open":
            return []
        order.status = "filled"
        self.trades += 1
        new = order.new
        self._remove(order, at_us)
        is_buy = new.side is Side.BUY
        trade = Trade(
            new.symbol,
            self._sequence(new.symbol),
            f"t{self.trades}",
            new.price or Decimal(0),
            new.quantity,
            new.side.opposite,
            order.order_id,
            CROWD,
            new.client_order_id,
            None,
            new.account_id,
            CROWD,
            (new.price or Decimal(0)) * new.quantity * REBATE,
            Decimal(0),
            is_buy,
            at_us,
        )
        return [trade, OrderFilled(new.symbol, self._sequence(new.symbol), *_names(order), "", at_us)]

    def open_orders(self, account_id: str, symbol: str | None) -> list[RestingOrder]:
        """What rests of an account."""
        return list(self._matching(account_id, symbol))

    def _matching(self, account_id: str, symbol: str | None) -> Iterator[RestingOrder]:
        for (account, of_symbol), orders in self._open.items():
            if account == account_id and symbol in (None, of_symbol):
                yield from orders.values()

    def _remove(self, order: RestingOrder, at_us: int) -> None:
        resting = self._of(order.new.account_id, order.new.symbol)
        del resting[order.order_id]
        if not resting:
            self.presence.emptied(order.new.symbol, at_us)

    def _of(self, account_id: str, symbol: str) -> dict[str, RestingOrder]:
        return self._open.setdefault((account_id, symbol), {})

    def _sequence(self, symbol: str) -> int:
        self._sequences[symbol] += 1
        return self._sequences[symbol]


def _names(order: RestingOrder) -> tuple[str, str, str]:
    return order.order_id, order.new.client_order_id, order.new.account_id
