"""Our orders of one symbol: what we sent, what the exchange said of each, what may still fill.

An order is *final* when the exchange said so. It is *settled* when also every fill that the
exchange counts for it has reached us; until then its rest keeps counting for every limit, because
the answer to a cancel travels another way than the fills that came before it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from market_maker.core.book.own_share import OwnShare
from market_maker.core.commands import FINAL, RESTING, OrderStatus, RecordOrder
from market_maker.core.events import ExchangeOrder, ExchangeStatus, Execution
from market_maker.core.instrument import EXACT, Instrument
from market_maker.core.side import Side

RECENT_ORDERS_MAX = 2_000
"""Final orders remembered, to recognise late and repeated answers."""

FINAL_STATUS = {
    ExchangeStatus.FILLED: OrderStatus.FILLED,
    ExchangeStatus.CANCELLED: OrderStatus.CANCELLED,
    ExchangeStatus.REJECTED: OrderStatus.REJECTED,
}


@dataclass(slots=True, eq=False)
class Order:
    """One order of ours. Quantities are base currency, `lots` the same in lots."""

    client_order_id: str
    side: Side
    level: int
    price_ticks: int
    lots: int
    price: Decimal
    quantity: Decimal
    sent_ns: int
    status: OrderStatus = OrderStatus.PENDING_NEW
    order_id: str | None = None
    filled: Decimal = field(default=Decimal(0))
    filled_lots: int = 0
    expected_filled: Decimal | None = None
    """What the exchange counts as filled, once it called the order final."""
    settled: bool = False
    settled_ns: int = 0
    reason: str = ""
    request_ended: bool = False
    """Whether the placing request is over, so that it cannot create the order any more."""
    cancel_outstanding: bool = False
    query_outstanding: bool = False
    not_found_ns: int | None = None
    """When it was read that the exchange, after the placing request was over, does not know it; None: not
    since it last said that it does."""
    retry_ns: int = 0

    @classmethod
    def of_earlier_process(
        cls,
        client_order_id: str,
        order_id: str | None,
        side: Side,
        level: int,
        price: Decimal,
        quantity: Decimal,
        filled: Decimal,
        instrument: Instrument,
        now_ns: int,
    ) -> "Order":
        """An order as it was stored: its request is over, its fate only the exchange knows.

        The grid may have changed meanwhile: quantities count as the lots that cover them.
        """
        return cls(
            client_order_id,
            side,
            level,
            price_ticks=round(price / instrument.tick_size),
            lots=_lots(quantity, instrument, ROUND_CEILING),
            price=price,
            quantity=quantity,
            sent_ns=now_ns,
            status=OrderStatus.UNKNOWN,
            order_id=order_id,
            filled=filled,
            filled_lots=_lots(filled, instrument, ROUND_FLOOR),
            request_ended=True,
            reason="of an earlier process",
        )

    @property
    def is_live(self) -> bool:
        """Whether the exchange has not yet called it final."""
        return self.status not in FINAL

    @property
    def rests(self) -> bool:
        """Whether the exchange confirmed it and has not yet called it final."""
        return self.status in RESTING

    @property
    def open_lots(self) -> int:
        """Lots that may still fill, or did fill without our having seen it."""
        if self.settled:
            return 0
        if self.expected_filled is not None and self.quantity > 0:
            missing = EXACT.multiply(EXACT.subtract(self.expected_filled, self.filled), Decimal(self.lots))
            open_lots = int(EXACT.divide(missing, self.quantity).to_integral_value(ROUND_CEILING))
        else:
            open_lots = self.lots - self.filled_lots
        return open_lots if open_lots > 0 else 0

    def record(self) -> RecordOrder:
        """The order as the journal keeps it."""
        return RecordOrder(
            self.client_order_id,
            self.order_id,
            self.side,
            self.level,
            self.price,
            self.quantity,
            self.filled,
            self.status,
            self.reason,
        )


class OrderTracker:
    """All orders of a symbol that are not settled, and the most recent ones that are."""

    __slots__ = ("_by_order_id", "_orders", "_recent", "_strays", "share")

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._by_order_id: dict[str, Order] = {}
        self._recent: OrderedDict[str, Order] = OrderedDict()
        self._strays: OrderedDict[str, Decimal] = OrderedDict()
        """What orders that nobody here knows have filled, by the exchange's id."""
        self.share = OwnShare()
        """What of them the published book shows."""

    def __iter__(self) -> Iterator[Order]:
        """Every order that is not settled, oldest first; safe against changes while iterating."""
        return iter(tuple(self._orders.values()))

    def __len__(self) -> int:
        """How many orders are not settled."""
        return len(self._orders)

    def get(self, client_order_id: str) -> Order | None:
        """The order, settled or not; None when this process does not know it."""
        return self._orders.get(client_order_id) or self._recent.get(client_order_id)

    def find(self, client_order_id: str | None, order_id: str | None) -> Order | None:
        """The order by either id."""
        if client_order_id is not None and (order := self.get(client_order_id)) is not None:
            return order
        return self._by_order_id.get(order_id) if order_id is not None else None

    def remember_filled(self, order_id: str, quantity: Decimal) -> None:
        """Note what an order has filled whose row may be missing, or older than its fills."""
        self._strays[order_id] = quantity

    def load(self, order: Order, instrument: Instrument) -> None:
        """Track an order of an earlier process; the fills that it counted tell what is filled."""
        if order.order_id is not None and (filled := self._strays.pop(order.order_id, None)) is not None:
            order.filled = filled
            order.filled_lots = _lots(filled, instrument, ROUND_FLOOR)
        self.add(order)

    def add(self, order: Order) -> None:
        """Track an order that was sent or found at the exchange."""
        self._orders[order.client_order_id] = order
        is_new = order.status is OrderStatus.PENDING_NEW
        lots = order.lots - order.filled_lots
        self.share.sent(order.client_order_id, order.side, order.price_ticks, lots, may_show=not is_new)
        if order.order_id is not None:
            self._by_order_id[order.order_id] = order

    def identify(self, order: Order, order_id: str | None, instrument: Instrument) -> None:
        """Note the exchange's id of an order, and with it what filled under that id before it was known."""
        if order_id is None or order.order_id is not None:
            return
        order.order_id = order_id
        self._by_order_id[order_id] = order
        if (filled := self._strays.pop(order_id, None)) is not None:
            order.filled = EXACT.add(order.filled, filled)
            order.filled_lots += _lots(filled, instrument, ROUND_FLOOR)

    def live(self, side: Side) -> list[Order]:
        """Orders of a side that the exchange has not called final, oldest first."""
        return [order for order in self._orders.values() if order.side is side and order.status not in FINAL]

    def live_count(self) -> int:
        """Live and unknown orders of both sides."""
        return sum(order.is_live for order in self._orders.values())

    def unknown_count(self) -> int:
        """Orders whose fate only the exchange knows."""
        return sum(order.status is OrderStatus.UNKNOWN for order in self._orders.values())

    def open_lots(self, side: Side) -> int:
        """Lots of a side that may still fill: live, unknown and not yet settled orders."""
        return sum([order.open_lots for order in self._orders.values() if order.side is side])

    def open_lots_by_side(self) -> dict[Side, int]:
        """The same for both sides."""
        lots = {Side.BUY: 0, Side.SELL: 0}
        for order in self._orders.values():
            lots[order.side] += order.open_lots
        return lots

    def is_two_sided(self) -> bool:
        """Whether at least one confirmed order rests on each side."""
        sides = {order.side for order in self._orders.values() if order.status in RESTING}
        return len(sides) == 2

    def fill(self, execution: Execution, instrument: Instrument, now_ns: int) -> Order | None:
        """Count a fill for its order, whatever state it is in; None when the order is not ours to know."""
        order = self.find(execution.client_order_id, execution.order_id)
        if order is None:
            self._stray(execution)
            return None
        self.identify(order, execution.order_id, instrument)
        order.filled = EXACT.add(order.filled, execution.quantity)
        lots = _lots(execution.quantity, instrument, ROUND_FLOOR)
        order.filled_lots += lots
        self.share.filled(order.client_order_id, execution.executed_at_us, lots)
        if order.filled >= order.quantity:
            self.share.ended(order.client_order_id, execution.executed_at_us, now_ns)
            self.close(order, OrderStatus.FILLED, now_ns, expected_filled=order.quantity)
        elif order.is_live and order.status is not OrderStatus.PENDING_CANCEL:
            order.status = OrderStatus.PARTIALLY_FILLED
        elif order.expected_filled is not None and order.filled >= order.expected_filled:
            self._settle(order, now_ns)
        return order

    def close(
        self,
        order: Order,
        status: OrderStatus,
        now_ns: int,
        *,
        expected_filled: Decimal | None = None,
        all_fills_seen: bool = False,
        reason: str = "",
    ) -> None:
        """Make an order final because the exchange said so.

        `expected_filled` is what it counts as filled. `all_fills_seen` is true when the word came
        through the same ordered stream as the fills. With neither, the order stays unsettled.
        """
        if status is OrderStatus.REJECTED:
            self.share.never_rested(order.client_order_id)
        else:
            self.share.ended(order.client_order_id, None, now_ns)
        order.status = status
        order.reason = reason or order.reason
        if expected_filled is not None:
            order.expected_filled = expected_filled
        if all_fills_seen or (order.expected_filled is not None and order.filled >= order.expected_filled):
            self._settle(order, now_ns)

    def reported(self, order: Order, reported: ExchangeOrder, instrument: Instrument, now_ns: int) -> None:
        """Take over what the exchange reports of an order when asked."""
        self.identify(order, reported.order_id, instrument)
        order.request_ended = True
        order.not_found_ns = None
        if reported.status.is_final:
            self.close(
                order,
                FINAL_STATUS[reported.status],
                now_ns,
                expected_filled=reported.filled_quantity,
                reason=f"exchange reports {reported.status.value}",
            )
        elif order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
            order.status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN

    def adopt(self, reported: ExchangeOrder, instrument: Instrument, now_ns: int) -> Order:
        """Track an order of our account that this process did not know, or had believed gone.

        Only fills that reached us count as filled: the limits then err on the safe side.
        """
        known = self._recent.pop(reported.client_order_id, None)
        filled = known.filled if known is not None else self._strays.pop(reported.order_id, Decimal(0))
        order = Order(
            reported.client_order_id,
            reported.side,
            level=-1,
            price_ticks=round(reported.price / instrument.tick_size),
            lots=_lots(reported.quantity, instrument, ROUND_CEILING),
            price=reported.price,
            quantity=reported.quantity,
            sent_ns=now_ns,
            status=OrderStatus.OPEN,
            order_id=reported.order_id,
            filled=filled,
            filled_lots=_lots(filled, instrument, ROUND_FLOOR),
            request_ended=True,
            reason="found at the exchange",
        )
        self.add(order)
        return order

    def _stray(self, execution: Execution) -> None:
        """Remember what an order filled that may be found at the exchange later."""
        before = self._strays.pop(execution.order_id, Decimal(0))
        self._strays[execution.order_id] = EXACT.add(before, execution.quantity)
        if len(self._strays) > RECENT_ORDERS_MAX:
            self._strays.popitem(last=False)

    def _settle(self, order: Order, now_ns: int) -> None:
        order.settled = True
        order.settled_ns = now_ns
        self._orders.pop(order.client_order_id, None)
        self._recent[order.client_order_id] = order
        while len(self._recent) > RECENT_ORDERS_MAX:
            _, oldest = self._recent.popitem(last=False)
            if oldest.order_id is not None:
                self._by_order_id.pop(oldest.order_id, None)


def _lots(quantity: Decimal, instrument: Instrument, rounding: str) -> int:
    return int(EXACT.divide(quantity, instrument.lot_size).to_integral_value(rounding))
