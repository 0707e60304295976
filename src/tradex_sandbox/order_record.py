"""Every order that the exchange has seen lately, by its ids, with the answers that a retry repeats."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tradex_sandbox.orders import (
    BookOrder,
    NewOrder,
    Order,
    OrderNotFound,
    OrderRefused,
    RefusalCode,
)

ANSWERS_KEPT = 100_000
"""How many answers to orders stay on record; an open order always does."""


@dataclass(slots=True, eq=False)
class EnteredOrder:
    """An order that entered a market."""

    new: NewOrder
    book_order: BookOrder
    lot_size: Decimal
    created_at_us: int

    def view(self) -> Order:
        """The order as it stands now."""
        order = self.book_order
        return Order(
            self.new,
            order.order_id,
            self.lot_size * (order.lots - order.remaining),
            order.status,
            order.reason,
            self.created_at_us,
            order.updated_at_us,
        )


class OrderRecord:
    """Orders by exchange id and client id, open ones apart, and answers by idempotency key."""

    def __init__(self) -> None:
        self._orders: dict[str, EnteredOrder] = {}
        self._by_client_id: dict[str, EnteredOrder] = {}
        self._open: dict[str, EnteredOrder] = {}
        self._answers: dict[str, tuple[NewOrder, Order | OrderRefused]] = {}
        """By idempotency key."""
        self._finals: deque[str] = deque()

    def repeated(self, new: NewOrder) -> Order | None:
        """The first answer to the same key, None for a new key.

        OrderRefused when that answer was a refusal, when the key came with another payload, or when
        another key used the client order id.
        """
        known = self._answers.get(new.idempotency_key)
        if known is None:
            if new.client_order_id in self._by_client_id:
                raise OrderRefused(
                    RefusalCode.DUPLICATE_CLIENT_ORDER_ID,
                    f"client_order_id: {new.client_order_id} was used before; make a new one",
                )
            return None
        asked, answer = known
        if asked != new:
            raise OrderRefused(
                RefusalCode.IDEMPOTENCY_KEY_REUSED,
                f"idempotency_key: {new.idempotency_key} came with another order before; "
                "repeat that order exactly, or make a new key",
            )
        if isinstance(answer, OrderRefused):
            raise OrderRefused(answer.code, answer.message)
        return answer

    def entered(self, order: EnteredOrder) -> None:
        """An order has entered a market."""
        self._settle()
        self._orders[order.book_order.order_id] = order
        self._by_client_id[order.new.client_order_id] = order
        self._open[order.book_order.order_id] = order

    def answered(self, new: NewOrder, answer: Order | OrderRefused) -> None:
        """Keep the answer for a retry."""
        self._answers[new.idempotency_key] = new, answer
        while len(self._answers) > ANSWERS_KEPT + len(self._open):
            del self._answers[next(iter(self._answers))]

    def find(self, order_id: str) -> EnteredOrder:
        """By the exchange's id; OrderNotFound."""
        try:
            return self._orders[order_id]
        except KeyError:
            raise OrderNotFound(f"order_id: no order {order_id}") from None

    def find_by_client_id(self, client_order_id: str) -> EnteredOrder:
        """By the client's id; OrderNotFound."""
        try:
            return self._by_client_id[client_order_id]
        except KeyError:
            raise OrderNotFound(f"client_order_id: no order {client_order_id}") from None

    def open_orders(self, account_id: str, symbol: str | None) -> Iterator[EnteredOrder]:
        """The account's open orders, oldest first."""
        self._settle()
        for order in tuple(self._open.values()):
            if order.new.account_id == account_id and symbol in (None, order.new.symbol):
                yield order

    def open_in(self, symbol: str) -> Iterator[EnteredOrder]:
        """Every open order of a symbol, oldest first."""
        self._settle()
        for order in tuple(self._open.values()):
            if order.new.symbol == symbol:
                yield order

    def _settle(self) -> None:
        """Move what has become final out of the open orders; forget the oldest final ones."""
        done = [order_id for order_id, order in self._open.items() if order.book_order.status.is_final]
        for order_id in done:
            del self._open[order_id]
            self._finals.append(order_id)
        while len(self._finals) > ANSWERS_KEPT:
            self._forget(self._orders[self._finals.popleft()])

    def _forget(self, order: EnteredOrder) -> None:
        del self._orders[order.book_order.order_id]
        del self._by_client_id[order.new.client_order_id]
