"""What the Order Service and the matching engine say to a `Conversation`."""

from decimal import Decimal

from tests.support.conversation import EXCHANGE_US, MS, Conversation
from tests.support.said import Said

from market_maker.core import events as ev
from market_maker.core.events import ExchangeStatus, RequestOutcome
from market_maker.core.side import Side


class ExchangeTalk(Conversation):
    """Answers to requests, and events of orders and fills, by the names of the orders."""

    # --- answers of the Order Service --------------------------------------------------------

    def place_answer(
        self,
        name: str,
        outcome: RequestOutcome = RequestOutcome.OK,
        *,
        ended: bool = True,
        would_cross: bool = False,
        code: str = "",
        retry_after_ms: float = 0,
        taken_ms_ago: float = 0,
    ) -> Said:
        """The answer to a new order, which the exchange took that long ago."""
        order_id = self.order_id(name) if outcome is RequestOutcome.OK else None
        return self.when(
            ev.PlaceAnswer(
                self.now_ns,
                self.id(name),
                outcome,
                order_id,
                code=code,
                would_cross=would_cross,
                retry_after_ns=round(retry_after_ms * MS),
                ended=ended,
                created_at_us=round(self.now_ns - taken_ms_ago * MS) // EXCHANGE_US if order_id else None,
            )
        )

    def cancel_answer(
        self,
        name: str,
        outcome: RequestOutcome = RequestOutcome.OK,
        *,
        ended: bool = True,
        retry_after_ms: float = 0,
    ) -> Said:
        """The answer to a cancel."""
        retry_after_ns = round(retry_after_ms * MS)
        answer = ev.CancelAnswer(
            self.now_ns, self.id(name), outcome, ended=ended, retry_after_ns=retry_after_ns
        )
        return self.when(answer)

    def cancel_all_answer(
        self, outcome: RequestOutcome = RequestOutcome.OK, cancelled: int = 0, *, retry_after_ms: float = 0
    ) -> Said:
        """The answer to a cancel-all."""
        retry_after_ns = round(retry_after_ms * MS)
        return self.when(ev.CancelAllAnswer(self.now_ns, outcome, cancelled, retry_after_ns=retry_after_ns))

    def query_answer(
        self,
        name: str,
        status: ExchangeStatus | None,
        *,
        filled: int = 0,
        outcome: RequestOutcome = RequestOutcome.OK,
        asked_ms_ago: float = 0,
        retry_after_ms: float = 0,
    ) -> Said:
        """What became of an order; no status: not found."""
        asked_ns = self.now_ns - round(asked_ms_ago * MS)
        if status is None:
            outcome = RequestOutcome.NOT_FOUND if outcome is RequestOutcome.OK else outcome
            retry_after_ns = round(retry_after_ms * MS)
            return self.when(
                ev.QueryAnswer(self.now_ns, asked_ns, self.id(name), outcome, retry_after_ns=retry_after_ns)
            )
        reported = self.at_exchange(name, status, filled=filled)
        return self.when(ev.QueryAnswer(self.now_ns, asked_ns, self.id(name), outcome, reported))

    def query_event(self, order: ev.ExchangeOrder) -> ev.QueryAnswer:
        """The answer that the exchange reports `order`."""
        return ev.QueryAnswer(self.now_ns, self.now_ns, order.client_order_id, RequestOutcome.OK, order)

    def open_orders(
        self,
        *orders: ev.ExchangeOrder,
        outcome: RequestOutcome = RequestOutcome.OK,
        asked_ms_ago: float = 0,
        retry_after_ms: float = 0,
    ) -> Said:
        """The exchange's list of our open orders."""
        asked_ns = self.now_ns - round(asked_ms_ago * MS)
        retry_after_ns = round(retry_after_ms * MS)
        return self.when(
            ev.OpenOrdersAnswer(self.now_ns, asked_ns, outcome, orders, retry_after_ns=retry_after_ns)
        )

    def at_exchange(
        self, name: str, status: ExchangeStatus = ExchangeStatus.OPEN, *, filled: int = 0
    ) -> ev.ExchangeOrder:
        """One of our orders, as the exchange reports it."""
        order = self._scribe.orders[self.id(name)]
        return ev.ExchangeOrder(
            self.order_id(name),
            order.client_order_id,
            order.side,
            order.price,
            order.quantity,
            self.instrument.quantity(filled),
            status,
        )

    # --- the matching engine's stream --------------------------------------------------------

    def stream(self, name: str, kind: ev.OrderEventKind, reason: str | None = None) -> Said:
        """The matching engine's word on one of our orders."""
        return self.when(
            ev.OrderEvent(
                self.now_ns,
                kind,
                self.order_id(name),
                self.id(name),
                reason,
                1,
                happened_at_us=self.now_ns // EXCHANGE_US,
            )
        )

    def stream_cancelled(self, name: str) -> Said:
        """The matching engine says that an order was cancelled."""
        return self.stream(name, ev.OrderEventKind.CANCELED)

    def fill(
        self,
        name: str,
        lots: int,
        trade: str,
        *,
        price: str | None = None,
        fee: str = "0",
        knows_client_id: bool = True,
    ) -> Said:
        """One of our orders traded."""
        order = self._scribe.orders[self.id(name)]
        return self.execution(
            trade,
            order.side,
            str(order.price) if price is None else price,
            self.instrument.quantity(lots),
            order_id=self.order_id(name),
            client_order_id=order.client_order_id if knows_client_id else None,
            fee=fee,
        )

    def execution(
        self,
        trade: str,
        side: Side,
        price: str,
        quantity: Decimal | str,
        *,
        order_id: str = "stranger",
        client_order_id: str | None = None,
        fee: str = "0",
    ) -> Said:
        """Our account traded, whether or not the engine knows the order."""
        return self.when(
            ev.Execution(
                self.now_ns,
                trade,
                side,
                Decimal(price),
                Decimal(quantity),
                Decimal(fee),
                order_id,
                client_order_id,
                is_maker=True,
                sequence=1,
                executed_at_us=self.now_ns // EXCHANGE_US,
            )
        )
