"""The matching engine: price-time priority over whole ticks and lots. Orders in, matches out.

It knows no events, fees or grids. An incoming order trades at the price of the resting one; at each
price the oldest order goes first. Self-trade prevention cancels the newest: an incoming order that
reaches a resting one of its own account is cancelled there with what is left of it.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tradex_sandbox.orders import BookOrder, OrderStatus, Side
from tradex_sandbox.published import TopTicks

REASON_IOC = "IOC_REMAINDER"
REASON_SELF_TRADE = "SELF_TRADE"


@dataclass(frozen=True, slots=True)
class Match:
    """`lots` changed hands at `ticks`."""

    maker: BookOrder
    taker: BookOrder
    ticks: int
    lots: int


class RestingOrders:
    """One side: a queue of orders per price, the best price first."""

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side is Side.BUY else 1
        self._queues: dict[int, deque[BookOrder]] = {}
        self._lots: dict[int, int] = {}
        self._keys: list[int] = []
        """Prices times sign, ascending: the best price is always the first."""

    @property
    def best(self) -> int | None:
        """Best price in ticks."""
        return self._keys[0] * self._sign if self._keys else None

    def best_without(self, account_id: str) -> int | None:
        """Best price at which somebody else than the account stands."""
        for key in self._keys:
            ticks = key * self._sign
            if any(order.account_id != account_id for order in self._queues[ticks]):
                return ticks
        return None

    def queue(self, ticks: int) -> deque[BookOrder]:
        """The orders at a price, oldest first."""
        return self._queues[ticks]

    def lots(self, ticks: int) -> int:
        """Quantity at a price."""
        return self._lots.get(ticks, 0)

    def prices(self) -> list[int]:
        """Every price, best first."""
        return [key * self._sign for key in self._keys]

    def orders(self) -> Iterator[BookOrder]:
        """Every order, best price first, oldest first."""
        for ticks in self.prices():
            yield from self._queues[ticks]

    def add(self, ticks: int, order: BookOrder) -> None:
        """Put an order behind those at its price."""
        if ticks not in self._queues:
            insort(self._keys, ticks * self._sign)
            self._queues[ticks] = deque()
            self._lots[ticks] = 0
        self._queues[ticks].append(order)
        self._lots[ticks] += order.remaining

    def reduce(self, ticks: int, lots: int) -> None:
        """`lots` of the orders at a price were filled; filled orders leave from the front."""
        self._lots[ticks] -= lots
        queue = self._queues[ticks]
        while queue and not queue[0].remaining:
            queue.popleft()
        self._drop_if_empty(ticks)

    def remove(self, ticks: int, order: BookOrder) -> None:
        """Take an order out, wherever it stands in its queue."""
        self._queues[ticks].remove(order)
        self._lots[ticks] -= order.remaining
        self._drop_if_empty(ticks)

    def _drop_if_empty(self, ticks: int) -> None:
        if not self._queues[ticks]:
            del self._queues[ticks], self._lots[ticks]
            del self._keys[bisect_left(self._keys, ticks * self._sign)]


class MatchingEngine:
    """The book of one symbol."""

    def __init__(self) -> None:
        self.bids = RestingOrders(Side.BUY)
        self.asks = RestingOrders(Side.SELL)

    @property
    def top(self) -> TopTicks:
        """Best bid and ask in ticks."""
        return self.bids.best, self.asks.best

    def top_without(self, account_id: str) -> TopTicks:
        """Best bid and ask of everybody but one account."""
        return self.bids.best_without(account_id), self.asks.best_without(account_id)

    def side(self, side: Side) -> RestingOrders:
        """The resting orders of one side."""
        return self.bids if side is Side.BUY else self.asks

    def would_cross(self, side: Side, ticks: int) -> bool:
        """Whether an order at this price would trade at once."""
        best = self.side(side.opposite).best
        if best is None:
            return False
        return ticks >= best if side is Side.BUY else ticks <= best

    def submit(self, order: BookOrder, at_us: int) -> list[Match]:
        """Match an order; what is left of it rests (GTC) or is cancelled (IOC, market, self-trade)."""
        matches = self._match(order, at_us)
        if order.remaining and order.status is not OrderStatus.CANCELLED:
            if order.is_ioc or order.ticks is None:
                order.cancel(REASON_IOC, at_us)
            else:
                self.side(order.side).add(order.ticks, order)
        return matches

    def cancel(self, order: BookOrder, reason: str, at_us: int) -> int:
        """Take a resting order out of the book; returns its price in ticks."""
        if order.ticks is None:
            raise AssertionError(f"order {order.order_id}: a market order does not rest")
        self.side(order.side).remove(order.ticks, order)
        order.cancel(reason, at_us)
        return order.ticks

    def _match(self, taker: BookOrder, at_us: int) -> list[Match]:
        matches: list[Match] = []
        resting = self.side(taker.side.opposite)
        while taker.remaining:
            ticks = resting.best
            if ticks is None or (taker.ticks is not None and not self.would_cross(taker.side, taker.ticks)):
                break
            maker = resting.queue(ticks)[0]
            if maker.account_id == taker.account_id:
                taker.cancel(REASON_SELF_TRADE, at_us)
                break
            lots = min(maker.remaining, taker.remaining)
            maker.fill(lots, at_us)
            taker.fill(lots, at_us)
            resting.reduce(ticks, lots)
            matches.append(Match(maker, taker, ticks, lots))
        return matches
