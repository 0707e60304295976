"""Where our orders stand in the queues of a recorded market, and what moves them forward.

`ahead` is the part of the crowd's quantity at the order's price that arrived before it. Recorded
trades at the price consume it from the front; what recorded cancellations do is a choice (`QueueModel`).
Orders of accounts at one price stand oldest first, and an older one never has more of the crowd ahead
than a younger one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from tradex_sandbox.orders import BookOrder, Side


class QueueModel(Enum):
    """Where in a queue the recorded cancellations took place; the value is the word on a command line."""

    PROPORTIONAL = "proportional"
    """In front of and behind our orders alike, as if each lot were equally likely to be withdrawn."""
    RISK_AVERSE = "risk_averse"
    """Always behind our orders; a new order stands behind all that the book shows."""


@dataclass(slots=True, eq=False)
class QueuedOrder:
    """A resting order and the crowd's lots before it."""

    order: BookOrder
    ahead: int
    since: int = 0
    """Exchange time of the recorded book in which it was accepted: older trades do not concern it."""


@dataclass(frozen=True, slots=True)
class Take:
    """What a trade at one price did: fills of our orders, and lots that went to the crowd ahead of them."""

    fills: tuple[tuple[BookOrder, int], ...]
    crowd_lots: int
    stopped: bool
    """It reached an order of `own_account` and went no further."""


def take(queue: list[QueuedOrder], lots: int, own_account: str | None = None) -> Take:
    """Trade up to `lots` at the queue's price: the crowd ahead first, then each order in its turn.

    Moves the orders forward; does not fill them. What is neither in `fills` nor in `crowd_lots`
    meets what stands behind the last order.
    """
    fills: list[tuple[BookOrder, int]] = []
    left, crowd, stopped = lots, 0, False
    for queued in queue:
        eaten = min(left, queued.ahead - crowd)
        crowd += eaten
        left -= eaten
        if not left:
            break
        if queued.order.account_id == own_account:
            stopped = True
            break
        filled = min(left, queued.order.remaining)
        fills.append((queued.order, filled))
        left -= filled
    for queued in queue:
        queued.ahead = max(0, queued.ahead - crowd)
    return Take(tuple(fills), crowd, stopped)


def thin_out(
    queue: Iterable[QueuedOrder],
    before: int,
    traded: int,
    after: int,
    model: QueueModel = QueueModel.PROPORTIONAL,
) -> None:
    """The level went from `before` to `after` lots, of which `traded` are explained by trades.

    What remains unexplained was cancelled: the part ahead shrinks in proportion, rounded up (against
    us), or not at all, and never exceeds what stands there now.
    """
    expected = before - traded
    for queued in queue:
        if after < expected and model is QueueModel.PROPORTIONAL:
            queued.ahead = -(-queued.ahead * after // expected)
        queued.ahead = min(queued.ahead, after)


class OwnOrders:
    """The resting orders of all accounts on one side of a recorded market."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._queues: dict[int, list[QueuedOrder]] = {}
        self._prices: list[int] = []
        """Best first; another list after each change, so that who walks along one is not disturbed."""
        self._sign = -1 if side is Side.BUY else 1

    def __bool__(self) -> bool:
        return bool(self._queues)

    def __iter__(self) -> Iterator[BookOrder]:
        for queue in self._queues.values():
            for queued in queue:
                yield queued.order

    @property
    def best(self) -> int | None:
        """Best price in ticks."""
        return self._prices[0] if self._prices else None

    def best_without(self, account_id: str) -> int | None:
        """Best price at which another account stands."""
        others = [
            price
            for price, queue in self._queues.items()
            if any(queued.order.account_id != account_id for queued in queue)
        ]
        return min(others, key=self._sign.__mul__, default=None)

    def prices(self) -> Sequence[int]:
        """Every price, best first."""
        return self._prices

    def reached(self, ticks: int) -> list[int]:
        """Own prices at `ticks` or better, best first: those that an opposite price of `ticks` meets."""
        prices, sign = self._prices, self._sign
        if not prices or (prices[0] - ticks) * sign > 0:
            return []
        return [price for price in prices if (price - ticks) * sign <= 0]

    def queue(self, ticks: int) -> list[QueuedOrder]:
        """The orders at a price, oldest first; empty when there is none."""
        return self._queues.get(ticks, [])

    def lots(self, ticks: int) -> int:
        """What is left of all orders at a price."""
        return sum(queued.order.remaining for queued in self._queues.get(ticks, ()))

    def add(self, ticks: int, order: BookOrder, ahead: int, since: int) -> None:
        """Put an order behind `ahead` lots of the crowd and every own order at its price."""
        queued = QueuedOrder(order, ahead, since)
        if ticks in self._queues:
            self._queues[ticks].append(queued)
        else:
            self._queues[ticks] = [queued]
            self._order_prices()

    def remove(self, ticks: int, order: BookOrder) -> None:
        """Take an order out."""
        queue = [queued for queued in self._queues[ticks] if queued.order is not order]
        self._keep(ticks, queue)

    def drop_filled(self, ticks: int) -> None:
        """Take out the orders at a price of which nothing is left."""
        self._keep(ticks, [queued for queued in self._queues[ticks] if queued.order.remaining])

    def _keep(self, ticks: int, queue: list[QueuedOrder]) -> None:
        if queue:
            self._queues[ticks] = queue
        else:
            del self._queues[ticks]
            self._order_prices()

    def _order_prices(self) -> None:
        self._prices = sorted(self._queues, key=self._sign.__mul__)
