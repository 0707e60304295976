"""A small honest exchange in memory: one symbol, our account, and a crowd with a best bid and ask.

It is the truth that the engine's belief is compared with. It knows no time and no network: whoever
drives it decides when a request arrives and when an answer or a message is delivered.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from market_maker.core import events as ev
from market_maker.core.events import ExchangeStatus, Execution, OrderEvent, OrderEventKind, RequestOutcome
from market_maker.core.instrument import Instrument
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side

Streamed = Execution | OrderEvent


@dataclass(slots=True)
class RestingOrder:
    """An order as the exchange has it; `left` are the lots that may still trade."""

    order_id: str
    client_order_id: str
    side: Side
    price_ticks: int
    lots: int
    left: int
    status: ExchangeStatus = ExchangeStatus.OPEN
    accepted_us: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it stands in the book."""
        return not self.status.is_final


class ExchangeModel:
    """Price, quantity and order state at the exchange; its stream is a log that only grows."""

    def __init__(self, instrument: Instrument, bid: int | None, ask: int | None) -> None:
        self.instrument = instrument
        self.others: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        """Lots of the crowd by price."""
        self.tops: dict[int, tuple[int | None, int | None]] = {}
        """The crowd's best bid and ask when the message of that sequence was made."""
        self._set(Side.BUY, bid)
        self._set(Side.SELL, ask)
        self.orders: dict[str, RestingOrder] = {}
        self.stream: list[Streamed] = []
        self.sequence = 0
        self.now_us = 0
        """The exchange's own clock: every operation and every message has a time of its own."""
        self.shown_both_sides = False
        """Whether the last book message had others' orders on both sides."""
        self._by_client_id: dict[str, RestingOrder] = {}
        self._published: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    @property
    def bid(self) -> int | None:
        """The crowd's best."""
        return max(self.others[Side.BUY], default=None)

    @property
    def ask(self) -> int | None:
        """The crowd's best."""
        return min(self.others[Side.SELL], default=None)

    # --- the Order Service -------------------------------------------------------------------

    def place(self, order: CheckedOrder) -> tuple[RequestOutcome, str | None, bool]:
        """How it ended, order id, and whether it would have crossed; the same id again repeats the answer."""
        known = self._by_client_id.get(order.client_order_id)
        if known is not None:
            return RequestOutcome.OK, known.order_id, False
        against = self.ask if order.side is Side.BUY else self.bid
        sign = order.side.sign
        if against is not None and sign * (order.price_ticks - against) >= 0:
            return RequestOutcome.REJECTED, None, True
        order_id = f"x{len(self.orders) + 1}"
        resting = RestingOrder(
            order_id, order.client_order_id, order.side, order.price_ticks, order.lots, order.lots
        )
        self.orders[order_id] = self._by_client_id[order.client_order_id] = resting
        self._say(resting, OrderEventKind.ACCEPTED)
        resting.accepted_us = self.now_us
        return RequestOutcome.OK, order_id, False

    def cancel(self, order_id: str) -> RequestOutcome:
        """NOT_FOUND when there is no such open order."""
        order = self.orders.get(order_id)
        if order is None or not order.is_open:
            return RequestOutcome.NOT_FOUND
        order.status = ExchangeStatus.CANCELLED
        self._say(order, OrderEventKind.CANCELED)
        return RequestOutcome.OK

    def cancel_all(self) -> int:
        """How many were cancelled."""
        return sum(self.cancel(order.order_id) is RequestOutcome.OK for order in self.open())

    def query(self, client_order_id: str) -> ev.ExchangeOrder | None:
        """The order, open or not."""
        order = self._by_client_id.get(client_order_id)
        return None if order is None else self.report(order)

    def report(self, order: RestingOrder) -> ev.ExchangeOrder:
        """An order as the Order Service reports it."""
        return ev.ExchangeOrder(
            order.order_id,
            order.client_order_id,
            order.side,
            self.instrument.price(order.price_ticks),
            self.instrument.quantity(order.lots),
            self.instrument.quantity(order.lots - order.left),
            order.status,
        )

    def open(self) -> list[RestingOrder]:
        """All open orders of our account, oldest first."""
        return [order for order in self.orders.values() if order.is_open]

    @property
    def executions(self) -> list[Execution]:
        """All executions of our account so far."""
        return [streamed for streamed in self.stream if isinstance(streamed, Execution)]

    # --- the market --------------------------------------------------------------------------

    def fill(self, order: RestingOrder, lots: int) -> None:
        """Somebody trades with one of our orders; fees are a rebate of 1 bps."""
        lots = min(lots, order.left)
        order.left -= lots
        price, quantity = self.instrument.price(order.price_ticks), self.instrument.quantity(lots)
        number = len(self.stream) + 1
        self.now_us += 1
        self.stream.append(
            Execution(
                0,
                f"t{number}",
                order.side,
                price,
                quantity,
                -(price * quantity) / Decimal(10_000),
                order.order_id,
                order.client_order_id,
                is_maker=True,
                sequence=number,
                executed_at_us=self.now_us,
            )
        )
        order.status = ExchangeStatus.PARTIALLY_FILLED
        if order.left == 0:
            order.status = ExchangeStatus.FILLED
            self._say(order, OrderEventKind.FILLED)

    def move(self, bid: int | None, ask: int | None) -> None:
        """The crowd moves; it trades through whatever of ours stands in its way."""
        for order in self.open():
            against = ask if order.side is Side.BUY else bid
            if against is not None and order.side.sign * (order.price_ticks - against) >= 0:
                self.fill(order, order.left)
        self._set(Side.BUY, bid)
        self._set(Side.SELL, ask)

    def change(self, side: Side, ticks: int, lots: int) -> None:
        """The crowd has so many lots at a price from now on, unless that would cross anybody."""
        against = [order.price_ticks for order in self.open() if order.side is not side]
        against += self.others[side.opposite]
        if lots and any(side.sign * (ticks - other) >= 0 for other in against):
            return
        levels = self.others[side]
        levels[ticks] = lots
        if not lots:
            del levels[ticks]

    def _set(self, side: Side, ticks: int | None) -> None:
        self.others[side] = {} if ticks is None else {ticks: 300}

    def snapshot(self, at_ns: int, data_ns: int) -> ev.BookSnapshot:
        """The whole book, our own orders included."""
        self.sequence += 1
        self.now_us += 1
        self._published = self._levels()
        return ev.BookSnapshot(
            at_ns,
            data_ns,
            self.sequence,
            tuple(self._published[Side.BUY].items()),
            tuple(self._published[Side.SELL].items()),
            exchange_us=self.now_us,
        )

    def delta(self, at_ns: int, data_ns: int) -> ev.BookDelta:
        """What changed since the last book message."""
        self.sequence += 1
        self.now_us += 1
        before, after = self._published, self._levels()
        self._published = after
        return ev.BookDelta(
            at_ns,
            data_ns,
            self.sequence - 1,
            self.sequence,
            _changes(before[Side.BUY], after[Side.BUY]),
            _changes(before[Side.SELL], after[Side.SELL]),
            exchange_us=self.now_us,
        )

    def _levels(self) -> dict[Side, dict[int, int]]:
        self.shown_both_sides = self.bid is not None and self.ask is not None
        self.tops[self.sequence] = self.bid, self.ask
        levels = {side: dict(others) for side, others in self.others.items()}
        for order in self.open():
            side = levels[order.side]
            side[order.price_ticks] = side.get(order.price_ticks, 0) + order.left
        return levels

    def _say(self, order: RestingOrder, kind: OrderEventKind) -> None:
        number = len(self.stream) + 1
        self.now_us += 1
        at_us = self.now_us
        event = OrderEvent(0, kind, order.order_id, order.client_order_id, None, number, happened_at_us=at_us)
        self.stream.append(event)

    def message(self, offset: int, at_ns: int) -> Streamed:
        """One message of the stream, as it is delivered at `at_ns`."""
        return replace(self.stream[offset], at_ns=at_ns, source=ev.Source(0, offset))


def _changes(before: dict[int, int], after: dict[int, int]) -> ev.Levels:
    gone = tuple((ticks, 0) for ticks in before if ticks not in after)
    return gone + tuple((ticks, lots) for ticks, lots in after.items() if before.get(ticks) != lots)
